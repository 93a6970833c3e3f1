"""Where sketches are kept, so that no picture is decoded twice for its checks.

One file for each set of pictures, named by their hashes; a later version of a dataset reads what
earlier ones hold and decodes the rest alone.
"""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from tl_core.data.decode import opener_name
from tl_core.data.npy import map_npy
from tl_core.data.sketch import ROW, SKETCH, Sketches
from tl_core.workspace import write_atomic

Known = dict[str, Sketches]
"""A row of one, by the hash of the picture."""

_KEPT = np.dtype([("file", "S64"), ("sketch", ROW), ("checksum", np.uint32)])
_ROWS = 1024  # written at once


def keep_sketches(cache: Path, known: Mapping[str, Sketches], white: int = 0) -> Known:
    """Keep the sketches of a set of pictures, and return them as kept: on disk, not in memory.

    Args:
        cache: the workspace's cache folder.
        known: sketches by the hash of the picture.
        white: of the set, see `deep`.

    Raises:
        UserError: the disk is full.
    """
    files = sorted(known)
    file = _file(cache, files, white)
    held = _held(file, set(files))
    if len(held) < len(files):
        write_atomic(file, _written(files, known))
        held = _held(file, set(files))
    return Known(known) | held


def _written(files: Sequence[str], known: Mapping[str, Sketches]) -> Iterator[bytes]:
    """Yield an `.npy` file, some rows at a time."""
    header = io.BytesIO()
    told = {"descr": _KEPT.descr, "fortran_order": False, "shape": (len(files),)}
    np.lib.format.write_array_header_1_0(header, told)
    yield header.getvalue()
    for start in range(0, len(files), _ROWS):
        names = files[start : start + _ROWS]
        rows = np.empty(len(names), _KEPT)
        rows["file"] = names
        rows["sketch"] = np.concatenate([known[name] for name in names])
        rows["checksum"] = [_checksum(row) for row in rows]
        yield rows.tobytes()


def known_sketches(cache: Path, files: Iterable[str], white: int = 0) -> Known:
    """Return the sketches that are kept of these pictures; those of the others are missing.

    A file that could not be read is looked at again: it may have been put right.
    """
    wanted, known = set(files), Known()
    own = _file(cache, sorted(wanted), white)
    for file in [own, *(other for other in own.parent.glob("*.npy") if other != own)]:
        if wanted <= known.keys():
            break
        known |= _held(file, wanted)
    return known


def sizes(cache: Path, files: Iterable[str]) -> list[tuple[int, int]]:
    """Return width and height of those pictures whose sketches are kept."""
    rows = known_sketches(cache, files).values()
    return [(int(row["width"][0]), int(row["height"][0])) for row in rows if row["width"][0]]


def _held(file: Path, wanted: set[str]) -> Known:
    held = map_npy(file)
    if held is None or held.dtype != _KEPT or held.ndim != 1:
        return {}
    names = [name.decode("latin-1") for name in held["file"].tolist()]
    if wanted.isdisjoint(names):
        return {}
    rows = held["sketch"]
    with suppress(OSError):
        os.utime(file)
    return {
        name: rows[n : n + 1]
        for n, name in enumerate(names)
        if name in wanted and rows["width"][n] and held["checksum"][n] == _checksum(held[n])
    }


def _checksum(row: np.void) -> int:
    """Return the checksum of one picture's sketch and of whose it is."""
    return zlib.crc32(row["sketch"].tobytes(), zlib.crc32(row["file"]))


def _file(cache: Path, files: list[str], white: int) -> Path:
    key = hashlib.sha256("".join(files).encode()).hexdigest()
    return cache / "sketches" / f"opener-{opener_name(white)}-sketch-{SKETCH}" / f"{key}.npy"
