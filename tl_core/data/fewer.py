"""The same dataset with fewer pictures to learn from: how much does it take?"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from tl_core.data.dataset import Dataset, Item


def fewer(dataset: Dataset, per_class: int | None, seed: int) -> Dataset:
    """Return a dataset that trains on at most so many pictures of each class, drawn by a seed.

    A larger draw holds every picture of a smaller one with the same seed, so that what more
    pictures bring is not mixed with what other pictures bring. Validation and test stay whole.

    Args:
        dataset: whole.
        per_class: at least 1; `None` keeps everything.
        seed: of the draw.
    """
    if per_class is None:
        return dataset
    turn = sorted(dataset.of("train"), key=lambda item: _turn(item, seed))
    kept: dict[int, set[str]] = {}
    for item in turn:
        files = kept.setdefault(item.label, set())
        if len(files) < per_class:
            files.add(item.file)
    items = (i for i in dataset.items if i.split != "train" or i.file in kept[i.label])
    return replace(dataset, items=tuple(items))


def _turn(item: Item, seed: int) -> str:
    return hashlib.sha256(f"{seed} {item.file}".encode()).hexdigest()
