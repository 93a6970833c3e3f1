"""A class that watches a run while it trains on the same machine: is every page still quick?

Starts the app as people do, one run, and sessions that open the run's page one after another and
refresh as often as the page asks them to. Everything, these sessions too, shares this machine's
processors. "answer" is the time from a request to the word that the script has finished, for
refreshes; "connect" the same for the first page. "chart" counts charts sent to a session that
had nothing new to show. Memory is the page server's, from the end of the first minute to the end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from served import Served, serve
from table import show
from viewer import Seen, watch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.config import RunConfig
from tl_core.data.samples import sample
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

ARRIVAL = 0.25  # seconds from one session to the next
FLAT = 60.0  # seconds after which memory should not grow


@dataclass
class Lesson:
    """What one class saw.

    Attributes:
        seen: of each session.
        memory: pairs of seconds since the first session and megabytes of the page server.
        epochs: that the run trained meanwhile.
    """

    seen: list[Seen]
    memory: list[tuple[float, float]]
    epochs: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[30, 60])
    parser.add_argument("--seconds", type=float, default=180.0, help="per row, arrivals included")
    args = parser.parse_args()
    show("classroom", [_row(hold(count, args.seconds)) for count in args.sessions])


def hold(sessions: int, seconds: float) -> Lesson:
    """Let a class of `sessions` watch one run for `seconds`."""
    os.environ["HEADSTART_WORKER_IDLE"] = "1"  # the worker ends with its run
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        workspace = Workspace.open(home)
        store = Store(workspace.store)
        dataset = sample(workspace, "phones")
        config = RunConfig(dataset.id, "small", recipe="scratch", epochs=10_000)
        run = store.create(config, dataset_name=dataset.name)
        with serve(home) as app:
            try:
                return asyncio.run(_lesson(app, store, run, sessions, seconds))
            finally:
                store.ask_to_stop(run)
                _wait_until_over(store, run)


async def _lesson(app: Served, store: Store, run: str, sessions: int, seconds: float) -> Lesson:
    await _until_it_trains(app, store, run)
    before, began = _epochs(store, run), time.monotonic()
    memory: list[tuple[float, float]] = []
    measuring = asyncio.create_task(_measure(app.pid, began, memory))

    async def arrive(number: int) -> Seen:
        await asyncio.sleep(number * ARRIVAL)
        return await watch(app.port, "train", f"run={run}", began + seconds)

    seen = await asyncio.gather(*map(arrive, range(sessions)))
    measuring.cancel()
    return Lesson(seen, memory, _epochs(store, run) - before)


async def _until_it_trains(app: Served, store: Store, run: str) -> None:
    """One visitor opens the page, as the person who started the run would."""
    end = time.monotonic() + 120
    while not _epochs(store, run):
        if time.monotonic() > end or store.run(run).is_over:
            raise SystemExit(f"the run did not begin: {store.run(run)}")
        await watch(app.port, "train", f"run={run}", time.monotonic() + 2)


def _epochs(store: Store, run: str) -> int:
    return sum(type(told.event).__name__ == "EpochEnded" for told in store.milestones(run))


def _wait_until_over(store: Store, run: str) -> None:
    end = time.monotonic() + 60
    while not store.run(run).is_over and time.monotonic() < end:
        time.sleep(0.2)


async def _measure(pid: int, began: float, memory: list[tuple[float, float]]) -> None:
    while True:
        memory.append((time.monotonic() - began, _megabytes(pid)))
        await asyncio.sleep(2)


def _megabytes(pid: int) -> float:
    """Return what a process holds in memory; `ps` answers on Linux and macOS."""
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(told.stdout) / 1024


def _row(lesson: Lesson) -> dict[str, Any]:
    answers = [answer for seen in lesson.seen for answer in seen.refreshes]
    firsts = [seen.first.seconds for seen in lesson.seen if seen.first]
    times = [answer.seconds for answer in answers]
    flat = [size for at, size in lesson.memory if at >= FLAT]
    return {
        "sessions": len(lesson.seen),
        "refresh s": median(seen.every for seen in lesson.seen),
        "refreshes": len(answers),
        "answer p50 ms": 1000 * median(times),
        "answer p95 ms": 1000 * _p95(times),
        "goal": "≤ 500",
        "connect p95 ms": 1000 * _p95(firsts),
        "goal ": "≤ 1000",
        "dropped": sum(bool(seen.dropped) or seen.first is None for seen in lesson.seen),
        "kB, median": median(answer.size for answer in answers) / 1000,
        "memory MB": lesson.memory[-1][1],
        "grown MB": flat[-1] - flat[0] if flat else float("nan"),
        "epochs": lesson.epochs,
    }


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


if __name__ == "__main__":
    main()
