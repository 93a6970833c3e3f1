"""Rule 4 for processes: killed, cut from power or damaged, runs end as if nothing had been."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.runs.patience import wait_for
from tl_core.config import RunConfig
from tl_core.data.intake import import_source
from tl_core.runs.launch import child_environment
from tl_core.runs.queue import has_worker
from tl_core.runs.rebuild import open_store
from tl_core.runs.recovery import FILE
from tl_core.runs.store import Run, Store
from tl_core.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGSTOP")

Queued = Callable[..., str]
Outcome = Callable[[Run], tuple[Any, ...]]
slow = pytest.mark.slow

NURSERY = """
import os, signal, sys
import tl_core.runs.execute
from tl_core.runs import worker
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    child = os.fork()
    if not child:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        worker.main(line.strip(), "cpu")
        os._exit(0)
    print(child, flush=True)
"""


class Nursery:
    """Real workers without the wait for `import torch`: forked from a process that has it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=child_environment() | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.pids: list[int] = []

    def start(self, workspace: Workspace) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{workspace.root}\n")
        self.process.stdin.flush()
        self.pids.append(int(self.process.stdout.readline()))
        return self.pids[-1]


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        # A second worker ends at once while the first still lives; a child of ours stays a zombie.
        for _ in range(400):
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)


def lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    for pid in nursery.pids:
        kill(pid)
    nursery.process.kill()
    nursery.process.wait()


@pytest.fixture
def finish(nursery: Nursery) -> Callable[[Workspace, str], Run]:
    """Let a worker train a run to its end."""

    def train(workspace: Workspace, run_id: str) -> Run:
        store = Store(workspace.store)
        pid = nursery.start(workspace)
        wait_for(lambda: store.run(run_id).is_over)
        kill(pid)
        return store.run(run_id)

    return train


def checkpoint_time(store: Store, run_id: str) -> int:
    with suppress(FileNotFoundError):
        return (store.folders / run_id / FILE).stat().st_mtime_ns
    return 0


def gets_further(store: Store, run_id: str, before: int) -> bool:
    """Wait for a new checkpoint; tell whether the run goes on after it."""
    wait_for(lambda: store.run(run_id).is_over or checkpoint_time(store, run_id) > before)
    return not store.run(run_id).is_over


RECIPES: list[dict[str, Any]] = [
    {"recipe": "scratch", "batch_size": 4, "epochs": 10},
    {"recipe": "fine-tune", "freeze": "layer2", "batch_size": 4, "epochs": 12, "augment": "light"},
]


@pytest.mark.parametrize(("kills", "seed"), [(6, 1), pytest.param(36, 2, marks=slow)])
def test_killed_at_any_step_a_run_ends_as_if_it_had_not_been(
    kills: int, seed: int, queued: Queued, store: Store, workspace: Workspace, nursery: Nursery,
    finish: Callable[[Workspace, str], Run], outcome: Outcome, weights: Path,
) -> None:  # fmt: skip
    random, killed = Random(seed), 0
    expected: dict[str, Any] = {}
    while killed < kills:
        settings = RECIPES[len(expected) % 2 if len(expected) < 2 else random.randrange(2)]
        if settings["recipe"] == "fine-tune":
            settings = settings | {"weights": str(weights)}
        recipe = settings["recipe"]
        if recipe not in expected:
            expected[recipe] = outcome(finish(workspace, queued(**settings)))
        run_id, wanted = queued(**settings), min(killed + kills // 2, kills)
        while killed < wanted and not store.run(run_id).is_over:
            before = checkpoint_time(store, run_id)
            pid = nursery.start(workspace)
            if gets_further(store, run_id, before):
                time.sleep(random.uniform(0, 0.3))
                killed += not store.run(run_id).is_over
            kill(pid)
        run = store.run(run_id)
        assert outcome(run if run.is_over else finish(workspace, run_id)) == expected[recipe]


@pytest.mark.slow
def test_the_page_server_is_killed_with_its_worker_and_goes_on_when_it_comes_back(
    queued: Queued, store: Store, workspace: Workspace, outcome: Outcome,
    worker_pids: Callable[[], list[int]], finish: Callable[[Workspace, str], Run],
) -> None:  # fmt: skip
    """Real workers, started by a real server that nobody even looks at."""
    random, settings = Random(3), RECIPES[0] | {"epochs": 40}
    expected = outcome(finish(workspace, queued(**settings)))
    run_id = queued(**settings)
    for _ in range(4):
        before = checkpoint_time(store, run_id)
        with serving(workspace) as server:
            goes_on = gets_further(store, run_id, before)
            time.sleep(random.uniform(0, 1.0))
            server.kill()
            if random.random() < 0.5:
                time.sleep(random.uniform(0, 1.0))  # the worker outlives the server
            for pid in worker_pids():
                kill(pid)
        if not goes_on:
            break
    with serving(workspace):
        wait_for(lambda: store.run(run_id).is_over)
        for pid in worker_pids():
            kill(pid)
    assert outcome(store.run(run_id)) == expected


@pytest.mark.slow
def test_a_worker_that_hangs_is_found_and_ends_when_it_wakes(
    queued: Queued, store: Store, workspace: Workspace, nursery: Nursery, outcome: Outcome,
    finish: Callable[[Workspace, str], Run],
) -> None:  # fmt: skip
    settings = RECIPES[0] | {"epochs": 40}
    expected = outcome(finish(workspace, queued(**settings)))
    run_id = queued(**settings)
    pid = nursery.start(workspace)
    gets_further(store, run_id, 0)
    os.kill(pid, signal.SIGSTOP)
    assert has_worker(store, "cpu"), "at first sight it may have stopped for a moment only"
    wait_for(lambda: not has_worker(store, "cpu"), seconds=60)
    assert store.run(run_id).state == "interrupted"
    other = nursery.start(workspace)
    wait_for(lambda: store.run(run_id).state == "running")
    os.kill(pid, signal.SIGCONT)  # two processes have the run now, and one of them holds it
    wait_for(lambda: store.run(run_id).is_over)
    wait_for(lambda: not lives(pid), seconds=30)
    kill(other)
    assert outcome(store.run(run_id)) == expected


@contextmanager
def serving(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    """Run the app on a port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true",
         f"--server.port={port}", "--server.address=127.0.0.1"],
        cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"HEADSTART_HOME": str(workspace.root), "HEADSTART_WORKER_IDLE": "5"},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("moments", "seed"), [(3, 1), pytest.param(50, 2, marks=slow)])
def test_after_a_power_cut_at_any_moment_every_run_ends_as_if_it_had_not_been(
    moments: int, seed: int, queued: Queued, store: Store, workspace: Workspace, nursery: Nursery,
    finish: Callable[[Workspace, str], Run], outcome: Outcome, tmp_path: Path,
) -> None:  # fmt: skip
    random = Random(seed)
    finished = queued(**RECIPES[0])
    expected = outcome(finish(workspace, finished))
    copies: list[tuple[Workspace, str]] = []
    pid = nursery.start(workspace)
    while len(copies) < moments:
        run_id = queued(**RECIPES[0])
        while len(copies) < moments and not store.run(run_id).is_over:
            time.sleep(random.uniform(0, 0.4))
            os.kill(pid, signal.SIGSTOP)
            copy = tmp_path / f"copy {len(copies)}"
            shutil.copytree(workspace.root, copy)
            os.kill(pid, signal.SIGCONT)
            copies.append((Workspace.open(copy), run_id))
        wait_for(lambda run_id=run_id: store.run(run_id).is_over)
        assert outcome(store.run(run_id)) == expected, "and the original never noticed"
    kill(pid)
    for copy, run_id in copies:
        found = open_store(copy)
        assert found.run(finished).state == "finished"
        assert not list(copy.root.glob("*.damaged-*"))
        run = found.run(run_id)
        assert (run if run.is_over else finish(copy, run_id)).state == "finished"
        assert outcome(in_copy(found.run(run_id), copy)) == expected
        shutil.rmtree(copy.root)


def in_copy(run: Run, copy: Workspace) -> Run:
    """Return a run of a copied workspace with the bundle that lies there."""
    run.facts["bundle"] = str(copy.runs / run.id / "model.headstart")
    return run


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=slow) for n in range(1, 20))])
def test_with_the_tail_of_its_log_and_its_newest_checkpoint_cut_off(
    seed: int, queued: Queued, store: Store, workspace: Workspace, nursery: Nursery,
    finish: Callable[[Workspace, str], Run], outcome: Outcome, tmp_path: Path,
) -> None:  # fmt: skip
    random = Random(seed)
    store.stay_open()  # so that there is a log
    finished, run_id = queued(**RECIPES[0]), queued(**RECIPES[0])
    pid = nursery.start(workspace)
    wait_for(lambda: store.run(finished).is_over)
    expected = outcome(store.run(finished))
    gets_further(store, run_id, checkpoint_time(store, run_id))
    time.sleep(random.uniform(0.1, 0.5))
    kill(pid)
    copy = Workspace.open(shutil.copytree(workspace.root, tmp_path / "copy"))
    log = copy.root / "headstart.db-wal"
    (copy.root / "headstart.db-shm").unlink()
    os.truncate(log, random.randrange(log.stat().st_size))
    newest = copy.runs / run_id / FILE
    os.truncate(newest, random.randrange(newest.stat().st_size))

    found = open_store(copy)
    assert found.run(finished).state == "finished"
    assert outcome(in_copy(found.run(finished), copy)) == expected
    assert finish(copy, run_id).state == "finished"
    assert outcome(in_copy(found.run(run_id), copy)) == expected


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace on a disk of 400 MB, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", place], check=False,
        capture_output=True,
    ).returncode == 0  # fmt: skip
    if not mounted:
        pytest.skip("a disk of its own cannot be mounted here")
    monkeypatch.setenv("HEADSTART_HOME", str(place))
    yield Workspace.open(place)
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 100_000, 3_000_000, 12_000_000, 30_000_000])
def test_on_a_full_disk_a_run_waits_for_room(
    left: int, small_disk: Workspace, photo_folder: Callable[..., Path], nursery: Nursery,
    outcome: Outcome,
) -> None:  # fmt: skip
    """Filled in the middle of the run, to different degrees, database and all."""
    store = open_store(small_disk)
    dataset = import_source(small_disk, photo_folder({"red": 10, "blue": 10}), "Colours")
    config = RunConfig(dataset.id, "small", device="cpu", batch_size=4, epochs=40)
    pid = nursery.start(small_disk)
    first = store.create(config)
    wait_for(lambda: store.run(first).is_over)
    expected = outcome(store.run(first))

    run_id, filler = store.create(config), small_disk.root / "filler"
    gets_further(store, run_id, 0)
    with suppress(OSError), filler.open("wb") as file:
        free = shutil.disk_usage(small_disk.root).free - left
        while free > 0:
            free -= file.write(b"x" * min(free, 1 << 20))
            file.flush()
    if left > 1_000_000:
        wait_for(lambda: store.run(run_id).state != "running", 60)
        assert store.run(run_id).state == "paused" or left == 30_000_000
    else:
        time.sleep(5)  # it may not even be possible to write down that it waits
    filler.unlink()
    wait_for(lambda: store.run(run_id).is_over)
    kill(pid)
    assert outcome(store.run(run_id)) == expected
    store.check()
