"""The race: transfer and from scratch, each against the same clock.

The clock of a run starts when its first phase does, after pictures were opened and weights read.
What an earlier run had passed through the frozen stages is charged to the run that only reads it,
so that a second race is no quicker than the first.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tl_core import words
from tl_core.runs.store import Run, Store, Told
from tl_core.studies.needs import require_validation, with_head_start
from tl_core.studies.study import Asked, Part, Plan, Reading, Study
from tl_core.training.events import CacheRead, EpochEnded, PhaseStarted
from tl_core.workspace import Workspace

NAME, TITLE = "race", "A race against training from scratch"
QUESTION = "How much sooner does a head start get there?"
TRANSFER, SCRATCH = "transfer", "scratch"


@dataclass(frozen=True)
class Racer:
    """One run of the race.

    Attributes:
        way: "transfer" or "scratch".
        seed: the same for both of a pair.
        run_id: of the run.
        state: of the run.
        seconds: on its clock, at the end of each epoch.
        accuracy: share of the validation pictures right, after each epoch.
    """

    way: str
    seed: int
    run_id: str
    state: str
    seconds: tuple[float, ...]
    accuracy: tuple[float, ...]

    @property
    def best(self) -> float:
        """The best share so far."""
        return max(self.accuracy, default=0.0)

    def reached(self, share: float) -> float | None:
        """Return the seconds after which a share was first reached, or `None`."""
        times = zip(self.seconds, self.accuracy, strict=True)
        return next((seconds for seconds, found in times if found >= share), None)


def plan(asked: Asked) -> Plan:
    """Train both ways with each seed; pairs follow each other, so that one race is soon seen.

    Raises:
        UserError: the backbone's weights are not at hand, or there is nothing to check with.
    """
    card = with_head_start(asked)
    require_validation(asked.dataset)
    parts = [
        Part(way, asked.config(card.name, seed=seed, recipe=recipe))
        for seed in range(asked.seeds)
        for way, recipe in ((TRANSFER, None), (SCRATCH, "scratch"))
    ]
    return Plan(tuple(parts))


def read(study: Study, store: Store, workspace: Workspace) -> Reading[Racer]:  # noqa: ARG001
    """Read the clocks, and compute the claim from them."""
    racers = tuple(_racer(way, run, store.milestones(run.id)) for way, run in study.runs)
    pairs = _pairs(racers)
    if not pairs:
        return Reading("", "", racers)
    return Reading(_claim(pairs), _why(pairs), racers)


def _racer(way: str, run: Run, told: Sequence[Told]) -> Racer:
    seconds, accuracy = clock(told)
    return Racer(way, run.config.seed, run.id, run.state, seconds, accuracy)


def clock(told: Sequence[Told]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return when each epoch ended on the run's own clock, and its validation accuracy."""
    began: float | None = None
    charged = 0.0
    times, shares = [], []
    for item in told:
        event = item.event
        if isinstance(event, PhaseStarted) and began is None:
            began = item.at
        elif isinstance(event, CacheRead) and event.reused:
            charged += event.one_pass * max(1, event.views)
        elif isinstance(event, EpochEnded) and began is not None:
            times.append(round(item.at - began + charged, 3))
            shares.append(event.validation_accuracy)
    return tuple(times), tuple(shares)


def _pairs(racers: Sequence[Racer]) -> list[tuple[Racer, Racer]]:
    """Return transfer and scratch of each seed where both have finished."""
    done = {(r.way, r.seed): r for r in racers if r.state == "finished" and r.accuracy}
    seeds = sorted({seed for _, seed in done})
    return [
        (done[TRANSFER, seed], done[SCRATCH, seed])
        for seed in seeds
        if {(TRANSFER, seed), (SCRATCH, seed)} <= done.keys()
    ]


def ratios(pairs: Sequence[tuple[Racer, Racer]]) -> list[float]:
    """Return, for each pair, how many times sooner transfer got to where both got to."""
    found = []
    for pair in pairs:
        goal = min(racer.best for racer in pair)
        sooner, later = (racer.reached(goal) for racer in pair)
        assert sooner is not None and later is not None  # noqa: S101, PT018 (both got there)
        found.append(max(later, 1e-3) / max(sooner, 1e-3))
    return found


def _claim(pairs: Sequence[tuple[Racer, Racer]]) -> str:
    goal = statistics.mean(min(racer.best for racer in pair) for pair in pairs)
    times = sorted(ratios(pairs))
    middle = statistics.median(times)
    spread = (
        f" ({len(times)} races: between {_times(times[0])} and {_times(times[-1])} times)"
        if len(times) > 1
        else ""
    )
    if middle >= 1:
        return f"The head start got to {goal:.0%} {_times(middle)} times sooner{spread}."
    return (
        f"From scratch got to {goal:.0%} {_times(1 / middle)} times sooner than the head start"
        f"{spread.replace('between', 'the head start was between')}."
    )


def _why(pairs: Sequence[tuple[Racer, Racer]]) -> str:
    ends = [statistics.mean(pair[side].best for pair in pairs) for side in (0, 1)]
    lasted = [statistics.mean(pair[side].seconds[-1] for pair in pairs) for side in (0, 1)]
    return (
        f"The head start came to {ends[0]:.0%} of the validation pictures and took "
        f"{words.duration(lasted[0])}; from scratch came to {ends[1]:.0%} and took "
        f"{words.duration(lasted[1])}. What they were compared at is the best that both reached."
    )


def _times(ratio: float) -> str:
    """Return a ratio with two figures at most.

    >>> _times(12.4), _times(3.14)
    ('12', '3.1')
    """
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
