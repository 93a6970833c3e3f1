"""Following a run from a terminal: a bar where there is one, a line per epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from tqdm import tqdm

from tl_core.errors import HeadstartError, TransientError
from tl_core.patience import Patience
from tl_core.runs.engines.local import LocalEngine
from tl_core.runs.launch import worker_log
from tl_core.runs.progress import progress, time_left
from tl_core.runs.queue import look_ahead
from tl_core.runs.savings import savings, say_savings
from tl_core.runs.store import Run, Store, Told
from tl_core.runs.waiting import Outlook, say_outlook
from tl_core.training.events import EpochEnded, Event, Notice, PhaseStarted, Preparing, Stepped
from tl_core.workspace import Workspace

LOOK_SECONDS, CHECK_SECONDS, STARTS = 0.1, 3.0, 3


def follow(
    workspace: Workspace,
    store: Store,
    run_id: str,
    out: TextIO | None = None,
    *,
    brief: bool = False,
) -> Run:
    """Show a run until it is over or a person paused it, keeping a worker alive for it.

    Ctrl-C asks it to stop; a second one leaves it.

    Args:
        workspace: for the worker.
        store: where the run stands.
        run_id: of the run.
        out: where progress goes; standard error when left out.
        brief: whether the bar and notices are all that is shown.

    Raises:
        HeadstartError: no worker can be started.
        TransientError: the store cannot be used for minutes.
    """
    out = out or sys.stderr
    engine, listener = LocalEngine(workspace, store), _Listener(store, run_id)
    starts, checked, place = 0, 0.0, 0
    asked, passed_on, fault = False, False, None
    with tqdm(
        total=1.0, file=out, disable=not out.isatty(), leave=False,
        bar_format="{desc} {bar} {percentage:3.0f} %{postfix}",
    ) as bar:  # fmt: skip
        patience = Patience(lambda what: bar.write(f"{what} Waiting …", file=out))
        while True:
            try:
                if fault is not None:
                    patience.bear(fault)
                    fault = None
                if asked and not passed_on:
                    store.ask_to_stop(run_id)
                    passed_on = True
                run, new = listener.look()
                if any(isinstance(event, Stepped | EpochEnded) for event in new):
                    starts = 0  # it gets further
                for event in new:
                    if not brief or isinstance(event, Notice):
                        _say(event, bar, out)
                state = progress(listener.told, run.facts.get("phases", []))
                bar.n = state.share
                bar.set_description_str(state.doing, refresh=False)
                bar.set_postfix_str(time_left(state) if state.epochs else "")
                if run.is_over or (run.state == "paused" and run.again is None):
                    if not brief and (saved := savings(item.event for item in listener.told)):
                        bar.write(say_savings(saved), file=out)
                    return run
                if time.monotonic() - checked > CHECK_SECONDS:
                    checked = time.monotonic()
                    starts += engine.attend(run)
                    if starts > STARTS:
                        raise HeadstartError(_no_worker(workspace))
                    if not brief:
                        place = _say_place(look_ahead(store, run), place, bar, out)
                patience.calm()
                time.sleep(LOOK_SECONDS)
            except TransientError as error:
                if error is fault:
                    raise
                fault = error
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = True
                bar.write("Stopping after this step and keeping the best epoch …", file=out)


class _Listener:
    """Reads a run's events as they come, and tells each of them once.

    What a run said after its last checkpoint is taken back when its worker dies, and said again.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self.store, self.run_id = store, run_id
        self.told: list[Told] = []
        self._heard: set[object] = set()

    def look(self) -> tuple[Run, list[Event]]:
        """Return the run and what is new of it."""
        run = self.store.run(self.run_id)
        last = self.told[-1] if self.told else None
        new = self.store.events(self.run_id, last.number - 1 if last else -1)
        if last is not None and new[:1] == [last]:
            new = new[1:]
            self.told += new
        else:
            self.told = new = self.store.events(self.run_id)
        said = [item.event for item in new]
        if run.message and not run.is_over:
            said.append(Notice(run.message))
        fresh = [event for event in said if _key(event) not in self._heard]
        self._heard.update(map(_key, fresh))
        return run, fresh


def _key(event: Event) -> object:
    """Return what makes an event another one than those before."""
    if isinstance(event, EpochEnded):
        return "epoch", event.epoch
    if isinstance(event, PhaseStarted):
        return "phase", event.index
    return event


def _say_place(seen: Outlook | None, said: int, bar: tqdm, out: TextIO) -> int:
    """Say where a run stands in the line where that is news; return the place that was said."""
    if seen is None or seen.place == said or (seen.place == 1 and seen.high == 0):
        return said  # of a free worker's next run the bar tells enough
    bar.write(say_outlook(seen), file=out)
    return seen.place


def _say(event: Event, bar: tqdm, out: TextIO) -> None:
    if isinstance(event, Notice):
        bar.write(event.text, file=out)
    elif isinstance(event, PhaseStarted):
        bar.write(f"Phase {event.index + 1}: {event.name}, at most {event.epochs} epochs", file=out)
    elif isinstance(event, EpochEnded):
        bar.write(
            f"epoch {event.epoch:3d}   loss {event.train_loss:.3f}   "
            f"validation loss {event.validation_loss:.3f}   "
            f"accuracy {event.validation_accuracy:.1%}{'   best so far' if event.best else ''}",
            file=out,
        )
    elif isinstance(event, Preparing) and bar.disable and event.done == event.total:
        bar.write(f"{event.what}: done", file=out)


def _no_worker(workspace: Workspace) -> str:
    return (
        "The process that trains could not be started; the reason is at the end of "
        f"{worker_log(workspace)}."
    )
