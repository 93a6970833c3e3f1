"""Erasing a picture from every version, and from what was computed of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tl_core.backbones.card import Preprocessing
from tl_core.data.dataset import Dataset, find_dataset, load_dataset_folder
from tl_core.data.decode import thumbnail
from tl_core.data.edit import renamed, require_learnable
from tl_core.data.erase import erase, versions_with
from tl_core.data.intake import import_source
from tl_core.data.pixels import decode_pixels
from tl_core.data.scan import findings
from tl_core.data.versions import save_version
from tl_core.errors import UnreadableImageError, UserError
from tl_core.workspace import Workspace


@pytest.fixture
def folder(photo_folder: Callable[..., Path]) -> Path:
    return photo_folder({"red": 10, "blue": 10})


@pytest.fixture
def dataset(workspace: Workspace, folder: Path) -> Dataset:
    return import_source(workspace, folder, "colours")


def test_nothing_of_it_is_left(workspace: Workspace, dataset: Dataset) -> None:
    other = save_version(workspace, dataset, renamed(dataset, "red", "crimson"))
    gone = dataset.items[0]
    data = dataset.path(gone).read_bytes()
    (workspace.uploads / gone.file).write_bytes(data)
    batch = workspace.batches / "one" / "sorted.zip"
    batch.parent.mkdir(parents=True)
    batch.write_bytes(b"zip" + data)
    thumbnail(dataset.path(gone), workspace.cache)
    findings(workspace, dataset)
    decode_pixels([dataset.path(i) for i in dataset.items], Preprocessing(16, 16), workspace.cache)

    assert erase(workspace, [gone.file]) == 2

    files = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert {path.name for path in files} & {gone.file} == set()
    assert all(data not in path.read_bytes() for path in files)
    assert all(gone.name.encode() not in path.read_bytes() for path in files)
    assert not [path for path in files if path.is_relative_to(workspace.cache)]
    for old in (dataset, other):
        now = load_dataset_folder(old.folder)
        assert len(now.items) == 19
        assert [item.file for item in now.erased] == [gone.file]
        assert now.id == old.id, "runs find it"
    assert versions_with(workspace, [gone.file]) == []
    with pytest.raises(UnreadableImageError, match="erased"):
        thumbnail(dataset.path(gone), workspace.cache)
    assert erase(workspace, [gone.file]) == 0


def test_what_is_in_use_is_told_and_not_told_to_be_erased(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows does with a picture that somebody has open."""
    file = dataset.items[0].file

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "in use")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        with pytest.raises(UserError, match="close what shows it and erase it again"):
            erase(workspace, [file])
    assert load_dataset_folder(dataset.folder) == dataset
    assert erase(workspace, [file]) == 1


def test_findings_are_made_anew(workspace: Workspace, folder: Path) -> None:
    (folder / "red" / "same.png").write_bytes((folder / "blue" / "000.png").read_bytes())
    dataset = import_source(workspace, folder)
    (conflict,) = [f for f in findings(workspace, dataset) if f.kind == "conflict"]
    erase(workspace, conflict.files)
    now = find_dataset(workspace, dataset.id)
    assert not [f for f in findings(workspace, now) if f.kind == "conflict"]


def test_the_same_pictures_again_are_another_dataset(
    workspace: Workspace, dataset: Dataset, folder: Path
) -> None:
    erase(workspace, [dataset.items[0].file])
    again = import_source(workspace, folder, "colours")
    assert len(again.items) == 20
    assert again.id != dataset.id
    assert import_source(workspace, folder, "colours") == again


def test_a_class_without_pictures_to_learn_from_is_refused(
    workspace: Workspace, dataset: Dataset
) -> None:
    require_learnable(dataset)
    erase(workspace, {i.file for i in dataset.of("train") if i.label == 0})
    with pytest.raises(UserError, match="in blue were erased"):
        require_learnable(find_dataset(workspace, dataset.id))
