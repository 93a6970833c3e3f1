"""Datasets that need no upload and no internet."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.intake import import_entries
from tl_core.data.sources import Entry
from tl_core.errors import unknown
from tl_core.workspace import Workspace

_PER_CLASS = 60
_SIDE = 64


@dataclass(frozen=True)
class Sample:
    """A dataset that comes along.

    Attributes:
        key: what scripts call it.
        title: what people call it, and the name of the dataset.
        about: what it is, in a sentence or two.
        source: where it comes from.
        licence: one line.
    """

    key: str
    title: str
    about: str
    source: str
    licence: str


DIGITS = Sample(
    key="digits",
    title="Handwritten digits",
    about=(
        "600 digits that people wrote by hand, 60 of each from 0 to 9, made larger from 8 × 8 "
        "pixels. Small enough to learn in a minute on any computer."
    ),
    source=(
        "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), "
        "UCI Machine Learning Repository; the copy in scikit-learn"
    ),
    licence="CC BY 4.0",
)

SAMPLES: tuple[Sample, ...] = (DIGITS,)


def sample(
    workspace: Workspace, key: str, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """Return a sample as a dataset of the workspace, made when it is first asked for.

    Raises:
        UserError: there is no such sample, or the disk is full.
    """
    if key == DIGITS.key:
        return make_digits(workspace, progress)
    raise unknown("sample", key, [known.key for known in SAMPLES])


def make_digits(
    workspace: Workspace, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """Return scikit-learn's handwritten digits, ten classes of 60 PNG pictures.

    Raises:
        UserError: the disk is full.
    """
    for dataset in list_datasets(workspace):
        if dataset.name == DIGITS.title and dataset.counts() == _EXPECTED:
            return dataset
    return import_entries(workspace, _entries(), DIGITS.title, progress=progress)


_EXPECTED = {str(digit): _PER_CLASS for digit in range(10)}


def _entries() -> list[Entry]:
    from sklearn.datasets import load_digits  # a second to import, needed once

    digits = load_digits()
    entries = []
    for digit in range(10):
        for number, pixels in enumerate(digits.images[digits.target == digit][:_PER_CLASS]):
            png = _png(pixels)
            name = f"{digit}/{digit}-{number:02}.png"
            entries.append(Entry(name, len(png), partial(io.BytesIO, png)))
    return entries


def _png(pixels: NDArray[np.float64]) -> bytes:
    """Draw an 8 × 8 picture of ink between 0 and 16 as dark ink on white paper."""
    paper = Image.fromarray((255 - pixels * (255 / 16)).round().astype(np.uint8))
    buffer = io.BytesIO()
    paper.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()
