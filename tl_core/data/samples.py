"""Datasets that need no upload and no internet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.drawn.picture import draw
from tl_core.data.intake import import_entries
from tl_core.data.sources import Entry
from tl_core.errors import unknown
from tl_core.workspace import Workspace

_LARGEST = 64 << 10  # bytes; no picture of a sample is larger
_DIGIT_SIDE = 64


@dataclass(frozen=True)
class Sample:
    """A dataset that comes along.

    Attributes:
        key: what scripts call it.
        title: what people call it, and the name of the dataset.
        about: what it is, in a sentence or two.
        source: where it comes from.
        licence: one line.
        classes: how many pictures each class has.
        picture: returns a picture's file by its class and number; the same bytes on every call.
        suffix: ending of the files' names.
    """

    key: str
    title: str
    about: str
    source: str
    licence: str
    classes: Mapping[str, int]
    picture: Callable[[str, int], bytes]
    suffix: str


def _digit(name: str, number: int) -> bytes:
    """Return dark ink on white paper, made larger from 8 × 8 pixels."""
    pixels = _digits()[name][number]
    paper = Image.fromarray((255 - pixels * (255 / 16)).round().astype(np.uint8))
    buffer = io.BytesIO()
    paper.resize((_DIGIT_SIDE, _DIGIT_SIDE), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


@cache
def _digits() -> dict[str, NDArray[np.float64]]:
    from sklearn.datasets import load_digits  # a second to import, needed once

    digits = load_digits()
    return {str(digit): digits.images[digits.target == digit] for digit in range(10)}


SAMPLES: tuple[Sample, ...] = (
    Sample(
        key="phones",
        title="Phones and laptops",
        about=(
            "200 pictures that Headstart draws itself: phones and laptops of many colours on "
            "desks and cloths, in many lights. Neither colour nor outline tells them apart."
        ),
        source="Drawn by Headstart",
        licence="MIT, as Headstart itself",
        classes={"laptops": 100, "phones": 100},
        picture=draw,
        suffix=".jpg",
    ),
    Sample(
        key="digits",
        title="Handwritten digits",
        about=(
            "600 digits that people wrote by hand, 60 of each from 0 to 9. They look unlike any "
            "photo, so they show how far a head start from photos carries."
        ),
        source=(
            "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), "
            "UCI Machine Learning Repository; the copy in scikit-learn"
        ),
        licence="CC BY 4.0",
        classes={str(digit): 60 for digit in range(10)},
        picture=_digit,
        suffix=".png",
    ),
)


def find_sample(key: str) -> Sample:
    """Return the sample that scripts call `key`.

    Raises:
        UserError: there is none.
    """
    for known in SAMPLES:
        if known.key == key:
            return known
    raise unknown("sample", key, [known.key for known in SAMPLES])


def sample(
    workspace: Workspace, key: str, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """Return a sample as a dataset of the workspace, made when it is first asked for.

    Args:
        workspace: where the dataset goes.
        key: of the sample.
        progress: called with (pictures done, pictures in all).

    Raises:
        UserError: there is no such sample, or the disk is full.
    """
    chosen = find_sample(key)
    for dataset in list_datasets(workspace):
        if dataset.name == chosen.title and dataset.counts() == chosen.classes:
            return dataset
    with _entries(chosen) as entries:
        return import_entries(workspace, entries, chosen.title, progress=progress)


def examples(chosen: Sample, count: int) -> list[bytes]:
    """Return the files of a few pictures, of one class after another."""
    names = list(chosen.classes)
    return [chosen.picture(names[k % len(names)], k // len(names)) for k in range(count)]


@contextmanager
def _entries(chosen: Sample) -> Iterator[list[Entry]]:
    """List a sample's files while two threads make them; most of drawing runs without Python."""
    pool = ThreadPoolExecutor(2)
    try:
        yield [
            Entry(
                f"{name}/{name}-{number:02}{chosen.suffix}",
                _LARGEST,
                _opener(pool.submit(chosen.picture, name, number)),
            )
            for name, count in chosen.classes.items()
            for number in range(count)
        ]
    finally:
        pool.shutdown(cancel_futures=True)


def _opener(made: Future[bytes]) -> Callable[[], io.BytesIO]:
    return lambda: io.BytesIO(made.result())
