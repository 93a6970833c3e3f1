"""Files opened without leaving a folder, also while somebody swaps files in it for links.

A path that was looked at is not the path that is opened a moment later. So each folder on the way
down is opened in the one before, and none by a link; where the system cannot do that (Windows),
what was opened is compared with what stands inside.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

BY_PARTS = os.open in os.supports_dir_fd and os.scandir in os.supports_fd
_PLAIN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Without waiting: opening a pipe that took a file's place could last for ever.
_NO_LINK = _PLAIN | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FOLDER = _NO_LINK | getattr(os, "O_DIRECTORY", 0)
_IS_LINK = {errno.ELOOP, errno.ENOTDIR, getattr(errno, "EMLINK", errno.ELOOP)}


def open_inside(root: Path, path: Path) -> BinaryIO:
    """Open a file below a folder to be read.

    Args:
        root: the folder, without links in its path.
        path: of the file, below `root` and without links, as `os.path.realpath` gives it.

    Raises:
        OSError: it cannot be opened, is no plain file, or now lies elsewhere.
    """
    handle = _by_parts(root, path, _NO_LINK) if BY_PARTS else _compared(root, path)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _moved()
        return os.fdopen(handle, "rb")
    except BaseException:
        with suppress(OSError):
            os.close(handle)
        raise


@contextmanager
def scan_inside(root: Path, folder: Path) -> Iterator[list[os.DirEntry[str]]]:
    """List a folder below another, or that one itself; the entries' `path` means nothing.

    Args:
        root: see `open_inside`.
        folder: without links, as `os.path.realpath` gives it.

    Raises:
        OSError: it cannot be listed, or now lies elsewhere.
    """
    if BY_PARTS:
        handle = _by_parts(root, folder, _FOLDER)
        try:
            yield list(os.scandir(handle))
        finally:
            os.close(handle)
        return
    listed = list(os.scandir(folder))
    if not _stands_inside(root, folder):
        raise _moved()
    yield listed


def _by_parts(root: Path, path: Path, flags: int) -> int:
    if not path.is_relative_to(root):
        raise _moved()
    parts = (str(root), *path.relative_to(root).parts)
    handle: int | None = None
    for number, part in enumerate(parts, 1):
        above = handle
        try:
            handle = os.open(part, flags if number == len(parts) else _FOLDER, dir_fd=above)
        except OSError as error:
            raise _moved() if error.errno in _IS_LINK else error from error
        finally:
            if above is not None:
                os.close(above)
    assert handle is not None  # noqa: S101  (there is always the root)
    return handle


def _compared(root: Path, path: Path) -> int:
    handle = os.open(path, _PLAIN)
    try:
        if _stands_inside(root, path) and os.path.samestat(os.fstat(handle), os.lstat(path)):
            return handle
        raise _moved()
    except BaseException:
        os.close(handle)
        raise


def _stands_inside(root: Path, path: Path) -> bool:
    return path.is_relative_to(root) and os.path.realpath(path) == str(path)


def _moved() -> OSError:
    return OSError(errno.ELOOP, "another file or a link took its place meanwhile")
