"""Zips as entries: listed, checked by what they say they hold, and read one file at a time."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from tl_core.data.guarded import Guarded, TooLargeError
from tl_core.data.limits import limits
from tl_core.data.sources import Entry, counted
from tl_core.data.zip_names import names_of
from tl_core.errors import UserError

RATIO_MATTERS_FROM = 256 << 20
"""Bytes unpacked; drawings and empty files may be packed well, but never so many of them."""

LINK = "a link, and links in archives are not followed"

_ENCRYPTED = 0x1
# By the other methods zipfile unpacks all that it has read at once, and a kilobyte can be a GB.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_LARGEST_READ = 1 << 20


@contextmanager
def zip_entries(source: Path | BinaryIO, names_in: str = "") -> Iterator[list[Entry]]:
    """Open a zip and list its files; they can be read while the context is open.

    Args:
        source: the zip.
        names_in: the encoding of its names where it does not say; see `zip_names`.

    Raises:
        QuestionError: it does not say, and its names may be of several languages.
        UserError: the file is not a zip, is damaged or protected by a password, or holds or would
            unpack to more than is taken at once.
    """
    with opened(source) as file, _table(file) as archive:
        infos = archive.infolist()
        _check(infos)
        names, said = names_of(infos, names_in)
        rows = zip(infos, names, strict=True)
        yield counted((_entry(archive, info, name, said) for info, name in rows), "archive")


def check_unpacked(unpacked: int, packed: int) -> None:
    """Refuse an archive by what it says it would unpack to.

    Raises:
        UserError: that is more than is taken at once, or than pictures can be packed.
    """
    allowed = limits()
    if unpacked > allowed.unpacked_bytes:
        raise UserError(
            f"The archive would unpack to {unpacked / 1e9:,.1f} GB and at most "
            f"{allowed.unpacked_bytes / 1e9:,.1f} GB are taken; import fewer pictures at once."
        )
    if unpacked > max(RATIO_MATTERS_FROM, allowed.ratio * packed):
        raise UserError(
            f"The archive would unpack to {unpacked / max(packed, 1):,.0f} times its size, which "
            "pictures do not do, so it was not opened; import the folder itself."
        )


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file that may be open already, from its beginning.

    Raises:
        UserError: it cannot be opened.
    """
    try:
        file = source.open("rb") if isinstance(source, Path) else source
        file.seek(0)
    except OSError as error:
        raise cannot_open(error) from error
    with file if isinstance(source, Path) else nullcontext(file) as readable:
        yield readable


def cannot_open(error: OSError) -> UserError:
    """Return the sentence about an archive that cannot be opened."""
    return UserError(
        f"The archive cannot be opened ({error.strerror or error}); "
        "check that it exists and that you may read it."
    )


def _table(file: BinaryIO) -> zipfile.ZipFile:
    allowed = limits()
    try:
        guarded = Guarded(file, max(_LARGEST_READ, allowed.name_bytes))
        return zipfile.ZipFile(cast("IO[bytes]", guarded))
    except TooLargeError as error:
        raise UserError(
            f"The archive lists more files than the {allowed.entries:,} that are taken at once; "
            "import fewer pictures, or a part of them at a time."
        ) from error
    except Exception as error:  # zipfile raises almost anything on hostile bytes
        raise UserError(
            "The archive cannot be read because it is damaged, cut off or not a .zip file; "
            "make the .zip again, or import the folder itself."
        ) from error


def _check(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive by its table of contents, before anything is unpacked."""
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise UserError(
            "The archive is protected by a password, so its pictures cannot be read; "
            "unpack it and import the folder."
        )
    if any(info.compress_type not in _METHODS for info in infos):
        raise UserError(
            "The archive is compressed by a method other than Deflate, the usual one, so it was "
            "not opened; unpack it and import the folder, or pack it again as an ordinary .zip."
        )
    packed = sum(info.compress_size for info in infos)
    check_unpacked(sum(info.file_size for info in infos), packed)


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, said: str) -> Entry:
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    refused = LINK if is_link else ""
    return Entry(name, info.file_size, partial(archive.open, info), refused, said)
