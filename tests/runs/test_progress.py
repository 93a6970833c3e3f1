"""How far and how long: pure functions of what a run said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.runs.progress import Progress, progress, time_left
from tl_core.runs.store import Told
from tl_core.training.events import (
    EpochEnded,
    Event,
    Notice,
    PhaseStarted,
    Preparing,
    Stepped,
)

PHASES = [
    {"name": "first the head", "epochs": 4, "patience": 4, "views": 1, "frozen_share": 1.0},
    {"name": "then the stages", "epochs": 6, "patience": 2, "views": 1, "frozen_share": 0.5},
]


def told(*events: Event) -> list[Told]:
    return [Told(number, 0.0, event) for number, event in enumerate(events)]


def ended(phase: int, epoch: int, seconds: float = 2.0, best: bool = True) -> EpochEnded:
    return EpochEnded(phase, epoch, 1, 0.5, 1, 0.5, 0.001, seconds, 100, best)


def test_before_anything_was_said() -> None:
    state = progress([], [])
    assert (state.doing, state.share, state.epoch, state.epochs) == ("Starting", 0, 0, 0)
    assert progress([], PHASES).epochs == 10


def test_what_it_is_doing() -> None:
    events: list[Event] = [Preparing("Opening the train pictures", 3, 12)]
    assert progress(told(*events), PHASES).doing == "Opening the train pictures: 3 of 12"
    events.append(PhaseStarted(0, "first the head", 5, 4))
    assert progress(told(*events), PHASES).doing == "Training: first the head"
    events.append(Preparing("Passing them through", 1, 2))
    assert progress(told(*events), PHASES).doing == "Passing them through: 1 of 2"
    events.append(Stepped(1, 1, 4, 0.7, 8))
    assert progress(told(*events), PHASES).doing == "Training: first the head"
    events.append(Notice("by the way"))
    assert progress(told(*events), PHASES).doing == "Training: first the head"


def test_the_share_counts_epochs_and_steps() -> None:
    events: list[Event] = [PhaseStarted(0, "", 5, 4)]
    assert progress(told(*events), PHASES).share == 0
    events.append(Stepped(1, 1, 4, 0.7, 8))
    assert progress(told(*events), PHASES).share == pytest.approx(0.25 / 10)
    events += [Stepped(1, 4, 4, 0.7, 8), ended(0, 1)]
    assert progress(told(*events), PHASES).share == pytest.approx(1 / 10)
    events.append(PhaseStarted(1, "", 4, 6))  # the first phase stopped early: its epochs are done
    assert progress(told(*events), PHASES).share == pytest.approx(4 / 10)
    events.append(Stepped(2, 1, 2, 0.7, 8))
    assert progress(told(*events), PHASES).share == pytest.approx(4.5 / 10)


def test_the_epoch_is_the_one_being_trained() -> None:
    events: list[Event] = [Preparing("", 1, 1), PhaseStarted(0, "", 5, 4)]
    assert progress(told(*events), PHASES).epoch == 0
    events.append(Stepped(1, 1, 4, 0.7, 8))
    assert progress(told(*events), PHASES).epoch == 1
    events += [ended(0, 1), Stepped(2, 1, 4, 0.7, 8)]
    assert progress(told(*events), PHASES).epoch == 2
    events += [ended(0, 2), ended(0, 3), ended(0, 4)]
    events += [ended(1, epoch) for epoch in range(5, 11)]
    last = progress(told(*events), PHASES)
    assert (last.epoch, last.epochs, last.share) == (10, 10, 1)


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[Event]]:
    """A plan and the events of a run of it, cut off anywhere."""
    counts = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    phases = [
        {
            "name": f"phase {n}",
            "epochs": count,
            "patience": draw(st.integers(1, 8)),
            "views": draw(st.integers(0, 4)),
            "frozen_share": draw(st.sampled_from([0.0, 0.3, 1.0])),
        }
        for n, count in enumerate(counts)
    ]
    events: list[Event] = []
    epoch = 0
    for index, phase in enumerate(phases):
        events.append(PhaseStarted(index, phase["name"], 0, phase["epochs"]))
        for _ in range(draw(st.integers(1, phase["epochs"]))):
            epoch += 1
            events += [Stepped(epoch, step, 2, 0.5, 4) for step in (1, 2)]
            seconds = draw(st.floats(0.01, 100))
            events.append(ended(index, epoch, seconds, draw(st.booleans())))
    return phases, events[: draw(st.integers(0, len(events)))]


@settings(deadline=None)
@given(runs())
def test_progress_only_grows_and_ranges_are_ranges(run: tuple[list[Any], list[Event]]) -> None:
    phases, events = run
    before = 0.0
    for number in range(len(events) + 1):
        state = progress(told(*events[:number]), phases)
        assert (state.low is None) == (not any(isinstance(e, EpochEnded) for e in events[:number]))
        assert before <= state.share <= 1
        assert 0 <= state.epoch <= state.epochs
        if state.low is not None:
            assert 0 <= state.low <= state.high
            assert time_left(state).endswith("left")
        before = state.share


@settings(deadline=None)
@given(runs())
def test_events_may_arrive_before_the_plan(run: tuple[list[Any], list[Event]]) -> None:
    """The terminal reads the run first and its events after."""
    state = progress(told(*run[1]), [])
    assert (state.share, state.epochs, state.low) == (0, 0, None)


def test_a_range_that_is_none_is_said_as_one() -> None:
    assert time_left(Progress("", 0, 1, 2, 100, 110)) == "about 2 minutes left"
