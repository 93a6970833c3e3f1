"""What takes room in a workspace, and what may go."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tl_core import deleting
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.decode import thumbnail
from tl_core.data.edit import renamed
from tl_core.data.site import sweep
from tl_core.data.versions import save_version
from tl_core.errors import NoRoomError, UserError
from tl_core.runs import storage
from tl_core.runs.rebuild import open_store
from tl_core.runs.store import Store
from tl_core.workspace import Workspace


@pytest.fixture
def run(store: Store, dataset: Dataset) -> str:
    return store.create(RunConfig(dataset.id, "small"))


def test_sizes_and_what_would_be_free(workspace: Workspace, store: Store, dataset: Dataset) -> None:
    ((_, alone),) = storage.datasets_kept(workspace, store)
    pictures = sum(dataset.path(item).stat().st_size for item in dataset.items)
    assert pictures < alone.bytes == alone.frees < pictures + 20_000
    save_version(workspace, dataset, renamed(dataset, "red", "crimson"))
    for _, kept in storage.datasets_kept(workspace, store):
        assert kept.bytes > pictures
        assert kept.frees < 20_000, "the files are shared"
        assert kept.held == ""


def test_a_version_goes_and_the_other_stays(
    workspace: Workspace, store: Store, dataset: Dataset
) -> None:
    other = save_version(workspace, dataset, renamed(dataset, "red", "crimson"))
    storage.delete_dataset(workspace, store, dataset.id)
    assert list_datasets(workspace) == [other]
    assert all(other.path(item).stat().st_size for item in other.items)
    assert [path.name for path in workspace.datasets.iterdir()] == [other.id]


def test_what_a_run_holds_stays(
    workspace: Workspace, store: Store, dataset: Dataset, run: str
) -> None:
    other = save_version(workspace, dataset, renamed(dataset, "red", "crimson"))
    held = {d.id: kept.held for d, kept in storage.datasets_kept(workspace, store)}
    assert f"Run {run[:6]} learns from it" in held[dataset.id]
    assert held[other.id] == ""
    file = dataset.items[0].file
    assert f"Run {run[:6]}" in storage.why_not_erased(workspace, store, [file])
    for refused in (
        lambda: storage.delete_dataset(workspace, store, dataset.id),
        lambda: storage.delete_run(workspace, store, run),
        lambda: storage.erase_pictures(workspace, store, [file]),
    ):
        with pytest.raises(UserError, match="not over"):
            refused()
    store.end(run, "failed")
    assert storage.erase_pictures(workspace, store, [file]) == 2


def test_a_run_goes_with_its_folder(workspace: Workspace, store: Store, run: str) -> None:
    store.end(run, "failed")
    (workspace.runs / run).mkdir(exist_ok=True)
    (workspace.runs / run / "model.headstart").write_bytes(bytes(1000))
    ((_, kept),) = storage.runs_kept(workspace, store)
    assert kept.bytes >= 1000
    storage.delete_run(workspace, store, run)
    assert store.runs() == []
    assert store.events(run) == []
    assert list(workspace.runs.iterdir()) == []


def fail(error: BaseException) -> Callable[..., NoReturn]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise error

    return refuse


@pytest.mark.parametrize(
    ("place", "name"), [(storage, "sweep_discarded"), (deleting.shutil, "rmtree")]
)
def test_a_deletion_that_is_interrupted_brings_nothing_back(
    place: object, name: str, workspace: Workspace, store: Store, dataset: Dataset, run: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    store.end(run, "failed")
    with monkeypatch.context() as patch:
        patch.setattr(place, name, fail(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            storage.delete_run(workspace, store, run)
        with pytest.raises(KeyboardInterrupt):
            storage.delete_dataset(workspace, store, dataset.id)
    assert list_datasets(workspace) == []
    assert len(list(workspace.datasets.iterdir())) == len(list(workspace.runs.iterdir())) == 1
    sweep(workspace.datasets)
    assert open_store(workspace).runs() == []
    assert not list(workspace.datasets.iterdir())
    assert not list(workspace.runs.iterdir())


def test_what_is_in_use_stays_with_a_sentence(
    workspace: Workspace, store: Store, dataset: Dataset, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows has it, where a folder with an open file in it cannot be moved."""
    store.end(run, "failed")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail(PermissionError(13, "Access is denied")))
        with pytest.raises(UserError, match=r"in use.*\(Access is denied\); end what downloads"):
            storage.delete_run(workspace, store, run)
        with pytest.raises(UserError, match="in use"):
            storage.delete_dataset(workspace, store, dataset.id)
    assert store.run(run).state == "failed"
    assert open_store(workspace).runs() == store.runs()
    assert list_datasets(workspace) == [dataset]
    storage.delete_run(workspace, store, run)
    assert open_store(workspace).runs() == []


def test_deleting_frees_a_disk_that_is_too_full_for_the_store(
    workspace: Workspace, store: Store, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.end(run, "failed")
    with monkeypatch.context() as patch:
        patch.setattr(store, "forget", fail(NoRoomError("The disk is full.")))
        with pytest.raises(NoRoomError):
            storage.delete_run(workspace, store, run)
    assert not list(workspace.runs.iterdir())
    storage.delete_run(workspace, store, run)
    assert store.runs() == []


def test_parts_of_the_cache(workspace: Workspace, store: Store, dataset: Dataset) -> None:
    thumbnail(dataset.path(dataset.items[0]), workspace.cache)
    kept = {one.id: one for one in storage.caches_kept(workspace, store)}
    assert list(kept) == list(storage.CACHES)
    assert kept["thumbnails"].bytes > 0
    assert kept["pixels"].bytes == 0
    storage.clear_cache(workspace, store, "thumbnails")
    storage.clear_cache(workspace, store, "../datasets")
    assert {one.id: one.bytes for one in storage.caches_kept(workspace, store)}["thumbnails"] == 0
    assert len(list_datasets(workspace)) == 1


def test_a_download_that_broke_off(workspace: Workspace, store: Store) -> None:
    workspace.downloads.mkdir()
    part = workspace.downloads / ".set.zip.part"
    part.write_bytes(bytes(1000))
    held = {one.id: one.held for one in storage.caches_kept(workspace, store)}["downloads"]
    assert held.startswith("Something is being downloaded")
    with pytest.raises(UserError, match="being downloaded"):
        storage.clear_cache(workspace, store, "downloads")
    os.utime(part, (1, 1))
    storage.clear_cache(workspace, store, "downloads")
    assert not part.exists()


@pytest.mark.parametrize("name", ["batches", "models"])
def test_what_was_brought_to_predict_can_go(workspace: Workspace, store: Store, name: str) -> None:
    file = workspace.root / name / "site" / "file"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(1000))
    assert {one.id: one.bytes for one in storage.caches_kept(workspace, store)}[name] == 1000
    storage.clear_cache(workspace, store, name)
    assert not file.exists()


def test_of_a_cache_only_what_is_in_use_stays(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.models.mkdir()
    files = [workspace.models / name for name in ("a", "open", "z")]
    for file in files:
        file.touch()
    unlink = Path.unlink

    def on_windows(path: Path, missing_ok: bool = False) -> None:
        if path.name == "open":
            raise PermissionError(13, "Access is denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", on_windows)
    storage.clear_cache(workspace, store, "models")
    assert [file.name for file in workspace.models.iterdir()] == ["open"]


def test_the_cache_stays_while_a_run_trains(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    training = store.run(run).__class__(**{**vars(store.run(run)), "state": "running"})
    monkeypatch.setattr(Store, "runs", lambda _: [training])
    held = {one.id: one.held for one in storage.caches_kept(workspace, store)}
    apart = {held.pop(name) for name in ("downloads", "batches", "models")}
    assert all("is training" in reason for reason in held.values())
    assert apart == {""}
    with pytest.raises(UserError, match="is training"):
        storage.clear_cache(workspace, store, "pixels")
