"""Planning changes: pure, every earlier split carried forward, a sentence where it cannot be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.data.dataset import Dataset, Item, Split
from tl_core.data.edit import merged, moved, renamed, with_pictures, without, without_class
from tl_core.errors import UserError

SIX: list[Split] = ["train"] * 4 + ["validation", "test"]


def file(n: int) -> str:
    return f"{n:064x}"


def made_of(**classes: list[Split]) -> Dataset:
    names, number, items = tuple(sorted(classes)), 0, []
    for label, name in enumerate(names):
        for split in classes[name]:
            items.append(Item(file(number), f"{name}/{number}.png", label, split))
            number += 1
    return Dataset("id", "it", names, tuple(items), False, "local", Path("there"))


@pytest.fixture
def three() -> Dataset:
    return made_of(ant=SIX, bee=SIX, cat=SIX)


def splits(dataset: Dataset) -> dict[str, Split]:
    return {item.file: item.split for item in dataset.items}


def class_of(dataset: Dataset, n: int) -> str:
    (label,) = {item.label for item in dataset.items if item.file == file(n)}
    return dataset.classes[label]


def test_renaming_keeps_everything_else(three: Dataset) -> None:
    made = renamed(three, "ant", " zebra\n")
    assert made.counts() == {"bee": 6, "cat": 6, "zebra": 6}
    assert splits(made) == splits(three)
    assert class_of(made, 0) == "zebra"
    assert made.id != three.id
    assert renamed(three, "ant", "ant").items == three.items


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("ant", "bee", "a class called 'bee' already"),
        ("ant", " \u200b", "needs a name"),
        ("ant", "x" * 256, "at most 255 letters"),
        ("ants", "x", "nearest are ant"),
    ],
)
def test_names_that_cannot_be(three: Dataset, old: str, new: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        renamed(three, old, new)


def test_a_class_goes(three: Dataset) -> None:
    made = without_class(three, "bee")
    assert made.counts() == {"ant": 6, "cat": 6}
    assert class_of(made, 12) == "cat"
    with pytest.raises(UserError, match="Only one class"):
        without_class(made, "ant")


def test_pictures_move_with_their_split(three: Dataset) -> None:
    made = moved(three, three.items[:2], "bee")
    assert made.counts() == {"ant": 4, "bee": 8, "cat": 6}
    assert class_of(made, 0) == "bee"
    assert splits(made) == splits(three)
    checking = [item for item in three.of("validation") if item.label == 0]
    with pytest.raises(UserError, match="left to learn from or to check with in ant"):
        moved(three, checking, "bee")


def test_a_new_class_of_moved_pictures() -> None:
    two_each = made_of(ant=SIX * 2, bee=SIX)
    going = [item for item in two_each.items if item.file in (file(0), file(4))]
    made = moved(two_each, going, "new")
    assert made.counts() == {"ant": 10, "bee": 6, "new": 2}
    assert splits(made) == splits(two_each)
    with pytest.raises(UserError, match="in new"):
        moved(two_each, going[:1], "new")


def test_new_pictures_are_divided_and_old_ones_stay(three: Dataset) -> None:
    made = with_pictures(three, "ant", [(file(100 + n), f"{n}.png") for n in range(34)], {})
    assert made.counts()["ant"] == 40
    assert {f: s for f, s in splits(made).items() if f in splits(three)} == splits(three)
    label = made.classes.index("ant")
    assert Counter(i.split for i in made.items if i.label == label) == {
        "train": 28,
        "validation": 6,
        "test": 6,
    }


def test_a_new_class(three: Dataset) -> None:
    made = with_pictures(three, "dog", [(file(100 + n), "") for n in range(7)], {})
    assert made.classes == ("ant", "bee", "cat", "dog")
    assert Counter(i.split for i in made.items if i.label == 3)["test"] == 1
    with pytest.raises(UserError, match="in dog"):
        with_pictures(three, "dog", [(file(100), "")], {})


def test_a_given_split_without_test_gets_none() -> None:
    old = made_of(ant=["train", "train", "validation"], bee=["train", "train", "validation"])
    old = Dataset(**{**vars(old), "given_split": True})
    made = with_pictures(old, "ant", [(file(100 + n), "") for n in range(30)], {})
    assert made.of("test") == []
    assert len(made.of("validation")) > 2


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_new_picture_goes_to_the_side_of_its_like(three: Dataset, split: Split) -> None:
    like = next(item.file for item in three.of(split) if item.label == 0)
    made = with_pictures(three, "ant", [(file(100), "")], {like: "group", file(100): "group"})
    assert splits(made)[file(100)] == split


def test_where_it_ties_both_sides_nothing_moves(three: Dataset) -> None:
    ends = [three.of("train")[0].file, three.of("validation")[0].file]
    groups = dict.fromkeys([*ends, file(100)], "group")
    made = with_pictures(three, "ant", [(file(100), "")], groups)
    assert splits(made) == splits(three) | {file(100): "train"}


def test_what_a_class_has_already_is_passed_over(three: Dataset) -> None:
    assert with_pictures(three, "ant", [(file(0), "again")], {}).items == three.items
    made = with_pictures(three, "bee", [(file(0), "again")], {})
    assert [i.split for i in made.items if i.file == file(0)] == ["train", "train"]


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["without", "class", "merge", "rename", "move", "add"]),
        st.integers(0, 10**6),
        st.sampled_from(["ant", "bee", "cat", "new", "Ant"]),
        st.sampled_from(["ant", "bee", "cat", "new", "Ant"]),
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_whatever_is_done_no_picture_changes_sides(
    changes: list[tuple[str, int, str, str]],
) -> None:
    now = made_of(ant=SIX * 2, bee=SIX * 2, cat=SIX)
    known = splits(now)
    for kind, number, one, other in changes:
        items = [now.items[number % len(now.items)]]
        try:
            if kind == "without":
                now = without(now, items)
            elif kind == "class":
                now = without_class(now, one)
            elif kind == "merge":
                now = merged(now, one, other)
            elif kind == "rename":
                now = renamed(now, one, other)
            elif kind == "move":
                now = moved(now, items, one)
            else:
                groups = {items[0].file: "g", file(number): "g"}
                now = with_pictures(now, one, [(file(number), "")], groups)
        except UserError:
            continue
        assert len(now.classes) >= 2
        for name, parts in now.class_split_counts():
            assert parts[0], name
            assert parts[1], name
        assert all(known.get(found, split) == split for found, split in splits(now).items())
        known = splits(now)
        assert list(now.items) == sorted(now.items, key=lambda i: (i.label, i.file, i.split))
