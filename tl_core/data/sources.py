"""Where pictures come from: a folder or a zip, as a list of entries.

An entry's name is only text. Nothing here or later turns it into a path, so a name such as
`../../evil` has nowhere to go.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from natsort import natsorted

from tl_core.errors import UserError

MAX_ENTRIES = 200_000
MAX_FILE = 200 << 20
MAX_UNPACKED = 20 << 30
MAX_RATIO = 200
_RATIO_MATTERS_FROM = 1 << 30

_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}


@dataclass(frozen=True)
class Entry:
    r"""One file on its way in.

    Attributes:
        name: relative path with `/` or `\`, plain text; it ends in `/` for a folder.
        size: bytes that `open` yields at most; whoever reads counts along.
        open: returns the file's bytes as a stream.
    """

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def folder_entries(path: Path) -> list[Entry]:
    """List the files below a folder, in natural order; links are followed, but never in circles.

    Raises:
        UserError: the folder, or one inside it, cannot be listed.
    """
    return natsorted(_walk(path, "", frozenset()), key=lambda entry: entry.name)


@contextmanager
def zip_entries(source: Path | BinaryIO) -> Iterator[list[Entry]]:
    """Open a zip and list its files; they can be read while the context is open.

    Raises:
        UserError: the file is not a zip, is damaged or protected by a password, or would unpack
            to more than the limits of this module.
    """
    with _open_zip(source) as archive:
        infos = archive.infolist()
        _check(infos)
        yield [Entry(_name(info), info.file_size, partial(archive.open, info)) for info in infos]


def _walk(folder: Path, prefix: str, above: frozenset[str]) -> Iterator[Entry]:
    try:
        children = list(os.scandir(folder))
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be listed ({error.strerror}); "
            "check its permissions and try again."
        ) from error
    if not children and prefix:
        yield Entry(prefix, 0, io.BytesIO)
    above |= {os.path.realpath(folder)}
    for child in children:
        try:
            status = child.stat()
        except OSError:
            continue  # a link to nothing, or gone since it was listed
        path = Path(child.path)
        if stat.S_ISDIR(status.st_mode):
            if os.path.realpath(path) not in above:
                yield from _walk(path, f"{prefix}{child.name}/", above)
        elif stat.S_ISREG(status.st_mode):  # opening a pipe or a device could wait for ever
            yield Entry(prefix + child.name, status.st_size, partial(_open, path))


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _open_zip(source: Path | BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except OSError as error:
        raise UserError(
            f"The archive cannot be opened ({error.strerror or error}); "
            "check that it exists and that you may read it."
        ) from error
    except Exception as error:  # zipfile raises almost anything on hostile bytes
        raise UserError(
            "The archive cannot be read because it is damaged or not a .zip file; "
            "make the .zip again, or import the folder itself."
        ) from error


def _check(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive by its table of contents, before anything is unpacked."""
    if len(infos) > MAX_ENTRIES:
        raise UserError(
            f"The archive holds {len(infos):,} files and at most {MAX_ENTRIES:,} are taken; "
            "import fewer pictures at once."
        )
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise UserError(
            "The archive is protected by a password, so its pictures cannot be read; "
            "unpack it and import the folder."
        )
    if any(info.compress_type not in _METHODS for info in infos):
        raise UserError(
            "The archive is compressed by a method that cannot be read here; "
            "unpack it and import the folder."
        )
    packed = sum(info.compress_size for info in infos)
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MAX_UNPACKED:
        raise UserError(
            f"The archive would unpack to {unpacked / 1e9:,.0f} GB and at most "
            f"{MAX_UNPACKED / 1e9:,.0f} GB are taken; import fewer pictures at once."
        )
    if unpacked > max(_RATIO_MATTERS_FROM, MAX_RATIO * packed):
        raise UserError(
            f"The archive would unpack to {unpacked / max(packed, 1):,.0f} times its size, which "
            "pictures do not do, so it was not opened; import the folder itself."
        )


def _name(info: zipfile.ZipInfo) -> str:
    """Return the name as it was written, also where the packer forgot to say that it is UTF-8."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8_NAME:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name
