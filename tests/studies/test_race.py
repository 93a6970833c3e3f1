"""The race: clocks read off the runs' events, and a claim that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.studies.conftest import epoch
from tl_core.runs.store import Told
from tl_core.studies.race import clock
from tl_core.studies.study import Asked
from tl_core.training.events import CacheRead, Event, PhaseStarted, Preparing

Begin = Callable[..., Any]


def told(*timed: tuple[float, Event]) -> list[Told]:
    return [Told(number, at, event) for number, (at, event) in enumerate(timed)]


def test_the_clock_starts_with_the_first_phase() -> None:
    events = told(
        (100.0, Preparing("Opening", 1, 1)),
        (110.0, PhaseStarted(0, "head", 5, 2)),
        (112.0, CacheRead(0, views=1, bytes=1, reused=False, spent=1.5, one_pass=1.5)),
        (113.0, epoch(1, 0.5)),
        (114.0, PhaseStarted(1, "rest", 0, 1)),
        (120.0, epoch(2, 0.75, phase=1)),
    )
    assert clock(events) == ((3.0, 10.0), (0.5, 0.75))


def test_what_an_earlier_run_had_computed_is_charged() -> None:
    events = told(
        (0.0, PhaseStarted(0, "head", 5, 2)),
        (0.5, CacheRead(0, views=4, bytes=1, reused=True, spent=0.0, one_pass=2.0)),
        (1.0, epoch(1, 0.5)),
    )
    assert clock(events) == ((9.0,), (0.5,))


@pytest.fixture
def run_race(
    begin: Begin, asked: Asked, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Run a race whose runs take a second for each epoch, or as many as is said."""

    def race(*accuracies: Sequence[float], scratch_takes: float = 1.0) -> Any:
        studied = begin("race", asked)
        lasts = {}
        for number, shares in enumerate(accuracies):
            events = [PhaseStarted(0, "all", 0, len(shares))]
            run = worker.end(events + [epoch(k, s) for k, s in enumerate(shares, 1)])
            lasts[run.id] = scratch_takes if number % 2 else 1.0
        milestones = studied.store.milestones

        def timed(run: str) -> list[Told]:
            return [
                Told(item.number, item.number * lasts.get(run, 1.0), item.event)
                for item in milestones(run)
            ]

        monkeypatch.setattr(studied.store, "milestones", timed)
        return studied.reading

    return race


def test_pairs_with_the_same_seed_follow_each_other(asked: Asked, begin: Begin) -> None:
    parts = begin("race", asked).plan.parts
    assert [(part.label, part.config.seed) for part in parts] == [
        ("transfer", 0), ("scratch", 0), ("transfer", 1), ("scratch", 1)
    ]  # fmt: skip
    assert [part.config.recipe for part in parts[:2]] == [None, "scratch"]


def test_the_claim_follows_from_the_clocks(run_race: Callable[..., Any]) -> None:
    # Both get to 70 %: transfer after 1 s, from scratch after 3 epochs of 2 s.
    reading = run_race([0.7, 0.9], [0.5, 0.6, 0.7], scratch_takes=2.0)
    assert reading.headline == "The head start got to 70% 6.0 times sooner."
    assert "came to 90%" in reading.why
    assert reading.rows[0].seconds == (1.0, 2.0)
    assert reading.rows[1].accuracy == (0.5, 0.6, 0.7)


def test_several_races_have_a_middle_and_ends(run_race: Callable[..., Any]) -> None:
    reading = run_race([0.7], [0.6, 0.7], [0.5, 0.9], [0.8] * 8)
    # The second: 80 % after 2 s against 1 s.
    assert reading.headline == (
        "The head start got to 75% 1.2 times sooner (2 races: between 0.5 and 2.0 times)."
    )


def test_from_scratch_may_win(run_race: Callable[..., Any]) -> None:
    reading = run_race([0.1, 0.2, 0.3, 0.8], [0.9])
    assert reading.headline == "From scratch got to 80% 4.0 times sooner than the head start."


def test_half_a_race_has_no_claim(run_race: Callable[..., Any]) -> None:
    reading = run_race([0.7, 0.9])
    assert reading.headline == ""
    assert [row.state for row in reading.rows] == ["finished", "queued", "queued", "queued"]
