"""Activations at a cut, kept on disk: computed once, read by every run that shares the body.

An entry is one file: what one frozen body makes of all examples of one source, in one variation.
So a run that uses eight variations finds the first four of a run that used four. Its name is a
hash of everything that its content depends on, so an entry is never stale, only unused; it ends in
a checksum, so a damaged one is no entry. Two workers may build the same one: both write the same
numbers under names of their own, and the last renaming wins.

No torch here: the plan, which pages show, asks how large entries will be.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tl_core.data.npy import map_npy
from tl_core.workspace import CACHE_BUDGET, new_id

VERSION = 1  # of the files, and of the rule by which their precision is chosen

# Feature vectors are small enough to keep every bit of them, and final figures may use them.
_SMALL = 32 << 10
# Where the largest number lies in here, fp16 neither overflows nor loses what matters to zero.
_FITS_HALF = (2.0**-4, 2.0**15)
_TRAILER = struct.Struct("<dI")  # seconds that computing took; checksum of all bytes before it


@dataclass(frozen=True)
class Entry:
    """Kept activations.

    Attributes:
        values: `(N, …)` float16 or float32, mapped from the file; writing to it changes no file.
        seconds: what computing them took.
    """

    values: NDArray[Any]
    seconds: float


def stored_bytes(shape: Sequence[int]) -> int:
    """Return what the activations of one example take, unless they overflow fp16.

    >>> stored_bytes((1280,)), stored_bytes((256, 14, 14))
    (5120, 100352)
    """
    numbers = math.prod(shape)
    return numbers * (4 if 4 * numbers <= _SMALL else 2)


def make_key(*parts: Any) -> str:
    """Return the name of what depends on `parts` (plain values) and on this format alone."""
    return hashlib.sha256(json.dumps([VERSION, *parts]).encode()).hexdigest()


class CutCache:
    """A folder of entries, within a budget.

    Args:
        folder: made on first use; safe to delete at any time.
        budget: bytes on disk; no entry may be larger.
        trim: makes what is kept on disk fit into so many bytes, the least recently used first.
    """

    def __init__(
        self,
        folder: Path,
        budget: int = CACHE_BUDGET,
        trim: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.folder, self.budget, self.trim = folder, budget, trim

    def find(self, key: str, count: int) -> Entry | None:
        """Return the entry of `count` examples, or `None` where there is none or it is damaged."""
        file = self._file(key)
        try:
            raw = np.memmap(file, np.uint8, "r")
            seconds, checksum = _TRAILER.unpack(raw[-_TRAILER.size :].tobytes())
            if zlib.crc32(raw[:-4].data) != checksum:
                return None
        except (OSError, ValueError, struct.error):
            return None
        values = map_npy(file, "c")
        if (
            values is None
            or values.dtype not in (np.float16, np.float32)
            or values.shape[:1] != (count,)
        ):
            return None
        with suppress(OSError):
            os.utime(file)  # using it counts as recent
        return Entry(values, seconds)

    def write(self, key: str, count: int, *, full: bool = False) -> Writer:
        """Begin an entry of `count` examples; `full` keeps it in fp32 whatever its size."""
        return Writer(self, self._file(key), count, full)

    def reserve(self, needed: int) -> None:
        """Make room for an entry.

        Raises:
            OSError: it would take more than the budget, or more than half of the free disk.
        """
        if needed > self.budget:
            raise OSError(errno.ENOSPC, "more than the cache may take")
        self.trim(self.budget - needed)
        if needed > shutil.disk_usage(self.folder).free // 2:
            raise OSError(errno.ENOSPC, "more than half of the free disk")

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.npy"


class Writer:
    """One entry on its way to the disk; leaving the `with` block drops what was not finished."""

    def __init__(self, cache: CutCache, file: Path, count: int, full: bool) -> None:
        self._cache, self._file, self._count, self._full = cache, file, count, full
        self._part = file.with_name(f".{file.name}.{new_id()}.part")
        self._out: BinaryIO | None = None
        self._checksum, self._largest = 0, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._out is not None:
            with suppress(OSError):
                self._out.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    @property
    def overflows(self) -> bool:
        """Whether it turned out that fp16 cannot hold these numbers: begin again with `full`."""
        return not self._full and self._largest > _FITS_HALF[1]

    def add(self, values: NDArray[np.float32]) -> None:
        """Append the activations `(B, …)` of the next examples.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        largest = max(float(values.max()), -float(values.min()))
        self._largest = max(self._largest, largest) if math.isfinite(largest) else math.inf
        if self._out is None:
            self._open(values)
        if not self.overflows:
            self._put(values.astype(np.float32 if self._full else np.float16, order="C").data)

    def finish(self, seconds: float) -> bool:
        """Put the entry in its place; `False` means that it has to be begun again with `full`.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        low, high = _FITS_HALF
        if not (self._full or low <= self._largest <= high):
            return False
        assert self._out is not None  # noqa: S101 (an entry has examples)
        self._put(struct.pack("<d", seconds))
        self._out.write(struct.pack("<I", self._checksum))
        self._out.close()
        self._part.replace(self._file)
        return True

    def _open(self, first: NDArray[np.float32]) -> None:
        shape = (self._count, *first.shape[1:])
        # Decided by the first examples alone, and again by all of them in `finish`.
        self._full = self._full or 4 * math.prod(shape[1:]) <= _SMALL or self.overflows
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._cache.reserve(math.prod(shape) * (4 if self._full else 2))
        self._out = self._part.open("w+b")
        header = {"descr": "<f4" if self._full else "<f2", "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(self._out, header)
        self._out.seek(0)
        self._checksum = zlib.crc32(self._out.read())

    def _put(self, data: bytes | memoryview) -> None:
        assert self._out is not None  # noqa: S101
        self._out.write(data)
        self._checksum = zlib.crc32(data, self._checksum)
