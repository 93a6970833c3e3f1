"""Which pictures train, which validate, which test.

Everything here is a pure function of the pictures' content hashes: neither order nor names nor a
run's seed can move a picture from one split to another.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from tl_core.data.dataset import SPLITS, Split

TRAIN_PERCENT = 70
"""Of each class; the rest is halved into validation and test."""

TEST_FROM = 7
"""A class smaller than this keeps its pictures for training and validation."""

_HELD_OUT: tuple[Split, ...] = ("validation", "test")


def shares(n: int, *, with_test: bool = True) -> dict[Split, int]:
    """Return how many of a class's `n` pictures train, validate and test.

    Without a test split the training share is 85 %: what the test would have taken trains.

    >>> shares(100)
    {'train': 70, 'validation': 15, 'test': 15}
    >>> shares(7)
    {'train': 5, 'validation': 1, 'test': 1}
    >>> shares(2)
    {'train': 1, 'validation': 1, 'test': 0}
    """
    if n < 2:
        return {"train": n, "validation": 0, "test": 0}
    held_out = n - _rounded(n * TRAIN_PERCENT)
    if with_test and n >= TEST_FROM:
        test = held_out // 2
        return {"train": n - held_out, "validation": held_out - test, "test": test}
    validation = max(1, _rounded(n * (100 - TRAIN_PERCENT) // 2))
    return {"train": n - validation, "validation": validation, "test": 0}


def assign(
    items: Sequence[tuple[str, int]],
    *,
    groups: Mapping[str, str] | None = None,
    carried: Mapping[str, Split] | None = None,
    with_test: bool = True,
) -> list[Split]:
    """Give every picture its split, with exact shares in every class.

    Pictures of one group stay together, also across classes; equal hashes are always one group.
    The groups of a class take their turn in the order of a hash of their content. A group that is
    larger than what a split still needs passes on to the next, so shares are exact where groups
    are single pictures, and as near as whole groups allow elsewhere.

    Args:
        items: `(content hash, label)` of every picture.
        groups: content hash → group, for near-duplicates; a hash not in it is its own group.
        carried: content hash → split in an earlier version of the dataset; kept as it is.
        with_test: whether to make a test split.

    Returns:
        One split per item, in the order of the items.
    """
    groups, carried = groups or {}, carried or {}
    group_of = {file: f"group {groups[file]}" if file in groups else file for file, _ in items}
    members: dict[str, Counter[int]] = defaultdict(Counter)
    for file, label in items:
        members[group_of[file]][label] += 1

    decided = _carry(group_of, carried)
    needed = _needed(items, group_of, members, decided, with_test=with_test)
    undecided = sorted((key for key in members if key not in decided), key=_turn)
    for key in undecided:
        decided[key] = _first_that_fits(members[key], needed)
    _fill_empty(undecided, members, decided, with_test=with_test)
    return [carried.get(file) or decided[group_of[file]] for file, _ in items]


def _carry(group_of: Mapping[str, str], carried: Mapping[str, Split]) -> dict[str, Split]:
    """Let a group follow its earlier members; into training where they disagree."""
    earlier: dict[str, set[Split]] = defaultdict(set)
    for file, group in group_of.items():
        if file in carried:
            earlier[group].add(carried[file])
    return {group: min(splits, key=SPLITS.index) for group, splits in earlier.items()}


def _needed(
    items: Sequence[tuple[str, int]],
    group_of: Mapping[str, str],
    members: Mapping[str, Counter[int]],
    decided: Mapping[str, Split],
    *,
    with_test: bool,
) -> dict[Split, Counter[int]]:
    """Count what validation and test still need of each class."""
    needed: dict[Split, Counter[int]] = {"test": Counter(), "validation": Counter()}
    for label, n in Counter(label for _, label in items).items():
        share = shares(n, with_test=with_test)
        for split, count in needed.items():
            count[label] = share[split]
    for group in set(group_of.values()) & set(decided):
        if decided[group] in needed:
            needed[decided[group]].subtract(members[group])
    return needed


def _first_that_fits(group: Counter[int], needed: Mapping[Split, Counter[int]]) -> Split:
    for split, count in needed.items():
        if all(count[label] >= n for label, n in group.items()):
            count.subtract(group)
            return split
    return "train"


def _fill_empty(
    undecided: Sequence[str],
    members: Mapping[str, Counter[int]],
    decided: dict[str, Split],
    *,
    with_test: bool,
) -> None:
    """Move a group out of training where a class's groups were all too large for a share of it."""
    held: dict[Split, Counter[int]] = {split: Counter() for split in SPLITS}
    for group, split in decided.items():
        held[split].update(members[group])
    sizes = sum((members[group] for group in decided), Counter[int]())
    for label, n in sorted(sizes.items()):
        for split in _HELD_OUT:
            if held[split][label] or not shares(n, with_test=with_test)[split]:
                continue
            spare = [
                group
                for group in undecided
                if decided[group] == "train"
                and members[group][label]
                and all(held["train"][other] > m for other, m in members[group].items())
            ]
            if spare:
                group = min(spare, key=lambda key: (members[key].total(), _turn(key)))
                held["train"].subtract(members[group])
                held[split].update(members[group])
                decided[group] = split


def _turn(group: str) -> str:
    return hashlib.sha256(group.encode()).hexdigest()


def _rounded(hundredths: int) -> int:
    return (hundredths + 50) // 100
