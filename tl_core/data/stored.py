"""Stored pictures, trusted only while they are what was imported: each is named by its SHA-256."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tl_core.data.dataset import Dataset, Item, load_dataset_folder
from tl_core.errors import UnreadableImageError, UserError
from tl_core.workspace import replacing


def is_whole(path: Path) -> bool:
    """Say whether a stored picture is there and holds the bytes that its name is the hash of."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == path.name
    except OSError:
        return False


def require_whole(path: Path) -> None:
    """Refuse a stored picture that is not what was imported, before anything is made of it.

    Raises:
        UnreadableImageError: it was changed or cannot be read; the message is the reason alone.
    """
    if not is_whole(path):
        reason = "it is not what was imported" if path.exists() else "its file is gone"
        raise UnreadableImageError(reason)


def original_name(path: Path) -> str:
    """Return what a stored picture was called when it came; its hash where nothing tells."""
    with suppress(UserError):
        for item in load_dataset_folder(path.parents[2]).items:
            if item.file == path.name:
                return item.name
    return path.name


def damaged_items(dataset: Dataset) -> list[Item]:
    """Return the pictures of a dataset whose files are gone or not what was imported."""
    return [item for item in dataset.items if not is_whole(dataset.path(item))]


def restore(datasets: Iterable[Dataset], source: Dataset) -> int:
    """Put right the damaged files of datasets of which another one holds whole ones.

    Args:
        datasets: whose files may be damaged.
        source: just imported, so that its files are whole.

    Returns:
        The number of files that were put right.

    Raises:
        UserError: the disk is full.
    """
    held = {item.file: source.path(item) for item in source.items}
    restored = 0
    for dataset in datasets:
        for file in {item.file for item in dataset.items} & held.keys():
            target = dataset.folder / held[file].relative_to(source.folder)
            if not is_whole(target):
                with held[file].open("rb") as whole, replacing(target) as out:
                    shutil.copyfileobj(whole, out)
                restored += 1
    return restored
