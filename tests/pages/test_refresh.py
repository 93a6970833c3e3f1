"""Live pages refresh less often the more of them are open, and do not waver."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pages.shared.refresh import REFRESHES_PER_SECOND, Viewers, refresh_seconds


@given(st.integers(1, 10_000), st.sampled_from([1, 2, 4, 8, 64]))
def test_all_together_never_ask_more_often_than_the_limit(viewers: int, now: int) -> None:
    assert viewers / refresh_seconds(viewers, now) <= REFRESHES_PER_SECOND


@given(st.integers(1, 2000), st.sampled_from([1, 2, 4, 8]))
def test_two_who_come_and_go_change_it_once(viewers: int, now: int) -> None:
    settled = refresh_seconds(viewers, now)
    with_both = refresh_seconds(viewers + 2, settled)
    assert refresh_seconds(viewers, with_both) == with_both


def test_a_page_that_was_closed_no_longer_counts() -> None:
    viewers = Viewers()
    for number in range(20):
        viewers.count(f"page {number}", every=2, now=0.0)
    assert viewers.count("page 0", every=2, now=4.9) == 20
    assert viewers.count("page 0", every=2, now=5.1) == 1
