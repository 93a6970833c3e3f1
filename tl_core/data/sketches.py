"""Where sketches are kept, so that no picture is decoded twice for its checks.

One file for each set of pictures, named by their hashes; a later version of a dataset reads what
earlier ones hold and decodes the rest alone.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from tl_core.data.decode import OPENER
from tl_core.data.sketch import ROW, SKETCH, Sketches
from tl_core.workspace import write_atomic

Known = dict[str, Sketches]
"""A row of one, by the hash of the picture."""


def keep_sketches(cache: Path, known: Mapping[str, Sketches]) -> None:
    """Keep the sketches of a set of pictures.

    Args:
        cache: the workspace's cache folder.
        known: sketches by the hash of the picture.

    Raises:
        UserError: the disk is full.
    """
    files = sorted(known)
    if not files or (file := _file(cache, files)).exists():
        return
    buffer = io.BytesIO()
    rows = np.concatenate([known[name] for name in files])
    np.savez(buffer, files=np.array(files, "S64"), rows=rows)
    write_atomic(file, buffer.getvalue())


def known_sketches(cache: Path, files: Iterable[str]) -> Known:
    """Return the sketches that are kept of these pictures; those of the others are missing."""
    wanted, known = set(files), Known()
    own = _file(cache, sorted(wanted))
    for file in [own, *(other for other in own.parent.glob("*.npz") if other != own)]:
        if wanted <= known.keys():
            break
        known |= _held(file, wanted)
    return known


def sizes(cache: Path, files: Iterable[str]) -> list[tuple[int, int]]:
    """Return width and height of those pictures whose sketches are kept."""
    rows = known_sketches(cache, files).values()
    return [(int(row["width"][0]), int(row["height"][0])) for row in rows if row["width"][0]]


def _held(file: Path, wanted: set[str]) -> Known:
    try:
        with np.load(file, allow_pickle=False) as held:
            names = [name.decode() for name in held["files"].tolist()]
            if wanted.isdisjoint(names):
                return {}
            rows = held["rows"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}  # not there, trimmed by another process, or damaged
    if rows.dtype != ROW or len(rows) != len(names):
        return {}
    with suppress(OSError):
        os.utime(file)
    return {name: rows[n : n + 1] for n, name in enumerate(names) if name in wanted}


def _file(cache: Path, files: list[str]) -> Path:
    key = hashlib.sha256("".join(files).encode()).hexdigest()
    return cache / "sketches" / f"opener-{OPENER}-sketch-{SKETCH}" / f"{key}.npz"
