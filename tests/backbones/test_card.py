"""What a person writes for a cut, and the counts that follow the freeze line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.backbones.card import Card, Stage, resolve_cut
from tl_core.errors import UserError

NAMES = st.lists(st.from_regex(r"[a-z]{2,6}[0-9]?", fullmatch=True), min_size=1, unique=True)


def card(stages: list[tuple[int, int]], features: int = 10) -> Card:
    measured = (Stage(f"s{i}", n, macs, (1,)) for i, (n, macs) in enumerate(stages))
    return Card("toy", "Toy", 2020, "", "", None, features=features, stages=tuple(measured))


@given(NAMES)
def test_a_stage_name_freezes_up_to_and_including_it(names: list[str]) -> None:
    names = [name for name in names if name not in ("all", "none")]
    assert [resolve_cut(names, name) for name in names] == list(range(1, len(names) + 1))


@given(NAMES)
def test_numbers_and_words_agree(names: list[str]) -> None:
    for number in range(len(names) + 1):
        assert resolve_cut(names, number) == resolve_cut(names, f" {number} ") == number
    assert resolve_cut(names, "all") == len(names)
    assert resolve_cut(names, "none") == 0


@given(NAMES, st.text())
def test_anything_is_a_cut_in_range_or_refused(names: list[str], where: str) -> None:
    try:
        cut = resolve_cut(names, where)
    except UserError:
        assert where not in (*names, *map(str, range(len(names) + 1)), "all", "none")
    else:
        assert 0 <= cut <= len(names)


@pytest.mark.parametrize("where", [-1, 4, "4", "-1", "", "1.0", "²", "LAYER1", 1.5])
def test_what_is_no_stage_is_refused(where: int | str) -> None:
    with pytest.raises(UserError, match="no stage called"):
        resolve_cut(["stem", "layer1", "layer2"], where)


def test_a_wrong_name_hears_the_nearest() -> None:
    with pytest.raises(UserError, match="the nearest are layer2, layer1"):
        resolve_cut(["stem", "layer1", "layer2"], "layr2")


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(1, 10**10)), min_size=1), st.data())
def test_counts_follow_the_cut(stages: list[tuple[int, int]], data: st.DataObject) -> None:
    toy = card(stages)
    cut = data.draw(st.integers(0, len(stages)))
    classes = data.draw(st.integers(2, 1000))
    head = 11 * classes
    frozen, trainable = toy.frozen_parameters(cut), toy.trainable_parameters(cut, classes)
    assert frozen + trainable == toy.parameters + head
    assert 0 <= toy.frozen_share(cut) <= 1
    assert toy.frozen_parameters(0) == 0
    assert toy.trainable_parameters(len(stages), classes) == head
    assert toy.frozen_share(0) == 0
    assert toy.frozen_share(len(stages)) == 1


def test_counts_by_hand() -> None:
    toy = card([(100, 10**9), (300, 3 * 10**9)])
    assert (toy.parameters, toy.gmac) == (400, 4.0)
    assert (toy.frozen_parameters(1), toy.frozen_share(1)) == (100, 0.25)
    assert toy.trainable_parameters(1, 2) == 300 + 22
