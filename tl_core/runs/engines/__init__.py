"""Where runs are carried out, behind one interface: this machine, or later many of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tl_core.config import RunConfig
from tl_core.runs.run import Run, Told


@dataclass(frozen=True)
class Capacity:
    """What an engine can do at once, and what it does now.

    Attributes:
        devices: that work now, by name; more may be started when they are asked for.
        running: runs that are being trained.
        waiting: runs that wait for their turn.
    """

    devices: tuple[str, ...]
    running: int
    waiting: int


class Engine(Protocol):
    """Carries runs out.

    Every method but `submit` and `capacity` raises `UserError` where there is no such run.
    """

    def submit(self, config: RunConfig, owner: str = "local", **facts: Any) -> str:
        """Queue a run, with facts that are known already, and return its id."""

    def status(self, run: str) -> Run:
        """Return a run as it stands."""

    def events(self, run: str, after: int = -1) -> list[Told]:
        """Return what a run has said, with numbers above `after`, in order.

        What a run said after its last checkpoint is taken back when it goes on after a break.
        """

    def pause(self, run: str) -> Run:
        """Let a run rest after the step that it takes.

        Raises:
            UserError: it is over.
        """

    def resume(self, run: str) -> Run:
        """Let a run that was paused or stopped, or that failed, go on from its last checkpoint."""

    def cancel(self, run: str) -> Run:
        """Stop a run, and keep its best epoch."""

    def extend(self, run: str, epochs: int) -> Run:
        """Let a finished run train so many epochs more, at most.

        Raises:
            UserError: it is not finished, or `epochs` is out of bounds.
        """

    def capacity(self) -> Capacity:
        """Return what is being done."""
