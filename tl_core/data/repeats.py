"""Pictures that are there more than once, exactly or nearly, and what that does to the figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from tl_core.data.alike import alike, groups
from tl_core.data.dataset import SPLITS, Dataset, Item
from tl_core.data.finding import Finding, Mend, listed
from tl_core.data.looks import BLANK
from tl_core.data.sketch import Sketches

_CHOICES = 12  # classes of which each is offered as the right one


def near_groups(known: Mapping[str, Sketches]) -> dict[str, str]:
    """Return, for each picture that is nearly the same as others, what ties them together.

    This is what `split.assign` takes as groups. Pictures of one colour tie nothing.

    Args:
        known: sketches by the hash of the picture.

    >>> near_groups({})
    {}
    """
    files = sorted(known)
    if not files:
        return {}
    sketches = np.concatenate([known[file] for file in files])
    plain = sketches["range"] <= BLANK
    pairs = alike(sketches)
    pairs = pairs[~plain[pairs].any(1)]
    heads = groups(len(files), pairs)
    tied = np.isin(heads, heads[pairs[:, 0]])
    return {files[n]: files[heads[n]] for n in np.flatnonzero(tied).tolist()}


def repeated(items: Sequence[Item], sketches: Sketches, dataset: Dataset) -> list[Finding]:
    """Return pictures that are there more than once, each group under what is worst about it.

    Args:
        items: pictures of the dataset.
        sketches: one row for each.
        dataset: tells the classes, and who made the split.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for n, group in enumerate(groups(len(items), alike(sketches)).tolist()):
        members[group].append(n)
    return [
        _repeat([items[n] for n in rows], sketches[rows], dataset)
        for rows in members.values()
        if len(rows) > 1
    ]


def _repeat(items: list[Item], sketches: Sketches, dataset: Dataset) -> Finding:
    exact = len(set(sketches["same"].tolist())) == 1
    if len({item.label for item in items}) > 1:
        return _conflict(items, dataset, exact)
    if len({item.split for item in items}) > 1:
        return _leakage(items, dataset, exact)
    best = _largest(items, sketches)
    gone = tuple(item for item in items if item is not best)
    if exact:
        why = (
            "These files hold the same picture, so it counts for more than others and nothing is "
            "learned from its copies."
        )
        mend = Mend("remove", "Keep one", gone)
        return Finding("duplicate", "warning", why, items=tuple(items), mends=(mend,))
    why = (
        "These pictures are nearly the same, so together they teach little more than one; all are "
        "on the same side of the split, so no figure is wrong."
    )
    mend = Mend("remove", "Keep the largest", gone)
    return Finding("near-duplicate", "note", why, items=tuple(items), mends=(mend,))


def _conflict(items: Sequence[Item], dataset: Dataset, exact: bool) -> Finding:
    labels = sorted({item.label for item in items})
    names = [dataset.classes[label] for label in labels]
    why = (
        f"{_these(exact)} in the classes {listed(names)}, so at least one label is wrong and the "
        "network is taught a contradiction."
    )
    out = Mend("remove", "Remove it from all classes", tuple(items))
    keep = [
        Mend(
            "remove",
            f"Keep it in {name} alone",
            tuple(item for item in items if item.label != label),
        )
        for label, name in zip(labels, names, strict=True)
        if len(labels) <= _CHOICES
    ]
    return Finding(
        "conflict", "problem", why, items=tuple(items), names=tuple(names), mends=(out, *keep)
    )


def _leakage(items: Sequence[Item], dataset: Dataset, exact: bool) -> Finding:
    splits = {item.split for item in items}
    kept = max(splits, key=SPLITS.index)
    why = (
        f"{_these(exact)} among those to learn from and those to check with, so the network is "
        "asked what it was told and its figures come out too high."
        if "train" in splits
        else f"{_these(exact)} among those that choose the best epoch and those for the final "
        "test, so the test is less independent than it should be."
    )
    if not dataset.given_split:
        why += " A picture that was added ties both sides together; nothing moves by itself."
    gone = tuple(item for item in items if item.split != kept)
    says = f"Keep it for {'the final test' if kept == 'test' else 'checking'} alone"
    mend = Mend("remove", says, gone)
    return Finding("leakage", "problem", why, items=tuple(items), mends=(mend,))


def _these(exact: bool) -> str:
    return "These are the same picture" if exact else "These are nearly the same picture"


def _largest(items: Sequence[Item], sketches: Sketches) -> Item:
    area = sketches["width"].astype(np.int64) * sketches["height"]
    return items[int(np.argmax(area))]
