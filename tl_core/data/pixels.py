"""Every picture decoded once: uint8 pixels in a memory-mapped file that later runs reuse."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tl_core.data.decode import OPENER, fit, open_image
from tl_core.errors import UnreadableImageError, UserError
from tl_core.workspace import disk_errors, new_id, require_space

if TYPE_CHECKING:
    from tl_core.backbones.card import Preprocessing

_CHUNK = 256  # pictures decoded before they are written; 38 MB at 224 pixels
_ABANDONED_AFTER = 24 * 3600  # seconds; what a killed process left half-written


def decode_pixels(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    cache: Path,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.uint8]:
    """Decode pictures to the network's size, or find them decoded already.

    Args:
        paths: stored files, named by their content's hash.
        preprocessing: size, resize and interpolation.
        cache: the workspace's cache folder.
        progress: called with (pictures done, pictures in all) while decoding.

    Returns:
        Read-only uint8 array `(len(paths), size, size, 3)`, mapped from the cache.

    Raises:
        UserError: a stored picture can no longer be read, or the disk is full.
    """
    shape = (len(paths), preprocessing.size, preprocessing.size, 3)
    if not paths:
        return np.empty(shape, np.uint8)
    file = cache / "pixels" / f"{pixels_key(paths, preprocessing)}.npy"
    pixels = map_pixels(file, shape)
    if pixels is None:
        write_pixels(file, shape, _decoded(paths, preprocessing, progress))
        pixels = map_pixels(file, shape)
        if pixels is None:
            raise UserError(
                f"The decoded pictures in {file.parent} cannot be read back; "
                "check that disk, or set HEADSTART_HOME to another one."
            )
    os.utime(file)
    return pixels


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


def pixels_key(paths: Sequence[Path], preprocessing: Preprocessing) -> str:
    """Return the name of what `decode_pixels` gives: one for one content in one order."""
    content = [
        [path.name for path in paths],
        OPENER,
        preprocessing.size,
        preprocessing.resize,
        preprocessing.interpolation,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def map_pixels(file: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Map a file that `write_pixels` made; `None` where there is none or it is damaged."""
    try:
        pixels = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError):
        return None
    whole = isinstance(pixels, np.memmap) and pixels.shape == shape and pixels.dtype == np.uint8
    return pixels if whole else None


def _decoded(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    progress: Callable[[int, int], None] | None,
) -> Iterator[NDArray[np.uint8]]:
    def decode(path: Path) -> NDArray[np.uint8]:
        try:
            return fit(open_image(path), preprocessing)
        except UnreadableImageError as error:
            raise UserError(
                f"The stored picture {path} can no longer be read ({error}); "
                "import the pictures again."
            ) from error

    done = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(paths), _CHUNK):
            for pixels in pool.map(decode, paths[start : start + _CHUNK]):
                yield pixels
                done += 1
                if progress:
                    progress(done, len(paths))


def write_pixels(file: Path, shape: tuple[int, ...], pictures: Iterator[NDArray[np.uint8]]) -> None:
    """Write an array picture by picture; a reader sees all of it or nothing.

    Not through a writable map: a disk that fills up would then end the process with a signal.

    Raises:
        UserError: the disk is full.
    """
    part = file.with_name(f".{file.name}.{new_id()}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    require_space(file.parent, int(np.prod(shape)))
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    try:
        with disk_errors("the decoded pictures"), part.open("wb") as out:
            npy.write_array_header_1_0(out, header)
            for pixels in pictures:
                out.write(pixels.tobytes())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
