"""A run as it stands, and the wishes that a person may have for it. Pure values, no database."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from tl_core.config import RunConfig
from tl_core.errors import UserError
from tl_core.training.events import Event

State = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]
Wish = Literal["", "pause", "stop"]
STATES: tuple[State, ...] = get_args(State)
ENDED: tuple[State, ...] = ("finished", "stopped", "failed")

Changes = dict[str, Any]  # what a run's fields become


@dataclass(frozen=True)
class Run:
    """One run as it stands.

    Attributes:
        id: unguessable.
        owner: who started it.
        created: when, in seconds since 1970; `started` (taken by a worker last) and `ended`
            likewise.
        state: where it is.
        config: what it was told.
        message: a sentence for the person, when there is one.
        wish: what the person asked of it that its holder has not done yet.
        again: when a paused run goes on by itself, if it is waiting for room on the disk.
        deaths: how often its worker died since the last new checkpoint.
        changes: how often its state was changed; of two records the later one has more.
        facts: what is known so far: the plan's numbers, then the final figures.
    """

    id: str
    owner: str
    created: float
    state: State
    config: RunConfig
    started: float | None = None
    ended: float | None = None
    message: str = ""
    wish: Wish = ""
    again: float | None = None
    deaths: int = 0
    changes: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it unless somebody asks for it."""
        return self.state in ENDED

    @property
    def stop(self) -> bool:
        """Whether the person asked it to stop and it has not stopped yet."""
        return self.wish == "stop"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Run:
        """Read what `to_dict` wrote; fields of a newer version are ignored.

        A figure that is no number is `None`, as one that does not exist.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        try:
            config = RunConfig.from_dict(values["config"])
        except (AttributeError, UserError) as error:
            raise ValueError(str(error)) from error
        run = cls(**known | {"config": config})
        if run.state not in STATES:
            raise ValueError(f"there is no state {run.state!r}")
        for kind, told in (
            (str, (run.id, run.owner, run.message, config.dataset, config.backbone)),
            (int | float, (run.created,)),
            (dict, (run.facts,)),
        ):
            if not all(isinstance(value, kind) for value in told):
                raise TypeError(f"a field of the run is no {kind}")
        no_figures = [n for n in _FIGURES if n in run.facts and not _is_figure(run.facts[n])]
        return replace(run, facts=run.facts | dict.fromkeys(no_figures)) if no_figures else run


_FIGURES = (
    "train_accuracy", "validation_accuracy", "test_accuracy", "seconds", "images_per_second",
    "memory", "best_epoch", "epochs", "epochs_planned",
)  # fmt: skip


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


@dataclass(frozen=True)
class Told:
    """An event with its number in the run and its time."""

    number: int
    at: float
    event: Event


# --- wishes: what changes in a run when somebody asks for it ---------------------------------


def pausing(run: Run) -> Changes:
    """Pause a run: at once where it waits, after the present step where it is being trained.

    Raises:
        UserError: it is over.
    """
    if run.is_over:
        raise UserError(f"Run {run.id} is {run.state}, so there is nothing to pause.")
    if run.state == "running":
        return {"wish": "pause"} if not run.wish else {}
    return {"state": "paused", "wish": "", "again": None, "message": "Paused."}


def resuming(run: Run) -> Changes:
    """Let a paused, stopped or failed run go on from its last checkpoint; the rest does already."""
    if run.state == "running":
        return {"wish": ""} if run.wish == "pause" else {}
    if run.state not in ("paused", "stopped", "failed"):
        return {}
    return _anew(run)


def stopping(run: Run, has_epoch: bool, now: float) -> Changes:
    """Stop a run and keep its best epoch, for which a worker is needed if there was one.

    Args:
        run: as it stands.
        has_epoch: whether an epoch of it has ended.
        now: the time.
    """
    if run.is_over:
        return {}
    if run.state == "running":
        return {"wish": "stop"}
    if has_epoch:
        return _anew(run) | {"wish": "stop"}
    message = (
        "Stopped before it began."
        if run.started is None
        else "Stopped before the first epoch ended, so there is no model."
    )
    return {"state": "stopped", "ended": now, "wish": "", "again": None, "message": message}


def extending(run: Run, epochs: int) -> Changes:
    """Let a finished run train some more.

    Raises:
        UserError: it is not finished, or `epochs` is out of bounds.
    """
    if run.state != "finished":
        hint = "wait until it is finished" if not run.is_over else "resume it first"
        raise UserError(f"Run {run.id} is {run.state}; only a finished run trains more: {hint}.")
    config = run.config.with_(more=(*run.config.more, epochs))
    return _anew(run) | {"config": config}


def _anew(run: Run) -> Changes:
    """Put a run into the queue again."""
    facts = {name: value for name, value in run.facts.items() if name != "fault"}
    return {
        "state": "queued", "wish": "", "again": None, "deaths": 0, "ended": None, "message": "",
        "facts": facts,
    }  # fmt: skip
