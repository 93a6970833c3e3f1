"""An archive of any kind that is opened: zips and tars, told apart by their content."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from tl_core.data.sources import Entry, open_file
from tl_core.data.tars import is_tar, tar_entries
from tl_core.data.zips import cannot_open, opened, zip_entries

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


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
    """Return an archive's name without its ending.

    >>> archive_stem("pets.tar.gz"), archive_stem("pets.v2.zip")
    ('pets', 'pets.v2')
    """
    fitting = [len(ending) for ending in ENDINGS if name.lower().endswith(ending)]
    return name[: -max(fitting)] if fitting else name
