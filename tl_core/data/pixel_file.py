"""Decoded pictures in a file, trusted only while each of them is what was written.

Beside the array `KEY.npy` lies `KEY.json`: whose pixels each row holds, and a checksum of that name
and of those pixels. A file without it, as earlier versions left them, holds nothing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tl_core.data.npy import map_npy
from tl_core.workspace import disk_errors, replacing, require_space, write_atomic


@dataclass(frozen=True)
class Mapped:
    """Decoded pictures mapped from a file, every one of them whole.

    Attributes:
        rows: `(N, S, S, 3)`, read-only.
        checksums: of each row.
    """

    rows: NDArray[np.uint8]
    checksums: tuple[int, ...]


def write_pixels(
    file: Path, names: Sequence[str], shape: tuple[int, ...], pictures: Iterator[NDArray[np.uint8]]
) -> None:
    """Write an array picture by picture; a reader sees all of it or nothing.

    Not through a writable map: a disk that fills up would then end the process with a signal.

    Args:
        file: where to.
        names: of the pictures.
        shape: `(N, S, S, 3)`.
        pictures: their pixels.

    Raises:
        UserError: the disk is full.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    require_space(file.parent, int(np.prod(shape, dtype=np.int64)))
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    checksums = []
    with replacing(file) as out, disk_errors("the decoded pictures"):
        npy.write_array_header_1_0(out, header)
        for name, pixels in zip(names, pictures, strict=True):
            data = pixels.tobytes()
            out.write(data)
            checksums.append(_checksum(name, data))
    told = {"names": list(names), "checksums": checksums}
    write_atomic(file.with_suffix(".json"), json.dumps(told).encode())


def map_pixels(file: Path, names: Sequence[str], shape: tuple[int, ...]) -> Mapped | None:
    """Map the pixels of these pictures; `None` where they are not there or any is damaged."""
    held, checksums = _index(file)
    rows = _map(file, shape) if held == list(names) else None
    if rows is None or not all(map(_is_whole, names, rows, checksums)):
        return None
    return Mapped(rows, tuple(checksums))


def whole_rows(
    file: Path, wanted: Collection[str], shape: tuple[int, ...]
) -> dict[str, NDArray[np.uint8]]:
    """Return those pictures of a file that are wanted and whole, each `(S, S, 3)`, by name."""
    names, checksums = _index(file)
    if set(names).isdisjoint(wanted):
        return {}
    rows = _map(file, (len(names), *shape))
    if rows is None:
        return {}
    return {
        name: row
        for name, row, checksum in zip(names, rows, checksums, strict=True)
        if name in wanted and _is_whole(name, row, checksum)
    }


def _index(file: Path) -> tuple[list[str], list[int]]:
    """Return whose pixels a file holds, with their checksums; nothing where that is not known."""
    try:
        told = json.loads(file.with_suffix(".json").read_bytes())
        names, checksums = told["names"], told["checksums"]
        if len(names) == len(checksums) and all(isinstance(name, str) for name in names):
            return list(names), list(checksums)
    except (OSError, ValueError, LookupError, TypeError):
        pass  # trimmed by another process, damaged, or of an earlier version
    return [], []


def _map(file: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    rows = map_npy(file)
    if rows is None or rows.shape != shape or rows.dtype != np.uint8:
        return None
    return rows if rows.flags.c_contiguous else None


def _is_whole(name: str, row: NDArray[np.uint8], checksum: object) -> bool:
    return _checksum(name, row.data) == checksum


def _checksum(name: str, data: bytes | memoryview) -> int:
    """Return the checksum of a picture's pixels and of whose they are."""
    return zlib.crc32(data, zlib.crc32(name.encode(errors="surrogatepass")))
