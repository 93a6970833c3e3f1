"""An archive of any kind that is opened: zips and tars, told apart by their content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from tl_core.data.sources import Entry, open_file
from tl_core.data.tars import is_tar, tar_entries
from tl_core.data.zips import cannot_open, opened, zip_entries
from tl_core.errors import UserError
from tl_core.escape import encodable

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
# Google Drive and Takeout pack what is large into several whole zips: set-20240101T0-001.zip.
_PART = re.compile(r"(.+-)\d{3}(\.zip)", re.IGNORECASE)
_OTHERS = {".7z": "a 7-Zip archive", ".rar": "a RAR archive", ".zst": "compressed by Zstandard",
           ".gz": "a single file compressed by gzip", ".bz2": "a single file compressed by bzip2",
           ".xz": "a single file compressed by xz", ".lzh": "an LHA archive",
           ".dmg": "a disk image", ".iso": "a disk image"}  # fmt: skip
_VOLUME = re.compile(r"\.(z\d\d|\d{3}|r\d\d|part\d+\.rar)$", re.IGNORECASE)


def open_archive(
    source: Path | BinaryIO, names_in: str = ""
) -> AbstractContextManager[list[Entry]]:
    """Open an archive; its files are readable in the context.

    Args:
        source: the archive.
        names_in: the encoding of a zip's names where it does not say; see `zip_names`.

    Raises:
        QuestionError: it does not say, and its names may be of several languages.
        UserError: it is neither zip nor tar, is damaged or protected by a password, or holds or
            would unpack to more than is taken at once.
    """
    return tar_entries(source) if is_tar(source) else zip_entries(source, names_in)


@contextmanager
def open_parts(sources: Sequence[Path | BinaryIO], names_in: str = "") -> Iterator[list[Entry]]:
    """Open several archives as one, such as the parts of a large download.

    Raises:
        QuestionError: see `open_archive`.
        UserError: see `open_archive`.
    """
    with ExitStack() as stack:
        yield [
            entry
            for source in sources
            for entry in stack.enter_context(open_archive(source, names_in))
        ]


def parts_of(path: Path) -> list[Path]:
    """Return the archives that were downloaded together with one, and itself; in their order."""
    match = _PART.fullmatch(path.name)
    if match is None:
        return [path]
    same = re.compile(re.escape(match[1]) + r"\d{3}" + re.escape(match[2]), re.IGNORECASE)
    return sorted(other for other in path.parent.iterdir() if same.fullmatch(other.name))


def refuse_unopened(name: str) -> None:
    """Refuse a file that packs others and is not opened, by its name; let all other files pass.

    Raises:
        UserError: the file is one.
    """
    if is_archive_name(name):
        return
    what = next((what for ending, what in _OTHERS.items() if name.lower().endswith(ending)), "")
    if _VOLUME.search(name):
        what = "one volume of an archive that was cut into several"
    if what:
        raise UserError(
            f"{encodable(name)!r} is {what}, and such are not opened; unpack it and import the "
            "folder, or pack it as an ordinary .zip."
        )


def archive_file(path: Path, within: Path | None = None) -> BinaryIO:
    """Open an archive's file; `within` as in `sources.open_file`.

    Raises:
        UserError: it cannot be opened.
    """
    try:
        return open_file(path, within)
    except OSError as error:
        raise cannot_open(error) from error


def is_archive(path: Path) -> bool:
    """Say whether a file is to be opened as an archive, by its name or by how it begins.

    A picture with a zip hanging behind it begins like a picture and is one.

    Raises:
        UserError: it cannot be opened.
    """
    if is_archive_name(path.name) or is_tar(path):
        return True
    with opened(path) as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def is_archive_name(name: str) -> bool:
    """Say whether a file's name is that of an archive.

    >>> is_archive_name("My photos.ZIP"), is_archive_name("a.tar.gz"), is_archive_name("a.gz")
    (True, True, False)
    """
    return name.lower().endswith(ENDINGS)


def archive_stem(name: str) -> str:
    """Return an archive's name without its ending, or the number that a part has.

    >>> archive_stem("pets.tar.gz"), archive_stem("pets.v2.zip"), archive_stem("pets-001.zip")
    ('pets', 'pets.v2', 'pets')
    """
    if match := _PART.fullmatch(name):
        return match[1].rstrip("-")
    fitting = [len(ending) for ending in ENDINGS if name.lower().endswith(ending)]
    return name[: -max(fitting)] if fitting else name
