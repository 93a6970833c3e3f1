"""Deleting a folder for good: nobody meets half of it, and an interruption brings nothing back.

One rename takes it away, or is refused with all of it there. What was taken away is deleted then,
or by the next start or deletion where that was interrupted.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tl_core.errors import UserError
from tl_core.workspace import new_id, sync_folder


def discard(folder: Path) -> None:
    """Take a folder away, where it is there; `sweep_discarded` deletes it.

    Raises:
        UserError: it cannot be moved: on Windows because a file in it is open. Nothing is changed.
    """
    with suppress(FileNotFoundError):
        try:
            folder.rename(folder.with_name(f".{folder.name}.{new_id()}.gone"))
        except PermissionError as error:
            raise UserError(
                f"{folder} cannot be deleted now because a file in it is in use, or because you "
                f"may not change that folder ({error.strerror}); end what downloads, predicts "
                "with or shows it, wait a minute, and delete it again."
            ) from error
        sync_folder(folder.parent)  # before anything else forgets it


def sweep_discarded(parent: Path, forget: Callable[[str], None] = lambda _: None) -> None:
    """Delete the folders that were taken away.

    Args:
        parent: where they were.
        forget: takes the name of each, and removes what else tells of it.
    """
    for gone in list(parent.glob(".*.gone")):
        try:
            forget(gone.name[1:].rsplit(".", 2)[0])
        finally:  # on a full disk nothing can be forgotten until something is deleted
            shutil.rmtree(gone, ignore_errors=True)
