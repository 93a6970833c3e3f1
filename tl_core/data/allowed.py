"""Folders of this machine that a browser may import from: those that its operator named.

`HEADSTART_FOLDERS` lists them, separated as the system separates paths (`:`, on Windows `;`).
Without it there are none: whoever can open the page could otherwise read every picture here.
"""

from __future__ import annotations

import os
from pathlib import Path

from tl_core.data.packed import is_archive_name
from tl_core.errors import UserError

VARIABLE = "HEADSTART_FOLDERS"


def allowed_folders() -> tuple[Path, ...]:
    """Return the folders that are allowed and there."""
    named = (os.environ.get(VARIABLE) or "").split(os.pathsep)
    found = [Path(os.path.realpath(text.strip())) for text in named if text.strip()]
    return tuple(dict.fromkeys(path for path in found if path.is_dir()))


def inside(root: Path, steps: tuple[str, ...]) -> Path:
    """Return what lies below an allowed folder.

    Args:
        root: one of `allowed_folders`.
        steps: names of folders, each in the one before, and at the end maybe of an archive.

    Raises:
        UserError: it is not there, or lies outside, perhaps by a link.
    """
    try:
        path = Path(os.path.realpath(root.joinpath(*steps)))
        is_there = path.exists() and path.is_relative_to(root)
    except (OSError, ValueError):
        is_there = False
    if root not in allowed_folders() or not is_there:
        raise UserError(
            "That folder is not there, or not below one that this machine's operator allowed; "
            "choose another from the list."
        )
    return path


def listed(folder: Path, most: int = 500) -> list[str]:
    """Return the folders and archives that lie in a folder, in order; hidden ones are left out.

    Raises:
        UserError: it cannot be listed.
    """
    try:
        found = [
            entry.name
            for entry in os.scandir(folder)
            if not entry.name.startswith(".") and (entry.is_dir() or is_archive_name(entry.name))
        ]
    except OSError as error:
        raise UserError(
            f"That folder cannot be listed ({error.strerror}); choose another one."
        ) from error
    return sorted(found, key=str.casefold)[:most]
