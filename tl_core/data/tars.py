"""Tars as entries, plain or packed by gzip, bzip2 or xz; nothing is unpacked to the disk by name.

Reading entries in the order of the list passes through a packed archive once more; any other
order would begin at its start again and again.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from tl_core.data.guarded import Guarded, TooLargeError
from tl_core.data.limits import limits
from tl_core.data.sources import Entry
from tl_core.data.zips import LINK, check_unpacked, opened
from tl_core.errors import UserError

_UNPACKERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_MAGIC_AT, _MAGIC = 257, b"ustar"
_LARGEST_HEADER = 1 << 20  # also the piece in which files are read


def is_tar(source: Path | BinaryIO) -> bool:
    """Say whether a file begins like a tar, or like something packed by gzip, bzip2 or xz."""
    with opened(source) as file:
        head = file.read(_MAGIC_AT + len(_MAGIC))
        file.seek(0)
    return head.startswith(tuple(_UNPACKERS)) or head[_MAGIC_AT:] == _MAGIC


@contextmanager
def tar_entries(source: Path | BinaryIO) -> Iterator[list[Entry]]:
    """Open a tar and list its files; they can be read while the context is open.

    Raises:
        UserError: the file is not a tar, is damaged, or holds or would unpack to more than is
            taken at once.
    """
    with opened(source) as file:
        packed = file.seek(0, io.SEEK_END)
        file.seek(0)
        try:
            unpacked = Guarded(_unpacker(file), _LARGEST_HEADER)
            archive = tarfile.TarFile(fileobj=cast("IO[bytes]", unpacked))
            entries = _listed(archive, packed)
        except UserError:
            raise
        except TooLargeError as error:
            raise UserError(
                "The archive has a header larger than any picture set needs, so it was not "
                "opened; pack it again, or import the folder itself."
            ) from error
        except Exception as error:  # tarfile and what unpacks raise almost anything
            raise UserError(
                "The archive cannot be read because it is damaged, cut off or not a .tar file; "
                "pack it again, or import the folder itself."
            ) from error
        yield entries


def _unpacker(file: BinaryIO) -> Any:
    head = file.read(8)
    file.seek(0)
    for magic, unpack in _UNPACKERS.items():
        if head.startswith(magic):
            return unpack(file)
    return file


def _listed(archive: tarfile.TarFile, packed: int) -> list[Entry]:
    """Go through the headers, and stop before unpacking what is too much.

    The data filter of Python's `tarfile` says which files may be written where their names say;
    here none is, so it has no part in this.
    """
    allowed = limits()
    entries: list[Entry] = []
    names = reached = 0
    while (member := archive.next()) is not None:
        if member.size < 0 or member.offset_data <= reached:
            raise tarfile.ReadError("goes backwards")  # and would for ever
        names, reached = names + len(member.name), member.offset_data + member.size
        if len(entries) >= allowed.entries or names > allowed.name_bytes:
            raise UserError(
                f"The archive lists more files than the {allowed.entries:,} that are taken at "
                "once; import fewer pictures, or a part of them at a time."
            )
        check_unpacked(reached, packed)
        archive.members.clear()  # type: ignore[attr-defined]  # its own list of them
        entries.append(_entry(archive, member))
    if not _has_ended(archive):
        raise tarfile.ReadError("stops where a file should begin")
    return entries


def _has_ended(archive: tarfile.TarFile) -> bool:
    """Say whether the list ended as a tar should; tarfile takes a broken header for the end."""
    unpacked = cast("IO[bytes]", archive.fileobj)
    unpacked.seek(archive.offset)
    return not unpacked.read(tarfile.BLOCKSIZE).strip(b"\0")


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    if member.isdir():
        return Entry(f"{member.name}/", 0, io.BytesIO)
    if member.issym() or member.islnk():
        return Entry(member.name, 0, io.BytesIO, LINK)
    if not member.isreg() or member.issparse():
        return Entry(member.name, 0, io.BytesIO, "not a plain file")
    plain = tarfile.TarInfo(member.name)  # without what else its header holds
    plain.size, plain.offset_data = member.size, member.offset_data
    return Entry(member.name, member.size, partial(_open, archive, plain))


def _open(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(member)
    assert file is not None  # noqa: S101 (a plain file)
    return file
