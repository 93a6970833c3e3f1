"""Following a run from a terminal: a bar where there is one, a line per epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from tqdm import tqdm

from tl_core.errors import HeadstartError
from tl_core.runs.launch import ensure_worker, worker_log
from tl_core.runs.progress import progress, time_left
from tl_core.runs.savings import savings, say_savings
from tl_core.runs.store import Run, Store, Told
from tl_core.training.events import EpochEnded, Notice, PhaseStarted, Preparing
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
    """Show a run until it is over, keeping a worker alive for it; Ctrl-C asks it to stop.

    Args:
        workspace: for the worker.
        store: where the run stands.
        run_id: of the run.
        out: where progress goes; standard error when left out.
        brief: whether the bar and notices are all that is shown.

    Raises:
        HeadstartError: no worker can be started.
    """
    out = out or sys.stderr
    told: list[Told] = []
    starts, checked, asked = 0, 0.0, False
    with tqdm(
        total=1.0, file=out, disable=not out.isatty(), leave=False,
        bar_format="{desc} {bar} {percentage:3.0f} %{postfix}",
    ) as bar:  # fmt: skip
        while True:
            try:
                run = store.run(run_id)
                new = store.events(run_id, told[-1].number if told else -1)
                told += new
                for item in new:
                    if not brief or isinstance(item.event, Notice):
                        _say(item, bar, out)
                state = progress(told, run.facts.get("phases", []))
                bar.n = state.share
                bar.set_description_str(state.doing, refresh=False)
                bar.set_postfix_str(time_left(state) if state.epochs else "")
                if run.is_over:
                    if not brief and (saved := savings(item.event for item in told)):
                        bar.write(say_savings(saved), file=out)
                    return run
                if time.monotonic() - checked > CHECK_SECONDS:
                    checked = time.monotonic()
                    if ensure_worker(workspace, store, run.config.device):
                        starts += 1
                    if starts > STARTS:
                        raise HeadstartError(_no_worker(workspace))
                time.sleep(LOOK_SECONDS)
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = True
                store.ask_to_stop(run_id)
                bar.write("Stopping after this step and keeping the best epoch …", file=out)


def _say(item: Told, bar: tqdm, out: TextIO) -> None:
    event = item.event
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
