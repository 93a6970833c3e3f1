"""Where pictures come from: a folder or an archive, as a list of entries.

An entry's name is only text. Nothing here or later turns it into a path, so a name such as
`../../evil` has nowhere to go; nothing is unpacked to where a name says.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from natsort import natsorted

from tl_core.data.fenced import open_inside, scan_inside
from tl_core.data.layout import is_clutter
from tl_core.data.limits import limits
from tl_core.errors import UserError

NOT_LISTED = "this folder cannot be listed"
"""Why a folder below the one that is imported is left out."""


@dataclass(frozen=True)
class Entry:
    r"""One file on its way in.

    Attributes:
        name: relative path with `/` or `\`, plain text; it ends in `/` for a folder.
        size: bytes that `open` yields at most; whoever reads counts along.
        open: returns the file's bytes as a stream.
        refused: why it is left out without being opened; empty for what may be a picture.
        said: how its name was read, where that had to be found out.
    """

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    refused: str = ""
    said: str = ""


def folder_entries(path: Path, *, within: Path | None = None) -> list[Entry]:
    """List the files below a folder, in natural order; links are followed, but never in circles.

    Hidden files and what systems leave in drives and on shares are passed over.

    Args:
        path: the folder.
        within: what leads out of this folder is left out, also where it does so only once it is
            opened; `None` follows all links.

    Raises:
        UserError: the folder cannot be listed, or it holds more files than are taken at once.
    """
    root = Path(os.path.realpath(within)) if within else None
    found = counted(_walk(path, root), "folder")
    return natsorted(found, key=lambda entry: entry.name)


def file_entry(path: Path, name: str, *, within: Path | None = None) -> Entry:
    """Return one file on this machine as an entry called `name`; `within` as in `open_file`."""
    return Entry(name, path.stat().st_size, partial(open_file, path, within))


def open_file(path: Path, within: Path | None = None) -> BinaryIO:
    """Open a file on this machine to be read.

    Args:
        path: the file.
        within: it is opened only where it lies below this folder; `None` opens any.

    Raises:
        OSError: it cannot be opened, or lies outside.
    """
    return open_inside(_real(within), _real(path)) if within else path.open("rb")


def counted(entries: Iterable[Entry], what: str) -> list[Entry]:
    """Return entries as a list, unless they are more than are taken at once.

    Raises:
        UserError: they are.
    """
    most, found = limits().entries, []
    for entry in entries:
        found.append(entry)
        if len(found) > most:
            raise UserError(
                f"The {what} holds more than {most:,} files, and no more are taken at once; "
                "import fewer pictures, or a part of them at a time."
            )
    return found


def _walk(top: Path, within: Path | None) -> Iterator[Entry]:
    deepest = limits().folders
    waiting: list[tuple[Path, str, frozenset[Path]]] = [(_real(top), "", frozenset())]
    while waiting:
        folder, prefix, above = waiting.pop()
        if prefix.count("/") > deepest:
            yield Entry(prefix, 0, io.BytesIO, f"more than {deepest} folders deep")
            continue
        try:
            children = _listed(folder, within)
        except OSError as error:
            if prefix:  # one folder of many; the rest can still be taken
                yield Entry(prefix, 0, io.BytesIO, f"{NOT_LISTED} ({error.strerror or error})")
                continue
            raise UserError(
                f"The folder {top} cannot be listed ({error.strerror or error}); "
                "check its permissions and try again."
            ) from error
        if not children and prefix:
            yield Entry(prefix, 0, io.BytesIO)
        above |= {folder}
        for child in children:
            path, name = child.path, prefix + child.name
            if is_clutter(child.name):
                continue
            if within and not path.is_relative_to(within):
                yield Entry(name, 0, io.BytesIO, "a link that leads out of the folder")
            elif stat.S_ISDIR(child.mode):
                if path not in above:
                    waiting.append((path, f"{name}/", above))
            elif stat.S_ISREG(child.mode):  # opening a pipe or a device could wait for ever
                opener = partial(open_inside, within, path) if within else partial(open_file, path)
                yield Entry(name, child.size, opener)


@dataclass(frozen=True)
class _Child:
    name: str
    path: Path  # without links
    mode: int
    size: int


def _listed(folder: Path, within: Path | None) -> list[_Child]:
    """List a folder, but for links to nothing and what went since."""
    children = []
    with scan_inside(within, folder) if within else _scan(folder) as found:
        for child in found:
            with suppress(OSError):
                status = child.stat()
                path = folder / child.name
                if child.is_symlink() or stat.S_ISDIR(status.st_mode):  # or a junction (Windows)
                    path = _real(path)
                children.append(_Child(child.name, path, status.st_mode, status.st_size))
    return children


@contextmanager
def _scan(folder: Path) -> Iterator[list[os.DirEntry[str]]]:
    yield list(os.scandir(folder))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
