"""The rule that gives each picture its split."""

from __future__ import annotations

from collections import Counter

import pytest

from tl_core.data.split import assign, shares

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

few_examples = settings(max_examples=60, deadline=None)
files = st.integers(0, 10**6).map(lambda n: f"{n:064x}")
unique_items = st.lists(
    st.tuples(files, st.integers(0, 3)), unique_by=lambda item: item[0], max_size=120
)
any_items = st.lists(st.tuples(st.integers(0, 30).map(str), st.integers(0, 3)), max_size=80)


def per_class(items, splits):
    return Counter((label, split) for (_, label), split in zip(items, splits, strict=True))


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, (1, 0, 0)),
        (2, (1, 1, 0)),
        (6, (5, 1, 0)),
        (7, (5, 1, 1)),
        (10, (7, 2, 1)),
        (20, (14, 3, 3)),
        (60, (42, 9, 9)),
        (100, (70, 15, 15)),
        (1000, (700, 150, 150)),
    ],
)
def test_shares(n, expected):
    assert tuple(shares(n).values()) == expected


def test_without_a_test_split_its_share_trains():
    assert shares(100, with_test=False) == {"train": 85, "validation": 15, "test": 0}
    items = [(str(n), 0) for n in range(100)]
    assert Counter(assign(items, with_test=False)) == {"train": 85, "validation": 15}


@pytest.mark.parametrize("n", range(2, 400))
def test_shares_follow_the_rule(n):
    share = shares(n)
    assert sum(share.values()) == n
    assert share["train"] >= 1
    assert share["validation"] >= 1
    assert share["test"] >= (1 if n >= 7 else 0)
    if n >= 7:
        for split, percent in (("train", 0.7), ("validation", 0.15), ("test", 0.15)):
            assert abs(share[split] - percent * n) <= 1


@few_examples
@given(unique_items)
def test_every_class_gets_its_exact_shares(items):
    found = per_class(items, assign(items))
    for label, n in Counter(label for _, label in items).items():
        assert {split: found[label, split] for split in shares(n)} == shares(n)


@few_examples
@given(any_items, st.randoms())
def test_order_does_not_matter(items, random):
    shuffled = random.sample(items, len(items))
    assert dict(zip(items, assign(items), strict=True)) == dict(
        zip(shuffled, assign(shuffled), strict=True)
    )


@few_examples
@given(any_items, st.dictionaries(st.integers(0, 30).map(str), st.integers(0, 5).map(str)))
def test_groups_stay_together(items, groups):
    """Equal hashes, also across classes, and hashes that were said to be alike."""
    splits: dict[str, set[str]] = {}
    for (file, _), split in zip(items, assign(items, groups=groups), strict=True):
        splits.setdefault(groups.get(file, f"alone {file}"), set()).add(split)
    assert all(len(found) == 1 for found in splits.values())


@few_examples
@given(any_items, st.dictionaries(st.integers(0, 30).map(str), st.integers(0, 5).map(str)))
def test_every_class_trains(items, groups):
    found = per_class(items, assign(items, groups=groups))
    assert all(found[label, "train"] for _, label in items)


@few_examples
@given(unique_items, unique_items)
def test_a_later_version_carries_earlier_assignments_forward(earlier, new):
    before = dict(zip((file for file, _ in earlier), assign(earlier), strict=True))
    items = earlier + [item for item in new if item[0] not in before]
    after = assign(items, carried=before)
    assert all(
        split == before.get(file, split) for (file, _), split in zip(items, after, strict=True)
    )
    if len(items) == len(earlier):
        assert after == list(before.values())


def test_new_pictures_fill_what_the_carried_ones_leave():
    earlier = [(f"a{n}", 0) for n in range(20)]
    before = dict(zip((file for file, _ in earlier), assign(earlier), strict=True))
    items = earlier + [(f"b{n}", 0) for n in range(80)]
    assert Counter(assign(items, carried=before)) == shares(100)


def test_a_new_near_duplicate_follows_the_carried_picture():
    items = [("old", 0), ("new", 0), *((str(n), 0) for n in range(10))]
    splits = assign(items, groups={"old": "g", "new": "g"}, carried={"old": "test"})
    assert splits[:2] == ["test", "test"]


def test_large_groups_do_not_leave_validation_empty():
    items = [(f"{group}{n}", 0) for group in "abc" for n in range(6)]
    groups = {file: file[0] for file, _ in items}
    assert Counter(assign(items, groups=groups)) == {"train": 6, "validation": 6, "test": 6}


def test_the_assignment_is_pinned():
    """A change here moves pictures of datasets that people have already imported."""
    splits = assign([(f"{n:064x}", n % 2) for n in range(14)])
    assert "".join(split[1] for split in splits) == "rrrrerrrreaarr"  # t-r-ain, v-a-l, t-e-st
