"""The folder that holds everything a person made: datasets, runs, caches and the store."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tl_core.errors import NoRoomError, UserError

CACHE_BUDGET = 20 << 30
"""Bytes that decoded pictures and kept activations may take on disk, together."""

_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Workspace:
    """Paths inside one workspace folder.

    Attributes:
        root: the folder; made on first use by `Workspace.open`.
    """

    root: Path

    @classmethod
    def open(cls, root: str | Path | None = None) -> Workspace:
        """Open the workspace at `root`, at `HEADSTART_HOME`, or at `./workspace`.

        Raises:
            UserError: the folder cannot be made or written.
        """
        path = Path(root or os.environ.get("HEADSTART_HOME") or "workspace")
        with suppress(RuntimeError):  # nobody's home is known: then it is a name like any other
            path = path.expanduser()  # which a shell does, and a file of settings does not
        path = path.resolve()
        workspace = cls(path)
        try:
            for folder in (workspace.datasets, workspace.runs, workspace.cache, workspace.uploads):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The workspace {path} cannot be used ({error.strerror}); "
                "set HEADSTART_HOME to a folder you may write to."
            ) from error
        return workspace

    @property
    def store(self) -> Path:
        """The SQLite file."""
        return self.root / "headstart.db"

    @property
    def datasets(self) -> Path:
        """One folder per dataset."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """One folder per run."""
        return self.root / "runs"

    @property
    def cache(self) -> Path:
        """What can be computed again; safe to delete at any time."""
        return self.root / "cache"

    @property
    def uploads(self) -> Path:
        """Files on their way in from a browser."""
        return self.root / "uploads"

    @property
    def batches(self) -> Path:
        """Pictures predicted many at once, and files made to be taken along; kept for a day."""
        return self.root / "batches"

    @property
    def downloads(self) -> Path:
        """Archives of public sets on their way in."""
        return self.root / "downloads"

    @property
    def models(self) -> Path:
        """Models' files that people brought, named by their content."""
        return self.root / "models"

    @property
    def weights(self) -> Path:
        """Weights files that people brought, named by their content."""
        return self.root / "weights"


def new_id() -> str:
    """Return an unguessable id that is safe in file names and addresses.

    >>> len(new_id()), new_id() != new_id()
    (16, True)
    """
    return secrets.token_hex(8)


def is_id(text: str) -> bool:
    """Tell whether a text, from an address for example, has the form of `new_id`.

    >>> is_id("0123456789abcdef"), is_id("../3456789abcdef"), is_id("0123456789abcdef/")
    (True, False, False)
    """
    return _ID.fullmatch(text) is not None


def require_space(folder: Path, needed: int) -> None:
    """Refuse before writing when the disk cannot take `needed` bytes.

    Raises:
        NoRoomError: less than `needed` bytes (and a reserve of 64 MiB) are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + (64 << 20):
        raise NoRoomError(
            f"The disk that holds {folder} has {free / 1e6:,.0f} MB free and this needs about "
            f"{needed / 1e6:,.0f} MB; free some space or set HEADSTART_HOME to another disk."
        )


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a full disk while writing `what` into one sentence.

    Raises:
        NoRoomError: the system reported that no space was left.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise NoRoomError(
                f"The disk became full while writing {what}; nothing half-written was kept: "
                "free some space and try again."
            ) from error
        raise


def is_full(error: OSError) -> bool:
    """Tell whether a disk, or somebody's share of it, has no space left."""
    return error.errno in _NO_SPACE or getattr(error, "winerror", None) == _NO_SPACE_ON_WINDOWS


def write_atomic(path: Path, data: bytes | Iterable[bytes | memoryview]) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    That holds after a power cut too; once this returns, it is the new one.

    Raises:
        NoRoomError: the disk is full.
    """
    with replacing(path) as file:
        file.writelines([data] if isinstance(data, bytes) else data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of another one at the end; see `write_atomic`.

    Raises:
        NoRoomError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{new_id()}.part")
    try:
        with disk_errors(path.name), part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can tell."""
    if os.name == "nt":
        return  # a folder cannot be opened there; NTFS keeps a journal of its names
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_NO_SPACE = {28, 122}  # ENOSPC, EDQUOT
_NO_SPACE_ON_WINDOWS = 112  # ERROR_DISK_FULL; on Linux 112 is a host that is down
