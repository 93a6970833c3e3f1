"""Where a dataset is built before it is there: a hidden folder that is renamed at the end.

Whatever interrupts the building leaves no dataset, and what a killed process left is removed when
Headstart starts next, or when the next dataset is built.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tl_core.alive import alive, bury, has_died
from tl_core.data.dataset import Dataset, list_datasets, load_dataset_folder, save
from tl_core.deleting import sweep_discarded
from tl_core.workspace import Workspace, new_id

_ABANDONED_AFTER = 24 * 3600  # seconds, where no lock tells whether its process lives


@contextmanager
def building_site(datasets: Path) -> Iterator[Path]:
    """Yield an empty folder to build a dataset in; it is gone afterwards, unless published.

    Args:
        datasets: the workspace's folder of datasets.
    """
    datasets.mkdir(parents=True, exist_ok=True)
    sweep(datasets)
    site = datasets / f".{new_id()}.part"
    try:
        with alive(_lock(site)):
            site.mkdir()
            yield site
    finally:
        shutil.rmtree(site, ignore_errors=True)
        bury(_lock(site))


def sweep(datasets: Path) -> None:
    """Remove what processes left that no longer live, half-built or half-deleted."""
    sweep_discarded(datasets)
    for site in datasets.glob(".*.part"):
        if has_died(_lock(site)) or _is_old(site):
            shutil.rmtree(site, ignore_errors=True)
            bury(_lock(site))


def publish(workspace: Workspace, dataset: Dataset) -> Dataset:
    """Move a finished building site to its place, unless the same dataset is there already.

    Args:
        workspace: where the dataset goes.
        dataset: its `folder` is the building site; a number is added to its name when another
            dataset is called so.

    Raises:
        UserError: the disk is full.
    """
    existing = list_datasets(workspace)
    by_id = {other.id: other for other in existing}
    while (other := by_id.get(dataset.id)) is not None:
        if not other.erased:
            # What was left out and how it was read is of this import, not of the first.
            said = replace(other, skipped=dataset.skipped, reading=dataset.reading)
            if said != other:
                save(said)
            return said
        # The same pictures once more, some of which were erased from what they were.
        dataset = replace(dataset, id=hashlib.sha256(dataset.id.encode()).hexdigest()[:16])
    home = workspace.datasets / dataset.id
    shutil.rmtree(home, ignore_errors=True)  # at most a damaged folder is left there
    dataset = replace(dataset, name=free_name(dataset.name, {other.name for other in existing}))
    save(dataset)
    try:
        dataset.folder.rename(home)
    except OSError:
        if not home.is_dir():
            raise
        # Somebody else imported the same pictures at the same moment.
    return load_dataset_folder(home)


def free_name(name: str, taken: Container[str]) -> str:
    """Return `name`, or `name (2)` and so on when it is taken.

    >>> free_name("Ants", {"Ants", "Ants (2)"})
    'Ants (3)'
    """
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name} ({number})", number + 1
    return candidate


def _lock(site: Path) -> Path:
    return site.with_suffix(".lock")


def _is_old(site: Path) -> bool:
    try:
        return time.time() - site.stat().st_mtime > _ABANDONED_AFTER
    except OSError:
        return False  # removed by another process
