"""How long the first demonstration takes, and how well it ends.

What the Start page's button sets up, in a workspace of its own each time and with a worker that
is already warm: the sample is drawn, then Mini is taught it by feature extraction with nothing
set. "drawn" is the time until the pictures are there, "trained" the time from queueing the run
until the store calls it finished.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.config import RunConfig
from tl_core.data.samples import sample
from tl_core.runs.launch import child_environment
from tl_core.runs.queue import has_worker
from tl_core.runs.store import Store
from tl_core.training.device import choose_device
from tl_core.workspace import Workspace


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="each with a seed of its own")
    rows = [_demonstrate(seed) for seed in range(parser.parse_args().times)]
    middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    show("demo", [*rows, middle | {"seed": "median"}])


def _demonstrate(seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        workspace = Workspace.open(home)
        store = Store(workspace.store)
        worker = subprocess.Popen(
            [sys.executable, "-m", "tl_core.runs.worker", home, "auto"], env=child_environment()
        )
        try:
            # It is known by what it runs on once it has loaded all that training needs.
            _until(lambda: has_worker(store, choose_device().kind))
            began = time.perf_counter()
            dataset = sample(workspace, "phones")
            drawn = time.perf_counter() - began
            run = store.create(
                RunConfig(dataset.id, "mini", recipe="feature-extraction", seed=seed)
            )
            _until(lambda: store.run(run).is_over)
            total = time.perf_counter() - began
        finally:
            worker.terminate()
            worker.wait()
        facts = store.run(run).facts
    return {
        "seed": seed,
        "drawn s": drawn,
        "trained s": total - drawn,
        "both s": total,
        "validation": facts["validation_accuracy"],
        "test": facts["test_accuracy"],
    }


def _until(happened: Callable[[], bool]) -> None:
    while not happened():
        time.sleep(0.02)


if __name__ == "__main__":
    main()
