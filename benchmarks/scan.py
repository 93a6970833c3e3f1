"""What checking pictures costs: looking at each, and comparing all of them, as a set grows."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.data.decode import open_image
from tl_core.data.intake import import_source
from tl_core.data.scan import Scan, findings
from tl_core.workspace import Workspace

_T = TypeVar("_T")

GOAL = 60.0  # seconds for 10,000 pictures on 2 cores


def main() -> None:
    """Import sets of several sizes, scan each with nothing kept, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="photos to vary; drawn ones when left out")
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 10_000])
    args = parser.parse_args()
    rows = []
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as home:
            make(Path(home) / "photos", size, args.data)
            rows.append(measure(Path(home), size))
    show("scan", rows)


def make(place: Path, count: int, data: Path | None) -> None:
    """Write `count` pictures of 500 × 375 in two classes, no two of them nearly the same."""
    random = np.random.default_rng(count)
    sources = sorted(p for p in data.rglob("*.jpg") if p.is_file()) if data else []
    for number in range(count):
        if sources:
            picture = cut(open_image(sources[number % len(sources)]), random)
        else:
            coarse = random.integers(0, 256, (9, 12, 3), np.uint8)
            picture = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
        file = place / "ab"[number % 2] / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file, quality=85)


def cut(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return a random part of a photo, so that one photo gives many pictures."""
    width, height = (int(side * random.uniform(0.4, 0.9)) for side in picture.size)
    left = int(random.integers(0, picture.width - width + 1))
    top = int(random.integers(0, picture.height - height + 1))
    return picture.crop((left, top, left + width, top + height)).resize((500, 375))


def measure(home: Path, size: int) -> dict[str, Any]:
    """Time an import, a scan from the files alone, and one that finds the pictures looked at."""
    workspace = Workspace.open(home / "workspace")
    importing, dataset = timed(lambda: import_source(workspace, home / "photos"))
    after_import, found = timed(lambda: findings(workspace, dataset))
    for kept in workspace.cache.rglob("*.*"):
        if kept.is_file():
            kept.unlink()
    work = Scan(workspace, dataset)
    looking, _ = timed(lambda: work.step(float("inf")))
    comparing, _ = timed(work.finish)
    return {
        "pictures": size,
        "import s": importing,
        "scan after import s": after_import,
        "scan from files s": looking + comparing,
        "of it comparing s": comparing,
        "goal s": GOAL * size / 10_000,
        "findings": len(found),
    }


def timed(work: Callable[[], _T]) -> tuple[float, _T]:
    """Return the seconds that `work` took, and its result."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


if __name__ == "__main__":
    main()
