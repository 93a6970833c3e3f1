"""Names in zips whose packer did not say how they are written: one encoding for the whole archive.

Zips of old and of non-Western Windows hold names in that system's own code page; see `encodings`.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from zlib import crc32

from tl_core.data.encodings import CALLED, DOS, find_encoding

UTF8_NAME = 0x800
"""The flag of an entry whose name is UTF-8."""

_UNICODE_PATH = 0x7075  # Info-ZIP's field for a name in UTF-8 beside the old one
_AS_IT_COMES = "cp437"  # what the format says, and zipfile reads


def names_of(infos: Sequence[zipfile.ZipInfo], names_in: str = "") -> tuple[list[str], str]:
    """Return the names of an archive's entries, and how they were read where it had to be found.

    Args:
        infos: the archive's table of contents.
        names_in: the encoding that the person named, or `LIKELIEST`.

    Raises:
        QuestionError: the names may be of several languages.
    """
    names = [_said(info) for info in infos]
    raw = [
        info.orig_filename.encode(_AS_IT_COMES)
        for info, name in zip(infos, names, strict=True)
        if name is None
    ]
    unclear = [name for name in raw if not name.isascii()]
    what = "The archive"
    encoding = find_encoding(unclear, DOS, names_in, what) if unclear else "utf-8"
    decoded = (name.decode(encoding or _AS_IT_COMES, "replace") for name in raw)
    read = [name if name is not None else next(decoded) for name in names]
    if not encoding:
        return read, "the archive does not say how its names are written, and none would fit"
    said = f"names in the archive read as {CALLED[encoding]} ({encoding})"
    return read, "" if encoding in ("utf-8", _AS_IT_COMES) else said


def _said(info: zipfile.ZipInfo) -> str | None:
    """Return the name that an entry gives in UTF-8, `None` where it gives none."""
    if info.flag_bits & UTF8_NAME:
        return info.orig_filename
    extra = info.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            is_of_this = struct.unpack("<I", field[1:5])[0] == crc32(
                info.orig_filename.encode(_AS_IT_COMES)
            )
            if is_of_this:
                return field[5:].decode("utf-8", "replace")
    return None
