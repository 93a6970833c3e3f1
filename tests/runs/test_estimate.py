"""The time left is a range that holds the truth: arithmetic on invented clocks."""

from __future__ import annotations

from typing import Any

import pytest

from tl_core.runs.estimate import Range, seconds_left
from tl_core.runs.store import Told
from tl_core.training.events import CacheRead, EpochEnded, PhaseStarted


def phase(epochs: int, patience: int, frozen_share: float = 0.0, views: int = 0) -> dict[str, Any]:
    return {
        "epochs": epochs, "patience": patience, "frozen_share": frozen_share, "views": views
    }  # fmt: skip


def started(index: int, at: float) -> Told:
    return Told(0, at, PhaseStarted(index, "", 0, 1))


def ended(index: int, at: float, seconds: float, best: bool = True) -> Told:
    return Told(0, at, EpochEnded(index, 1, 1, 0.5, 1, 0.5, 0.001, seconds, 100, best))


def left(told: list[Told], *phases: dict[str, Any]) -> Range:
    found = seconds_left(told, phases)
    assert found is not None
    return found


def test_nothing_is_known_before_the_first_epoch_ended() -> None:
    assert seconds_left([], [phase(4, 4)]) is None
    assert seconds_left([started(0, 0)], [phase(4, 4)]) is None
    assert seconds_left([started(0, 0), ended(0, 2, 2)], []) is None, "events before the plan"


def test_from_no_progress_at_all_to_every_planned_epoch() -> None:
    low, high = left([started(0, 0), ended(0, 10, 10)], phase(6, 2))
    assert low == pytest.approx(10 * 2 * 0.9)
    assert high == pytest.approx(10 * 5 * 1.1)


def test_patience_that_is_used_up_is_not_waited_for_again() -> None:
    told = [started(0, 0), ended(0, 10, 10), ended(0, 20, 10, best=False)]
    low, high = left(told, phase(6, 2))
    assert low == pytest.approx(10 * 1 * 0.9), "one more without progress and it ends"
    assert high == pytest.approx(10 * 4 * 1.1)


def test_a_phase_never_takes_longer_than_it_may() -> None:
    low, high = left([started(0, 0), ended(0, 10, 10)], phase(2, 4))
    assert (low, high) == (pytest.approx(10 * 0.9), pytest.approx(10 * 1.1))


@pytest.mark.parametrize(
    "validation", [0.05, 0.2, 0.6, 1.0], ids=lambda share: f"validation {share}"
)
@pytest.mark.parametrize("epochs", [2, 9, 20])
def test_a_quick_head_does_not_promise_quick_stages(validation: float, epochs: int) -> None:
    """The head's epochs cost nearly nothing; the later phase's cost is in what was prepared."""
    one_pass, head, stages = 8.0, phase(25, 8, 1.0, 1), phase(20, 2, 0.86, 4)
    prepared = one_pass * (1 + validation)
    told = [started(0, 100), ended(0, 100 + prepared + 0.02, 0.02)]
    low, high = left(told, head, stages)
    before = one_pass * 0.86 * (4 + validation)
    each = one_pass * 0.14 * (3 + validation)
    assert low <= before + each * epochs <= high
    told += [started(1, 120)]
    again = left(told, head, stages)
    assert again[0] <= before + each * epochs <= again[1], "between its start and its first epoch"
    told += [ended(1, 120 + before + each, each)]
    assert left(told, head, stages)[1] == pytest.approx(each * 19 * 1.1), "now it is measured"


def test_without_kept_activations_the_frozen_part_is_paid_in_every_epoch() -> None:
    kept, not_kept = phase(10, 10, 0.5, 1), phase(10, 10, 0.5, 0)
    told = [started(0, 0), ended(0, 10, 10)]
    assert left(told, phase(1, 1), not_kept)[1] > left(told, phase(1, 1), kept)[1]


@pytest.mark.parametrize("validation", [0.05, 0.6, 1.0])
def test_a_head_that_was_read_from_the_cache_does_not_promise_quick_stages(
    validation: float,
) -> None:
    """Nothing was passed through the frozen stages, but what that took is known from before."""
    one_pass, head, stages = 8.0, phase(25, 8, 1.0, 1), phase(20, 2, 0.86, 4)
    read = CacheRead(0, 1, 1000, reused=True, spent=0.0, one_pass=one_pass * (1 + validation))
    told = [started(0, 100), Told(0, 100.1, read), ended(0, 100.2, 0.02)]
    low, high = left(told, head, stages)
    before = one_pass * 0.86 * (4 + validation)
    for epochs in (2, 20):
        assert low <= before + one_pass * 0.14 * (3 + validation) * epochs <= high
