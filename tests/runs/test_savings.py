"""What the cache saved: arithmetic on events, and a sentence about it."""

from __future__ import annotations

import pytest

from tl_core.runs.savings import Savings, savings, say_savings
from tl_core.training.events import CacheRead, EpochEnded, Event, Notice, PhaseStarted


def ended(phase: int, count: int) -> list[Event]:
    return [EpochEnded(phase, n, 1, 0.5, 1, 0.5, 0.001, 9.0, 100) for n in range(count)]


def test_nothing_was_kept() -> None:
    assert savings([]) is None
    assert savings([PhaseStarted(0, "", 0, 3), *ended(0, 3), Notice("by the way")]) is None


def test_every_epoch_saves_a_pass_and_the_first_pass_is_paid() -> None:
    head = CacheRead(phase=0, views=1, bytes=1000, reused=False, spent=6.0, one_pass=5.0)
    assert savings([head]) == Savings(1, 1000, False, -6.0)
    assert savings([head, *ended(0, 4)]) == Savings(1, 1000, False, 4 * 5.0 - 6.0)
    stages = CacheRead(phase=1, views=4, bytes=500, reused=False, spent=12.0, one_pass=3.0)
    both = savings([head, *ended(0, 4), stages, *ended(1, 10)])
    assert both == Savings(4, 1500, False, 4 * 5.0 - 6.0 + 10 * 3.0 - 12.0)


def test_reused_is_what_no_phase_had_to_compute() -> None:
    found = CacheRead(phase=0, views=1, bytes=1000, reused=True, spent=0.0, one_pass=5.0)
    made = CacheRead(phase=1, views=4, bytes=500, reused=False, spent=12.0, one_pass=3.0)
    assert savings([found, *ended(0, 2)]) == Savings(1, 1000, True, 10.0)
    both = savings([found, made])
    assert both is not None
    assert not both.reused


@pytest.mark.parametrize(
    ("saved", "words", "missing"),
    [
        (Savings(1, 2_000_000, False, -6.0), ["once", "2.0 MB"], ["saved", "earlier run"]),
        (Savings(4, 98_000_000, False, 120), ["4 variations", "98 MB", "2 minutes saved"], []),
        (Savings(4, 98_000_000, True, 40.2), ["earlier run", "40 seconds saved"], ["variations"]),
    ],
)
def test_it_is_said_in_one_plain_sentence(
    saved: Savings, words: list[str], missing: list[str]
) -> None:
    said = say_savings(saved)
    assert said.endswith(".")
    assert all(word in said for word in words)
    assert not any(word in said for word in [*missing, "cache", "activation", "tensor"])
