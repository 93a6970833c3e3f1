"""Every picture decoded once: uint8 pixels in a memory-mapped file that later runs reuse.

A file is named by its content: the hashes of the pictures, the opener's version, the size and how
pictures are fitted to it. Where an older file holds some of the pictures already, as after one was
added to a dataset, only the others are decoded. A set that the disk cannot take is streamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tl_core.data.decode import fit, open_image, opener_name
from tl_core.data.pixel_file import map_pixels, whole_rows, write_pixels
from tl_core.data.stored import original_name, require_whole
from tl_core.data.streamed import Rows, Streamed
from tl_core.errors import UnreadableImageError, UserError
from tl_core.workspace import CACHE_BUDGET

if TYPE_CHECKING:
    from tl_core.backbones.card import Preprocessing

DISK_SHARE = 0.5
"""Of the free disk, and of the cache's budget, that one set of decoded pictures may take."""

_TILE = 8  # pictures asked for at once; the next ones are begun meanwhile
_ABANDONED_AFTER = 24 * 3600  # seconds; what a killed process left half-written
_Known = dict[str, NDArray[np.uint8]]  # by the hash of the picture


@dataclass(frozen=True)
class Pixels:
    """Decoded pictures, to be indexed like the uint8 array `(N, S, S, 3)` that they are.

    Attributes:
        key: fingerprint of the pictures, the opener and how they were fitted, and of the values
            that are there: what was computed from other values has another name.
        rows: where they are: mapped from a file, or decoded when asked for.
        note: what the person should know about that, or nothing.
    """

    key: str
    rows: NDArray[np.uint8] | Streamed
    note: str = ""

    @classmethod
    def of(cls, array: NDArray[np.uint8]) -> Pixels:
        """Name pixels that came from elsewhere by their own values."""
        digest = hashlib.sha256(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
        return cls(digest.hexdigest(), array)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(N, S, S, 3)`."""
        return self.rows.shape

    @property
    def nbytes(self) -> int:
        """Bytes of the whole, decoded."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Rows) -> NDArray[np.uint8]:
        """Return one picture `(S, S, 3)`, or several `(B, S, S, 3)`; read-only."""
        return self.rows[rows]

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[row] for row in range(len(self)))


def decode_pixels(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    cache: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    budget: int = CACHE_BUDGET,
) -> Pixels:
    """Decode pictures to the network's size, or find them decoded already.

    Args:
        paths: stored files, named by their content's hash.
        preprocessing: size, resize and interpolation.
        cache: the workspace's cache folder.
        progress: called with (pictures done, pictures in all) while decoding.
        budget: bytes that the cache may take.

    Returns:
        The pictures, in the order of `paths`.

    Raises:
        UserError: a stored picture can no longer be read (streamed ones: when it is asked for),
            or the disk became full.
    """
    key = pixels_key(paths, preprocessing)
    names = [path.name for path in paths]
    shape = (len(paths), preprocessing.size, preprocessing.size, 3)
    if not paths:
        return Pixels(key, np.empty(shape, np.uint8))
    file = cache / "pixels" / _fit_name(preprocessing) / f"{key}.npy"
    mapped = map_pixels(file, names, shape)
    if mapped is None:
        known = _decoded_before(file.parent, names, shape)
        rows = Streamed(shape, _opener(paths, preprocessing, known))
        cache.mkdir(parents=True, exist_ok=True)
        if note := why_streamed(shape, shutil.disk_usage(cache).free, budget):
            return Pixels(_key_of_values(key, None), rows, note)
        write_pixels(file, names, shape, _in_order(rows, progress))
        mapped = map_pixels(file, names, shape)
        if mapped is None:
            raise UserError(
                f"The decoded pictures in {file.parent} cannot be read back; "
                "check that disk, or set HEADSTART_HOME to another one."
            )
    for used in (file, file.with_suffix(".json")):
        with suppress(FileNotFoundError):  # another process trims
            os.utime(used)
    return Pixels(_key_of_values(key, mapped.checksums), mapped.rows)


def pixels_key(paths: Sequence[Path], preprocessing: Preprocessing) -> str:
    """Return what decoded pictures are kept under: mean and deviation have no part in it."""
    content = [[path.name for path in paths], _fit_name(preprocessing)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def why_streamed(shape: Sequence[int], free: int, budget: int) -> str:
    """Say why decoded pictures of this shape are not kept on disk; nothing if they are.

    Args:
        shape: `(N, S, S, 3)`.
        free: bytes that the disk has free.
        budget: bytes that the cache may take.

    >>> why_streamed((1000, 224, 224, 3), 10**9, 20 << 30)
    ''
    """
    needed = int(np.prod(shape, dtype=np.int64))
    if needed <= DISK_SHARE * min(free, budget):
        return ""
    short_of, remedy = (
        (f"the {free / 1e9:,.1f} GB that are free on the disk", "free some space")
        if free < budget
        else (f"the {budget / 1e9:,.1f} GB that the cache may take", "use fewer pictures")
    )
    return (
        f"Decoded, {shape[0]:,} pictures take {needed / 1e9:,.1f} GB, more than {DISK_SHARE:.0%} "
        f"of {short_of}, so they are opened anew whenever they are needed, which takes longer; "
        f"{remedy} to have them kept."
    )


def trim(cache: Path, budget_bytes: int) -> int:
    """Delete the least recently used files of the cache until it fits the budget.

    Args:
        cache: the workspace's cache folder; everything in it can be computed again.
        budget_bytes: what may stay.

    Returns:
        The number of bytes that were freed.
    """
    now = time.time()
    files = []
    for path in cache.rglob("*"):
        try:
            status = path.lstat()
        except OSError:
            continue  # another process trims too
        being_written = path.name.startswith(".") and now - status.st_mtime < _ABANDONED_AFTER
        if not path.is_dir() and not being_written:
            files.append((status.st_mtime_ns, status.st_size, path))
    over = sum(size for _, size, _ in files) - budget_bytes
    freed = 0
    for _, size, path in sorted(files):
        if freed >= over:
            break
        try:
            path.unlink(missing_ok=True)
        except OSError:
            continue  # Windows keeps what is open
        freed += size
    return freed


def _fit_name(preprocessing: Preprocessing) -> str:
    """Name all that decides about a picture's pixels but the picture."""
    p = preprocessing
    return f"opener-{opener_name(p.white)}-{p.size}-of-{p.resize}-{p.interpolation}"


def _key_of_values(key: str, values: Sequence[int] | None) -> str:
    """Name pixels by what they are, whatever they ought to be; streamed ones by their pictures."""
    return hashlib.sha256(json.dumps([key, values]).encode()).hexdigest()


def _decoded_before(folder: Path, names: Sequence[str], shape: tuple[int, ...]) -> _Known:
    """Return the pictures among `names` that older files of the same size hold, undamaged."""
    wanted, known = set(names), _Known()
    for file in folder.glob("*.npy"):
        known |= whole_rows(file, wanted - known.keys(), shape[1:])
    return known


def _opener(
    paths: Sequence[Path], preprocessing: Preprocessing, known: _Known
) -> Callable[[int], NDArray[np.uint8]]:
    def decode(row: int) -> NDArray[np.uint8]:
        path = paths[row]
        if path.name in known:
            return known[path.name]
        try:
            require_whole(path)
            return fit(open_image(path, preprocessing.white), preprocessing)
        except UnreadableImageError as error:
            raise UserError(
                f"The stored picture {original_name(path)} ({path}) can no longer be read: "
                f"{error}; import the same pictures again, which puts it right."
            ) from error

    return decode


def _in_order(
    rows: Streamed, progress: Callable[[int, int], None] | None
) -> Iterator[NDArray[np.uint8]]:
    count = rows.shape[0]
    try:
        for start in range(0, count, _TILE):
            for done, picture in enumerate(rows[start : start + _TILE], start + 1):
                yield picture
                if progress:
                    progress(done, count)
    finally:
        rows.close()
