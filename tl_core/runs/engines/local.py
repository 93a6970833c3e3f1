"""The engine of one machine: a store, and a worker process for each device."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tl_core.config import RunConfig
from tl_core.data.dataset import find_dataset
from tl_core.errors import TransientError, UserError
from tl_core.runs.engines import Capacity
from tl_core.runs.launch import ensure_worker
from tl_core.runs.queue import active, devices
from tl_core.runs.run import Run, Told
from tl_core.runs.store import Store
from tl_core.workspace import Workspace


class LocalEngine:
    """See `Engine`.

    Args:
        workspace: of the runs.
        store: of the same workspace.
    """

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self.workspace, self.store = workspace, store

    def submit(self, config: RunConfig, owner: str = "local", **facts: Any) -> str:
        """Queue a run and see that a worker takes it."""
        run = self.store.create(config, owner, **facts)
        with suppress(TransientError):  # it is queued, and whoever watches it asks again
            self.warm(config.device)
        return run

    def status(self, run: str) -> Run:
        """Return a run as it stands."""
        return self.store.run(run)

    def events(self, run: str, after: int = -1) -> list[Told]:
        """Return what a run has said."""
        return self.store.events(run, after)

    def pause(self, run: str) -> Run:
        """Let a run rest after the step that it takes."""
        return self.store.ask_to_pause(run)

    def resume(self, run: str) -> Run:
        """Let a run go on, and see that a worker takes it."""
        return self._attended(self.store.resume(run))

    def cancel(self, run: str) -> Run:
        """Stop a run; a worker makes the model of one that had been paused."""
        return self._attended(self.store.ask_to_stop(run))

    def extend(self, run: str, epochs: int) -> Run:
        """Let a finished run train some more, and see that a worker takes it."""
        now = self.store.run(run)
        if now.state == "finished":
            _require_pictures(self.workspace, now)
        return self._attended(self.store.extend(run, epochs))

    def capacity(self) -> Capacity:
        """Return what is being done."""
        runs = active(self.store)
        running = sum(run.state == "running" for run in runs)
        return Capacity(devices(self.store), running, len(runs) - running)

    def warm(self, device: str = "auto") -> bool:
        """Start a worker before it is needed, unless there is one; tell whether one was started."""
        return ensure_worker(self.workspace, self.store, device)

    def attend(self, run: Run) -> bool:
        """See that a worker lives for a run that goes on; tell whether one was started.

        Whoever watches a run asks for this again and again, so that it outlives its workers.
        """
        goes_on = run.state in ("queued", "running", "interrupted") or run.again is not None
        return goes_on and self.warm(run.config.device)

    def attend_all(self) -> None:
        """See that workers live for all runs that go on: after the machine was off, say."""
        for run in active(self.store):
            self.attend(run)

    def _attended(self, run: Run) -> Run:
        with suppress(TransientError):  # as in `submit`
            self.attend(run)
        return run


def _require_pictures(workspace: Workspace, run: Run) -> None:
    """Refuse, before anything changes, what a run cannot do without its pictures."""
    try:
        find_dataset(workspace, run.config.dataset)
    except UserError as error:
        name = run.facts.get("dataset_name", run.config.dataset)
        raise UserError(
            f"The pictures of run {run.id} ({name}) are no longer here, so it cannot train more; "
            "import the same pictures again, and then extend it."
        ) from error
