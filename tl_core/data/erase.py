"""Erase pictures from every version of every dataset, and from all that was computed of them.

This is the one change that is made in place: a version that kept the picture would keep it. Runs
that learned from it keep their models and figures, and their pages say that it was erased.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from tl_core.data.dataset import Dataset, Skipped, list_datasets, save, stored_path
from tl_core.data.pixels import trim
from tl_core.errors import UserError
from tl_core.workspace import Workspace


def versions_with(workspace: Workspace, files: Collection[str]) -> list[Dataset]:
    """Return the datasets that hold any of these pictures, by the hash of their content."""
    wanted = set(files)
    return [
        dataset
        for dataset in list_datasets(workspace)
        if any(item.file in wanted for item in dataset.items)
    ]


def erase(workspace: Workspace, files: Collection[str]) -> int:
    """Erase pictures everywhere in a workspace, and return how many datasets held them.

    Interrupted, it can be done again: the files go first, then what tells of them.

    Args:
        workspace: where.
        files: hashes of the pictures' content.

    Raises:
        UserError: the disk is full, or a file is in use; nothing is told to be erased that is
            there.
    """
    held = versions_with(workspace, files)
    for dataset in held:
        for file in files:
            _remove(stored_path(dataset.folder, file))
        save(_without(dataset, set(files)))
    for file in files:
        _remove(workspace.uploads / file)
    shutil.rmtree(workspace.batches, ignore_errors=True)  # a zip in there may hold them
    # Small copies, decoded pixels and what networks made of them: all can be computed again.
    trim(workspace.cache, 0)
    return len(held)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except PermissionError as error:
        raise UserError(
            f"The picture {file} cannot be erased now because it is in use, or because you may not "
            f"change that folder ({error.strerror}); close what shows it and erase it again."
        ) from error


def _without(dataset: Dataset, files: Collection[str]) -> Dataset:
    gone = [item for item in dataset.items if item.file in files]
    names = {item.name for item in gone}
    return replace(
        dataset,
        items=tuple(item for item in dataset.items if item.file not in files),
        erased=(*dataset.erased, *(replace(item, name="") for item in gone)),
        skipped=tuple(one for one in dataset.skipped if not _tells_of(one, names)),
    )


def _tells_of(one: Skipped, names: Collection[str]) -> bool:
    return one.path in names or any(one.reason.endswith(f" {name}") for name in names)
