"""Pictures that were brought to be predicted: taken in, found again, gone after a day."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tl_core.data.copying import Progress, UnusableError, copy_entry
from tl_core.data.dataset import stored_path
from tl_core.data.layout import is_clutter
from tl_core.data.sources import Entry
from tl_core.errors import UserError
from tl_core.escape import encodable
from tl_core.workspace import Workspace, disk_errors, is_id, new_id, require_space

MOST = 20_000

_LIST = "pictures.json"
_KEPT_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Taken:
    """One picture to predict.

    Attributes:
        name: as it came, plain text.
        path: of the file; `None` where it could not be taken in.
        reason: why not.
    """

    name: str
    path: Path | None
    reason: str = ""


@dataclass(frozen=True)
class Brought:
    """Pictures that were brought together.

    Attributes:
        id: that finds them again.
        taken: the pictures.
    """

    id: str
    taken: tuple[Taken, ...]


def take_in(
    workspace: Workspace, entries: Sequence[Entry], tell: Progress | None = None
) -> Brought:
    """Copy pictures of a folder or an archive to where the predicting process reads them.

    They stay for a day. Hidden files, and what systems add to archives, are passed over.

    Raises:
        UserError: they are too many, or the disk has no room for them.
    """
    wanted = [entry for entry in entries if _is_wanted(entry.name)]
    if len(wanted) > MOST:
        raise UserError(
            f"These are {len(wanted):,} files, and at most {MOST:,} are predicted at once; choose "
            "a part of them, or use predict in the terminal."
        )
    require_space(workspace.root, sum(entry.size for entry in wanted))
    site, files = new_site(workspace), []
    try:
        for done, entry in enumerate(wanted, 1):
            files.append(_file_of(entry, site))
            if tell:
                tell(done, len(wanted))
        with disk_errors(_LIST):
            (site / _LIST).write_text(json.dumps(files), encoding="utf-8")
    except BaseException:
        shutil.rmtree(site, ignore_errors=True)
        raise
    return _brought(site, files)


def find_brought(workspace: Workspace, which: str) -> Brought | None:
    """Return the pictures with this id; `None` when there are none, or they are gone.

    The id may come from an address, so anything but one of ours is passed over.
    """
    if not is_id(which):
        return None
    site = workspace.batches / which
    try:
        return _brought(site, json.loads((site / _LIST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def new_site(workspace: Workspace) -> Path:
    """Return a new folder for files that stay for a day, and delete what is older."""
    sweep(workspace)
    site = workspace.batches / new_id()
    site.mkdir(parents=True)
    return site


def sweep(workspace: Workspace) -> None:
    """Delete what was taken in more than a day ago."""
    for folder in workspace.batches.glob("*"):
        if folder.stat().st_mtime < time.time() - _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _brought(site: Path, files: Sequence[Sequence[str]]) -> Brought:
    taken = (
        Taken(name, stored_path(site, file) if file else None, reason)
        for name, file, reason in files
    )
    return Brought(site.name, tuple(taken))


def _file_of(entry: Entry, site: Path) -> tuple[str, str, str]:
    """Copy a picture and return its name, its file, and why there is no file."""
    name = encodable(entry.name)
    if entry.refused:
        return name, "", entry.refused
    try:
        return name, copy_entry(entry, site), ""
    except UnusableError as reason:
        return name, "", str(reason)


def _is_wanted(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return not name.endswith(("/", "\\")) and not any(is_clutter(p) for p in parts if p != "..")
