"""Where pictures come from: a folder or an archive, as a list of entries.

An entry's name is only text. Nothing here or later turns it into a path, so a name such as
`../../evil` has nowhere to go; nothing is unpacked to where a name says.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from natsort import natsorted

from tl_core.data.limits import limits
from tl_core.errors import UserError


@dataclass(frozen=True)
class Entry:
    r"""One file on its way in.

    Attributes:
        name: relative path with `/` or `\`, plain text; it ends in `/` for a folder.
        size: bytes that `open` yields at most; whoever reads counts along.
        open: returns the file's bytes as a stream.
        refused: why it is left out without being opened; empty for what may be a picture.
    """

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    refused: str = ""


def folder_entries(path: Path, *, within: Path | None = None) -> list[Entry]:
    """List the files below a folder, in natural order; links are followed, but never in circles.

    Args:
        path: the folder.
        within: links that lead out of this folder are left out; `None` follows all of them.

    Raises:
        UserError: the folder, or one inside it, cannot be listed, or it holds more files than are
            taken at once.
    """
    root = Path(os.path.realpath(within)) if within else None
    found = counted(_walk(path, root), "folder")
    return natsorted(found, key=lambda entry: entry.name)


def file_entry(path: Path, name: str) -> Entry:
    """Return one file on this machine as an entry called `name`."""
    return Entry(name, path.stat().st_size, partial(_open, path))


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
    waiting: list[tuple[Path, str, frozenset[str]]] = [(top, "", frozenset())]
    while waiting:
        folder, prefix, above = waiting.pop()
        if prefix.count("/") > deepest:
            yield Entry(prefix, 0, io.BytesIO, f"more than {deepest} folders deep")
            continue
        children = _listed(folder)
        if not children and prefix:
            yield Entry(prefix, 0, io.BytesIO)
        above |= {os.path.realpath(folder)}
        for child in children:
            try:
                status = child.stat()
                leads_out = within and not Path(os.path.realpath(child.path)).is_relative_to(within)
            except OSError:
                continue  # a link to nothing, or gone since it was listed
            path, name = Path(child.path), prefix + child.name
            if leads_out:
                yield Entry(name, 0, io.BytesIO, "a link that leads out of the folder")
            elif stat.S_ISDIR(status.st_mode):
                if os.path.realpath(path) not in above:
                    waiting.append((path, f"{name}/", above))
            elif stat.S_ISREG(status.st_mode):  # opening a pipe or a device could wait for ever
                yield Entry(name, status.st_size, partial(_open, path))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be listed ({error.strerror}); "
            "check its permissions and try again."
        ) from error


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
