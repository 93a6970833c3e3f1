"""What takes room in a workspace, and what may go."""

from __future__ import annotations

import os

import pytest

from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.decode import thumbnail
from tl_core.data.edit import renamed
from tl_core.data.versions import save_version
from tl_core.errors import UserError
from tl_core.runs import storage
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
