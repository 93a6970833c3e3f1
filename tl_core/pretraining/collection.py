"""A large collection of pictures, from a folder or a zip to pixels in one file each split."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tl_core.backbones.card import Preprocessing
from tl_core.data.decode import OPENER, fit, open_image
from tl_core.data.encodings import LIKELIEST
from tl_core.data.layout import Layout, arrange
from tl_core.data.pixel_file import map_pixels, write_pixels
from tl_core.data.sources import Entry, folder_entries
from tl_core.data.zips import zip_entries
from tl_core.errors import UnreadableImageError, UserError

Progress = Callable[[str, int, int], None]
_CHUNK = 256


@dataclass(frozen=True)
class Examples:
    """Pictures and what they show.

    Attributes:
        pixels: uint8 `(N, S, S, 3)`, mapped from a file.
        labels: int64 `(N,)`.
        key: fingerprint of the pictures, for what is computed from them.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    key: str


@dataclass(frozen=True)
class Collection:
    """What is pre-trained on.

    Attributes:
        classes: in natural order.
        train: to learn from.
        validation: to measure on; without examples where the source has no such folder.
    """

    classes: tuple[str, ...]
    train: Examples
    validation: Examples


def read_collection(source: Path, side: int, work: Path, progress: Progress) -> Collection:
    """Decode every picture once, or find them decoded by an earlier start.

    Args:
        source: a folder or a .zip with class folders, or `train/` and `val/` above them.
        side: of the stored squares, in pixels: the shorter side is resized, the centre kept.
        work: folder for the decoded pixels.
        progress: called with what is done, how many are and how many there are.

    Raises:
        UserError: no such source, no class folders in it, a broken picture, or a full disk.
    """
    if not source.exists():
        raise UserError(f"There is no folder or .zip called {source}; check the name.")
    opened = (
        nullcontext(folder_entries(source)) if source.is_dir() else zip_entries(source, LIKELIEST)
    )
    with opened as entries:
        layout = arrange([entry.name for entry in entries], source.name)
        return Collection(
            layout.classes,
            _examples(entries, layout, "train", side, work, progress),
            _examples(entries, layout, "validation", side, work, progress),
        )


def _examples(
    entries: Sequence[Entry], layout: Layout, split: str, side: int, work: Path, progress: Progress
) -> Examples:
    number = {name: index for index, name in enumerate(layout.classes)}
    places = [place for place in layout.places if (place.split or "train") == split]
    chosen = [entries[place.index] for place in places]
    content = [OPENER, side, [(entry.name, entry.size) for entry in chosen]]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    labels = np.array([number[place.class_name] for place in places], np.int64)
    shape = (len(chosen), side, side, 3)
    if not chosen:
        return Examples(np.empty(shape, np.uint8), labels, key)
    file = work / f"{split}-{key}.npy"
    names = [entry.name for entry in chosen]
    mapped = map_pixels(file, names, shape)
    if mapped is None:
        decoded = _decoded(chosen, side, f"Reading {split} pictures", progress)
        write_pixels(file, names, shape, decoded)
        mapped = map_pixels(file, names, shape)
    if mapped is None:
        raise UserError(f"The decoded pictures in {work} cannot be read back; check that disk.")
    return Examples(mapped.rows, labels, key)


def _decoded(
    entries: Sequence[Entry], side: int, what: str, progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    square = Preprocessing(size=side, resize=side)

    def decode(entry: Entry) -> NDArray[np.uint8]:
        try:
            with entry.open() as stream:
                return fit(open_image(stream.read()), square)
        except UnreadableImageError as error:
            raise UserError(
                f"{entry.name} cannot be used ({error}); take it out and start again."
            ) from error

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(entries), _CHUNK):
            yield from pool.map(decode, entries[start : start + _CHUNK])
            progress(what, min(start + _CHUNK, len(entries)), len(entries))
