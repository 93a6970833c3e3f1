"""What the workspace holds, how large it is, what may go, and what goes with it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tl_core.data.dataset import Dataset, damaged_folders, find_dataset, list_datasets
from tl_core.data.erase import erase, versions_with
from tl_core.data.pixels import trim
from tl_core.deleting import discard, sweep_discarded
from tl_core.errors import UserError
from tl_core.runs.run import Run
from tl_core.runs.store import Store
from tl_core.workspace import Workspace, is_id

CACHES = {
    "pixels": "Decoded pictures",
    "activations": "What frozen stages made of pictures",
    "thumbnails": "Small copies of pictures",
    "sketches": "What the checks know of pictures",
    "findings": "What the checks found",
    "downloads": "Downloads that did not end",
    "batches": "New pictures that were predicted, and files made to be taken along",
    "models": "Models that someone sent",
}
_DOWNLOADS = "downloads"
_ELSEWHERE = (_DOWNLOADS, "batches", "models")  # folders of the workspace, not of its cache
_UNDER_WAY = 60.0  # seconds since something was last written


@dataclass(frozen=True)
class Kept:
    """One thing that takes room.

    Attributes:
        id: of the dataset or the run, or the name of the cache.
        bytes: what it takes.
        frees: what would become free; a file that several versions share stays for the others.
        held: why it may not go now; empty where it may.
    """

    id: str
    bytes: int
    frees: int
    held: str = ""


def datasets_kept(workspace: Workspace, store: Store) -> list[tuple[Dataset, Kept]]:
    """Return every dataset with what it takes, the newest first."""
    active = [run for run in store.runs() if not run.is_over]
    return [
        (dataset, Kept(dataset.id, *_sizes(dataset.folder), _held([dataset], active)))
        for dataset in list_datasets(workspace)
    ]


def runs_kept(workspace: Workspace, store: Store) -> list[tuple[Run, Kept]]:
    """Return every run with what it takes, the newest first."""
    return [
        (run, Kept(run.id, *_sizes(workspace.runs / run.id), "" if run.is_over else _BUSY))
        for run in store.runs()
    ]


def unreadable_kept(workspace: Workspace, store: Store) -> list[Kept]:
    """Return what the store or the folder of the datasets holds and nobody can read, by its name.

    Its bytes still take room, so it is listed apart and can be deleted.
    """
    runs = [Kept(run, *_sizes(_inside(workspace.runs, run))) for run in store.unreadable()]
    return [*runs, *(Kept(path.name, *_sizes(path)) for path in damaged_folders(workspace))]


def delete_unreadable(workspace: Workspace, store: Store, name: str) -> None:
    """Delete something that `unreadable_kept` lists; anything else is left alone.

    Raises:
        UserError: a file of it is in use.
    """
    if name in store.unreadable():
        discard(_inside(workspace.runs, name))
        sweep_discarded(workspace.runs, store.forget)
        store.forget(name)
    for path in damaged_folders(workspace):
        if path.name == name:
            discard(path)
            sweep_discarded(workspace.datasets)


def _inside(folder: Path, name: str) -> Path:
    """Return a run's folder; an id that another program wrote never leads elsewhere."""
    return folder / (name if is_id(name) else "no such run")


def caches_kept(workspace: Workspace, store: Store) -> list[Kept]:
    """Return every part of the cache with what it takes, and what else goes by itself or can."""
    known, trains = list(CACHES), _trains(store)
    found = {path.name for path in workspace.cache.iterdir() if path.is_dir()}
    return [
        Kept(name, *_sizes(_place(workspace, name)), _cache_held(workspace, name, trains))
        for name in (*known, *sorted(found - set(known)))
    ]


def runs_of(store: Store, dataset: str) -> list[Run]:
    """Return the runs that learned, or will learn, from a dataset."""
    return [run for run in store.runs() if run.config.dataset == dataset]


def delete_dataset(workspace: Workspace, store: Store, dataset: str) -> None:
    """Delete one version of a dataset; others keep the files that they share with it.

    Raises:
        UserError: there is none, a run that is not over needs it, or a file of it is in use.
    """
    found = find_dataset(workspace, dataset)
    _refuse(_held([found], [run for run in store.runs() if not run.is_over]))
    discard(found.folder)
    sweep_discarded(workspace.datasets)


def delete_run(workspace: Workspace, store: Store, run: str) -> None:
    """Delete a run with its model, its figures and all that it told.

    Raises:
        UserError: there is none, it is not over, or a file of it is in use.
    """
    _refuse("" if store.run(run).is_over else _BUSY)
    # In the other order an interruption would leave a folder that puts the run back.
    discard(workspace.runs / run)
    sweep_discarded(workspace.runs, store.forget)
    store.forget(run)  # one whose folder was missing


def clear_cache(workspace: Workspace, store: Store, name: str) -> None:
    """Delete a part of the cache; it is computed, or downloaded, again when it is needed.

    Windows keeps what is open.

    Raises:
        UserError: a run is training, or a download is under way.
    """
    _refuse(_cache_held(workspace, name, _trains(store)))
    if name in _ELSEWHERE:
        for path in _files(_place(workspace, name)):
            with suppress(OSError):
                path.unlink()
    elif name in {path.name for path in workspace.cache.iterdir()}:
        trim(workspace.cache / name, 0)


def why_not_erased(workspace: Workspace, store: Store, files: Collection[str]) -> str:
    """Say why pictures cannot be erased now; nothing where they can."""
    active = [run for run in store.runs() if not run.is_over]
    return _held(versions_with(workspace, files), active)


def erase_pictures(workspace: Workspace, store: Store, files: Collection[str]) -> int:
    """Erase pictures from every version, and return how many held them.

    Raises:
        UserError: a run that is not over needs one of them.
    """
    _refuse(why_not_erased(workspace, store, files))
    return erase(workspace, files)


_BUSY = "This run is not over; stop it on the Train page first."
_DOWNLOADING = "Something is being downloaded; wait for its end, or a minute after it broke off."
_TRAINING = "A run is training and reads it; wait for its end, or stop it."


def _place(workspace: Workspace, name: str) -> Path:
    return (workspace.root if name in _ELSEWHERE else workspace.cache) / name


def _trains(store: Store) -> bool:
    return any(run.state == "running" for run in store.runs())


def _cache_held(workspace: Workspace, name: str, trains: bool) -> str:
    if name == _DOWNLOADS:
        times = [path.stat().st_mtime for path in _files(workspace.downloads)]
        return _DOWNLOADING if time.time() - max(times, default=0) < _UNDER_WAY else ""
    if name in _ELSEWHERE:
        return ""
    return _TRAINING if trains else ""


def _held(datasets: Collection[Dataset], active: Collection[Run]) -> str:
    ids = {dataset.id for dataset in datasets}
    holding = [run for run in active if run.config.dataset in ids]
    if not holding:
        return ""
    return (
        f"Run {holding[0].id[:6]} learns from it and is not over; wait for its end, or stop it on "
        "the Train page first."
    )


def _refuse(reason: str) -> None:
    if reason:
        raise UserError(reason)


def _sizes(folder: Path) -> tuple[int, int]:
    """Return the bytes below a folder, and those in files without a second name elsewhere."""
    total = alone = 0
    for path in _files(folder):
        try:
            status = path.lstat()
        except OSError:
            continue  # another process trims
        total += status.st_size
        alone += status.st_size if status.st_nlink == 1 else 0
    return total, alone


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_dir())
