"""From the archives of public sets to entries: every set was packed in a way of its own.

As in `sources`, an entry's name is only text. Here it is made: the class becomes the folder.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.data.flower_names import FLOWERS
from tl_core.data.sources import Entry
from tl_core.data.tars import tar_entries
from tl_core.data.zips import zip_entries
from tl_core.errors import UserError

FASHION = ("T-shirt or top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
           "Bag", "Ankle boot")  # fmt: skip

_LARGEST_PNG = 4096  # bytes, of 28 × 28 greys
_SPLITS = {"trnid": "train", "valid": "val", "tstid": "test"}  # in Flowers102's setid.mat


@contextmanager
def class_folders(files: Sequence[Path]) -> Iterator[list[Entry]]:
    """Open a zip that has class folders already: ants and bees, EuroSAT."""
    with zip_entries(files[0]) as entries:
        yield entries


@contextmanager
def pets(files: Sequence[Path]) -> Iterator[list[Entry]]:
    """Open Oxford-IIIT Pet's pictures, `images/great_pyrenees_12.jpg` and so on."""
    with _tar(files[0]) as entries:
        yield [
            Entry(f"{_breed(entry.name)}/{PurePosixPath(entry.name).name}", entry.size, entry.open)
            for entry in entries
            if entry.name.endswith(".jpg")
        ]


def _breed(name: str) -> str:
    """Return the breed that a picture's name begins with.

    >>> _breed("images/great_pyrenees_12.jpg"), _breed("images/British_Shorthair_3.jpg")
    ('Great Pyrenees', 'British Shorthair')
    """
    return PurePosixPath(name).stem.rpartition("_")[0].replace("_", " ").title()


@contextmanager
def flowers(files: Sequence[Path]) -> Iterator[list[Entry]]:
    """Open Flowers102: `jpg/image_00001.jpg`, and two files that say what it is and what for."""
    archive, label_file, split_file = files
    labels, ids = _matrix(label_file, "labels"), {key: _matrix(split_file, key) for key in _SPLITS}
    split_of = {int(n): _SPLITS[key] for key, numbers in ids.items() for n in numbers}
    with _tar(archive) as entries:
        renamed = []
        for entry in entries:
            digits = PurePosixPath(entry.name).stem.removeprefix("image_")
            if digits.isdecimal() and int(digits) in split_of:
                flower = FLOWERS[int(labels[int(digits) - 1]) - 1]
                name = f"{split_of[int(digits)]}/{flower}/{digits}.jpg"
                renamed.append(Entry(name, entry.size, entry.open))
        yield renamed


def _matrix(path: Path, key: str) -> NDArray[Any]:
    from scipy.io import loadmat  # comes with scikit-learn; half a second, needed once

    return np.asarray(loadmat(path, squeeze_me=True)[key])


@contextmanager
def fashion(files: Sequence[Path]) -> Iterator[list[Entry]]:
    """Open FashionMNIST: the pictures and labels to train, then those to test, as gzipped IDX."""
    entries = []
    for split, pictures, labels in (("train", files[0], files[1]), ("test", files[2], files[3])):
        shown, meant = _idx(pictures), _idx(labels)
        for number, (pixels, label) in enumerate(zip(shown, meant, strict=True)):
            name = f"{split}/{FASHION[label]}/{number:05}.png"
            entries.append(Entry(name, _LARGEST_PNG, partial(_png, pixels)))
    yield entries


def _idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of bytes (Yann LeCun's format): how many axes, how long, then the values."""
    with gzip.open(path) as file:
        axes = file.read(4)[3]
        shape = [int.from_bytes(file.read(4), "big") for _ in range(axes)]
        return np.frombuffer(file.read(int(np.prod(shape))), np.uint8).reshape(shape)


def _png(pixels: NDArray[np.uint8]) -> IO[bytes]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    buffer.seek(0)
    return buffer


def some_of_each(entries: Iterable[Entry], limits: Mapping[str, int]) -> list[Entry]:
    """Keep some pictures of each class, always the same ones, in the order they came.

    Args:
        entries: named `class/file` or `split/class/file`, below any folders.
        limits: how many of each class to keep in a split's folder; `""` stands for any other
            folder. All are kept where nothing is said.

    >>> entries = [Entry(f"cats/{n}.jpg", 1, io.BytesIO) for n in range(9)]
    >>> len(some_of_each(entries, {"": 3})), len(some_of_each(entries, {"test": 3}))
    (3, 9)
    """
    entries = list(entries)
    folders: dict[PurePosixPath, list[str]] = defaultdict(list)
    for entry in entries:
        folders[PurePosixPath(entry.name).parent].append(entry.name)
    kept: set[str] = set()
    for folder, names in folders.items():
        split = folder.parent.name if folder.parent.name in limits else ""
        # By a hash of the name: neighbours in a set are often alike.
        kept.update(sorted(names, key=_turn)[: limits.get(split)])
    return [entry for entry in entries if entry.name in kept]


def _turn(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@contextmanager
def _tar(path: Path) -> Iterator[list[Entry]]:
    with ExitStack() as stack:
        try:
            entries = stack.enter_context(tar_entries(path))
        except UserError as error:
            raise UserError(
                f"{path.name} is damaged and was not opened; delete {path} and download it again."
            ) from error
        yield entries
