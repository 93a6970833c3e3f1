"""How far figures from few pictures can be trusted."""

from __future__ import annotations

import pytest

from tl_core.evaluation.interval import interval, say_beforehand, say_interval

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

counted = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("right", "count", "expected"),
    [  # statsmodels.stats.proportion.proportion_confint(right, count, method="wilson")
        (0, 10, (0.0, 0.277533)),
        (10, 10, (0.722467, 1.0)),
        (81, 263, (0.255289, 0.366210)),
        (15, 148, (0.062386, 0.160487)),
        (1, 29, (0.006113, 0.171755)),
    ],
)
def test_published_values(right: int, count: int, expected: tuple[float, float]) -> None:
    """The last three are Newcombe's examples (1998, table I)."""
    assert interval(right, count) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(counted)
def test_it_holds_the_share_and_stays_a_share(case: tuple[int, int]) -> None:
    right, count = case
    low, high = interval(right, count)
    assert 0 <= low <= right / count + 1e-12
    assert right / count - 1e-12 <= high <= 1


@settings(max_examples=50, deadline=None)
@given(counted)
def test_more_pictures_make_it_narrower(case: tuple[int, int]) -> None:
    right, count = case
    low, high = interval(right, count)
    low10, high10 = interval(10 * right, 10 * count)
    assert high10 - low10 < high - low


@pytest.mark.parametrize(("right", "count"), [(1, 0), (3, 2), (-1, 2)])
def test_what_is_no_share_is_refused(right: int, count: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        interval(right, count)


def test_in_words() -> None:
    assert "between 86% and 98%" in say_interval(0.95, 60)
    assert "1 picture of 20 is 5.0 points" in say_beforehand(20)
    assert "no pictures to check with" in say_beforehand(0)
