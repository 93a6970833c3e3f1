"""What is wrong with a dataset, found once and kept: each picture under what says most about it.

The order in `scan` is the order of precedence. A picture of one colour is like every other, a dark
copy of a picture is first of all dark, and only what is left is compared and measured further.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.data.class_checks import check_classes
from tl_core.data.dataset import Dataset, Item
from tl_core.data.decode import OPENER
from tl_core.data.finding import TITLES, Finding, Kind, Mend, shallow
from tl_core.data.left_out import check_left_out, check_unused
from tl_core.data.looks import check_range, is_usual, look
from tl_core.data.repeats import repeated
from tl_core.data.sketch import SKETCH, Sketches, sketch_files
from tl_core.data.sketches import keep_sketches, known_sketches
from tl_core.workspace import Workspace, write_atomic

SCAN = "2"
"""Names the checks. Change it with them: kept findings are keyed by it."""

Progress = Callable[[int, int], None]

_BEFORE: tuple[Kind, ...] = ("blank", "dark", "bright")
_AFTER: tuple[Kind, ...] = ("tiny", "blurry", "odd-shape")
_TILE = 64  # pictures sketched before progress is told


def scan(dataset: Dataset, sketches: Sketches) -> list[Finding]:
    """Return what is wrong with a dataset, in the order in which people should read it.

    Args:
        dataset: the pictures, their classes and splits, and what was left out.
        sketches: one row for each item of the dataset, in their order.
    """
    found = [
        *check_left_out(dataset.skipped),
        *check_unused(dataset.reading),
        *check_classes(dataset),
        *check_range(dataset),
    ]
    items = list(dataset.items)

    def take(new: list[Finding]) -> None:
        nonlocal items, sketches
        found.extend(new)
        taken = {item for finding in new if not is_usual(finding) for item in finding.items}
        left = [n for n, item in enumerate(items) if item not in taken]
        items, sketches = [items[n] for n in left], sketches[left]

    take(_gone(items, sketches))
    for kind in _BEFORE:
        take(look(kind, items, sketches))
    take(repeated(items, sketches, dataset))
    for kind in _AFTER:
        take(look(kind, items, sketches))
    order = list(TITLES)
    return sorted(found, key=lambda finding: order.index(finding.kind))


class Scan:
    """The scan of one dataset, in steps: for pages, which may not wait for all of it.

    Attributes:
        done: pictures looked at so far.
        total: pictures in all.
    """

    def __init__(self, workspace: Workspace, dataset: Dataset) -> None:
        self._workspace, self._dataset = workspace, dataset
        paths = {item.file: dataset.path(item) for item in dataset.items}
        self.total = len(paths)
        self._known = known_sketches(workspace.cache, paths, dataset.white)
        self._missing = [path for file, path in paths.items() if file not in self._known]

    @property
    def done(self) -> int:
        """Pictures looked at so far."""
        return self.total - len(self._missing)

    def step(self, seconds: float = 0.0) -> bool:
        """Look at more pictures, for about so long; return whether all have been."""
        end = time.monotonic() + seconds
        while self._missing:
            tile, self._missing = self._missing[:_TILE], self._missing[_TILE:]
            self._known |= sketch_files(tile, self._dataset.white)
            if time.monotonic() >= end:
                break
        return not self._missing

    def finish(self) -> list[Finding]:
        """Compare what was seen, keep what was found and return it.

        Raises:
            UserError: the disk is full.
        """
        self.step(float("inf"))
        keep_sketches(self._workspace.cache, self._known, self._dataset.white)
        rows = [self._known[item.file] for item in self._dataset.items]
        found = scan(self._dataset, np.concatenate(rows))
        _keep(self._workspace, self._dataset, found)
        return found


def findings(
    workspace: Workspace, dataset: Dataset, progress: Progress | None = None
) -> list[Finding]:
    """Return what is wrong with a dataset: as it was kept, or else scanned now.

    Args:
        workspace: where findings are kept.
        dataset: to be scanned.
        progress: called with (pictures looked at, pictures in all).

    Raises:
        UserError: the disk is full.
    """
    kept = kept_findings(workspace, dataset)
    if kept is not None:
        return kept
    work = Scan(workspace, dataset)
    while not work.step():
        if progress:
            progress(work.done, work.total)
    return work.finish()


def kept_findings(workspace: Workspace, dataset: Dataset) -> list[Finding] | None:
    """Return what an earlier scan of this version found, `None` where there was none."""
    file = _file(workspace, dataset)
    try:
        record = json.loads(file.read_bytes())
        found = [_read(values, dataset.items) for values in record]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    with suppress(OSError):
        os.utime(file)
    return found


def _gone(items: Sequence[Item], sketches: Sketches) -> list[Finding]:
    """Tell which stored pictures can no longer be read."""
    why = "This stored file can no longer be read, so training would stop at it."
    lost = [items[n] for n in np.flatnonzero(sketches["width"] == 0).tolist()]
    return [
        Finding(
            "unreadable",
            "problem",
            why,
            items=(item,),
            mends=(Mend("remove", "Remove it", (item,)),),
        )
        for item in lost
    ]


def _keep(workspace: Workspace, dataset: Dataset, found: Iterable[Finding]) -> None:
    numbers = {item: n for n, item in enumerate(dataset.items)}
    records = [
        shallow(finding)
        | {
            "items": [numbers[item] for item in finding.items],
            "mends": [
                shallow(mend) | {"items": [numbers[item] for item in mend.items]}
                for mend in finding.mends
            ],
        }
        for finding in found
    ]
    write_atomic(_file(workspace, dataset), json.dumps(records).encode())


def _read(values: dict[str, Any], items: Sequence[Item]) -> Finding:
    def of(numbers: list[int]) -> tuple[Item, ...]:
        return tuple(items[n] for n in numbers)

    finding = Finding(**values | {"items": of(values["items"]), "names": tuple(values["names"])})
    mends = tuple(Mend(**mend | {"items": of(mend["items"])}) for mend in values["mends"])
    return replace(finding, mends=mends)


def _file(workspace: Workspace, dataset: Dataset) -> Path:
    """Name findings by all that they depend on, so that a new version is scanned anew."""
    skipped = [[one.path, one.reason] for one in dataset.skipped]
    erased = [item.file for item in dataset.erased]
    content = [
        OPENER, SKETCH, SCAN, dataset.id, dataset.given_split, skipped, erased, dataset.reading,
    ]  # fmt: skip
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return workspace.cache / "findings" / f"{key}.json"
