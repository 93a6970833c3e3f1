"""A file that refuses to be read in huge pieces.

Readers of archives ask for as many bytes as a header says, and a header may say anything: a
long name in a tar, or a zip's table of contents, could otherwise fill the memory.
"""

from __future__ import annotations

import io
from typing import BinaryIO


class TooLargeError(Exception):
    """A header asked for more bytes at once than any picture set needs."""


class Guarded(io.RawIOBase):
    """A readable file around another that gives at most `most` bytes at a time."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most = file, most

    def read(self, size: int = -1) -> bytes:
        """Read like any file.

        Raises:
            TooLargeError: more was asked for, and is there.
        """
        data = self._file.read(min(size, self._most + 1) if size >= 0 else self._most + 1)
        if len(data) > self._most:
            raise TooLargeError
        return data

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move like any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place like any file."""
        return self._file.tell()
