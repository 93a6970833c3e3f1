"""A changed dataset beside the old one: files shared, pictures added, the old one as it was."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tl_core.data.dataset import Dataset, list_datasets, load_dataset_folder
from tl_core.data.edit import moved, renamed
from tl_core.data.intake import import_entries, import_source
from tl_core.data.scan import findings
from tl_core.data.sources import Entry
from tl_core.data.versions import add_pictures, save_version
from tl_core.errors import UserError
from tl_core.workspace import Workspace


def entry(name: str, data: bytes) -> Entry:
    return Entry(name, len(data), lambda: io.BytesIO(data))


@pytest.fixture
def dataset(workspace: Workspace, photo_folder: Callable[..., Path]) -> Dataset:
    return import_source(workspace, photo_folder({"red": 10, "blue": 10}), "colours")


def test_a_version_stands_beside_the_old_one(workspace: Workspace, dataset: Dataset) -> None:
    before = (dataset.folder / "dataset.json").read_bytes()
    made = save_version(workspace, dataset, renamed(dataset, "red", "crimson"))
    assert (made.name, made.parent, dataset.parent) == ("colours (2)", dataset.id, "")
    assert made.counts() == {"blue": 10, "crimson": 10}
    assert (dataset.folder / "dataset.json").read_bytes() == before
    assert {d.id for d in list_datasets(workspace)} == {made.id, dataset.id}
    again = save_version(workspace, made, renamed(made, "crimson", "scarlet"))
    assert again.name == "colours (3)"
    back = save_version(workspace, made, renamed(made, "crimson", "red"))
    assert back == dataset, "the same content is the same version"


def test_files_are_shared_where_the_disk_can(workspace: Workspace, dataset: Dataset) -> None:
    made = save_version(workspace, dataset, moved(dataset, dataset.items[:1], "red"))
    assert all(made.path(i).samefile(stored) for i in made.items
               for stored in [dataset.folder / "files" / i.file[:2] / i.file])  # fmt: skip


def test_files_are_copied_where_it_cannot(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr("os.link", link)
    made = save_version(workspace, dataset, renamed(dataset, "red", "crimson"))
    assert not made.path(made.items[0]).samefile(
        dataset.folder / "files" / made.items[0].file[:2] / made.items[0].file
    )
    assert all(made.path(item).stat().st_size for item in made.items)


def test_a_lost_picture_is_told(workspace: Workspace, dataset: Dataset) -> None:
    dataset.path(dataset.items[0]).unlink()
    with pytest.raises(UserError, match="is gone"):
        save_version(workspace, dataset, renamed(dataset, "red", "crimson"))
    assert [path.name for path in workspace.datasets.iterdir()] == [dataset.id]


def test_pictures_come_in(workspace: Workspace, dataset: Dataset, photo_folder) -> None:
    more = photo_folder({"green": 9})
    entries = [entry(p.name, p.read_bytes()) for p in sorted((more / "green").iterdir())]
    known = dataset.path(dataset.items[0]).read_bytes()
    label = dataset.classes[dataset.items[0].label]
    bad = [
        entry("bad.png", b"x"),
        entry("notes.txt", b"x"),
        Entry("l.png", 0, io.BytesIO, "a link"),
    ]
    grown = add_pictures(workspace, dataset, label, [*entries, *bad, entry("again.png", known)])
    assert grown.counts()[label] == 19
    assert set(dataset.items) <= set(grown.items)
    assert {one.path: one.reason.split(" as ")[0] for one in grown.skipped} == {
        "l.png": "a link",
        "notes.txt": "not a picture",
        "bad.png": "not a picture that can be read",
        "again.png": "the same picture",
    }
    assert load_dataset_folder(grown.folder) == grown
    new = add_pictures(workspace, grown, "green", entries)
    assert new.counts()["green"] == 9


def test_nothing_that_could_be_added_leaves_nothing(workspace: Workspace, dataset: Dataset) -> None:
    known = dataset.items[0]
    data = dataset.path(known).read_bytes()
    name = dataset.classes[known.label]
    for entries in ([], [entry("a.png", b"x")], [entry("a.png", data)]):
        with pytest.raises(UserError, match=r"None of these \d files.*choose others"):
            add_pictures(workspace, dataset, name, entries)
    assert [path.name for path in workspace.datasets.iterdir()] == [dataset.id]


def noisy(seed: int) -> np.ndarray:
    """Return details on one large shape; half of them are those of every other seed."""
    shape = np.add.outer(np.linspace(-60, 60, 96), np.linspace(-40, 40, 96))[..., None]
    return 128 + shape + sum(np.random.default_rng(s).normal(0, 14, (96, 96, 3)) for s in (0, seed))


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_like_others_goes_to_their_side_and_both_sides_are_told(
    workspace: Workspace, photo_folder
) -> None:
    """A and B differ; what lies between them is like both, and they are on different sides."""
    a, b = noisy(1), noisy(2)
    folder = photo_folder({"red": 8, "blue": 8}, into=None)
    entries = [
        entry(f"train/{p.parent.name}/{p.name}", p.read_bytes()) for p in folder.rglob("*.png")
    ]
    entries += [entry("train/red/a.png", png(a)), entry("val/red/b.png", png(b))]
    entries += [entry("val/blue/c.png", png(noisy(3)[::-1]))]
    dataset = import_entries(workspace, entries, "it")
    assert not [f for f in findings(workspace, dataset) if f.kind == "leakage"]
    splits = {item.file: item.split for item in dataset.items}

    near = add_pictures(workspace, dataset, "red", [entry("d.png", png(b + 2))])
    assert next(i.split for i in near.items if i.name == "d.png") == "validation"

    tied = add_pictures(workspace, dataset, "red", [entry("e.png", png((a + b) / 2))])
    assert next(i.split for i in tied.items if i.name == "e.png") == "train"
    assert {i.file: i.split for i in tied.items if i.file in splits} == splits
    (leak,) = [f for f in findings(workspace, tied) if f.kind == "leakage"]
    assert {item.name for item in leak.items} == {"train/red/a.png", "val/red/b.png", "e.png"}
