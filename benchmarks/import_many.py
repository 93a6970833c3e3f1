"""What importing and decoding cost per picture, and in memory, as a set of pictures grows."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.backbones.card import Preprocessing
from tl_core.data.dataset import SPLITS, Dataset
from tl_core.data.open import import_any
from tl_core.data.pixels import decode_pixels
from tl_core.workspace import Workspace

SIDE = 64
CLASSES = 10
SAMPLED_EVERY = 0.01  # seconds
_T = TypeVar("_T")


def main() -> None:
    """Measure every size and kind of source in fresh processes, by turns, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=[400, 4_000, 40_000])
    parser.add_argument("--sources", nargs="+", default=["folder"], choices=("folder", "zip"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure)))
        return
    with tempfile.TemporaryDirectory() as made:
        sources = {
            (size, kind): make(Path(made) / f"{kind}-{size}", size, kind)
            for size in args.sizes
            for kind in args.sources
        }
        found: dict[tuple[int, str], list[dict[str, float]]] = {key: [] for key in sources}
        for _ in range(args.repeats):
            for key, source in sources.items():
                found[key].append(measured_alone(source))
    rows: list[dict[str, Any]] = []
    for (size, kind), runs in found.items():
        figures = {name: median(run[name] for run in runs) for name in runs[0]}
        rows.append({"pictures": size, "source": kind} | figures)
    show("import_many", rows)


def make(place: Path, count: int, kind: str) -> Path:
    """Draw `count` small JPEGs, no two alike, into class folders, and pack them if asked to."""
    random = np.random.default_rng(count)
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)
    for label in range(CLASSES):
        (place / f"class {label}").mkdir(parents=True)
    for number in range(count):
        corners = random.random((3, 3), np.float32) * 200
        pixels = corners[0] + ramp[:, None, None] * (corners[1] - corners[0])
        pixels = pixels + ramp[None, :, None] * (corners[2] - corners[0]) / 2
        pixels = pixels + random.random((SIDE, SIDE, 1), np.float32) * 40
        buffer = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG")
        (place / f"class {number % CLASSES}" / f"{number}.jpg").write_bytes(buffer.getvalue())
    if kind == "folder":
        return place
    archive = Path(shutil.make_archive(str(place), "zip", place))
    shutil.rmtree(place)
    return archive


def measured_alone(source: Path) -> dict[str, float]:
    """Measure in a fresh process: memory that an earlier import left would count otherwise."""
    command = [sys.executable, __file__, "--measure", str(source)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(source: Path) -> dict[str, float]:
    """Import a source into a fresh workspace, decode it, and find it decoded."""
    with tempfile.TemporaryDirectory() as home, peak_memory() as peak:
        workspace = Workspace.open(home)
        importing, dataset = timed(lambda: import_any(workspace, source))
        imported = peak()
        decoding, _ = timed(lambda: decode(workspace, dataset))
        again, _ = timed(lambda: decode(workspace, dataset))
        count = len(dataset.items)
        return {
            "import ms each": importing / count * 1e3,
            "decode ms each": decoding / count * 1e3,
            "again ms each": again / count * 1e3,
            "import MB": imported,
            "peak MB": peak(),
        }


def decode(workspace: Workspace, dataset: Dataset) -> None:
    """Decode every split at the size of the pictures, as a run does."""
    square = Preprocessing(SIDE, SIDE)
    for split in SPLITS:
        paths = [dataset.path(item) for item in dataset.of(split)]
        decode_pixels(paths, square, workspace.cache)


def timed(work: Callable[[], _T]) -> tuple[float, _T]:
    """Return the seconds that `work` took, and its result."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


@contextmanager
def peak_memory() -> Iterator[Callable[[], float]]:
    """Watch anonymous memory; the yielded function says the highest rise so far in MB.

    Anonymous: what is the process's own, without pages of files that the system may drop at any
    time. Outside Linux, which alone tells, it is NaN.
    """
    baseline = highest = anonymous()
    over = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not over.wait(SAMPLED_EVERY):
            highest = max(highest, anonymous())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: (max(highest, anonymous()) - baseline) / 1e6
    finally:
        over.set()
        thread.join()


def anonymous() -> float:
    """Return this process's anonymous resident memory in bytes."""
    try:
        lines: Sequence[str] = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("RssAnon"))


if __name__ == "__main__":
    main()
