"""Many pictures at once: answered part by part, and handed back as a table and a zip.

However many they are, and however many classes the model has, only a few figures of each picture
stay in memory: the pictures are on the disk, and all shares are in the table there.
"""

from __future__ import annotations

import csv
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TextIO

from tl_core.bundles.doubts import DOUBTS
from tl_core.data.copying import Progress
from tl_core.escape import csv_cell, file_names
from tl_core.runs.brought import Taken
from tl_core.runs.predictor.predicting import Answer
from tl_core.workspace import disk_errors, replacing, require_space

AT_ONCE = 16
"""Pictures in one question: each is answered within the time limit, and a bar moves."""

BEST = 3
"""Classes whose shares are kept at hand."""

TABLE, DOUBTFUL = "predictions.csv", "doubtful"
ENCODING = "utf-8-sig"
"""Of the table: with the mark that lets Excel read it as UTF-8."""


@dataclass(frozen=True)
class Answered:
    """One picture with its answer."""

    name: str
    path: Path | None
    answer: Answer


def answer_all(
    ask: Callable[[Sequence[Path]], list[Answer]],
    taken: Sequence[Taken],
    classes: Sequence[str],
    table: Path,
    rows: list[Answered],
    tell: Progress | None = None,
) -> None:
    """Ask about pictures, some at a time; interrupted, the same call goes on where it was.

    Args:
        ask: answers pictures, in order.
        taken: the pictures.
        classes: names in the model's order.
        table: a file that takes every answer whole; see `write_table`.
        rows: of the pictures that were answered so far, each with the shares of its `BEST` classes
            alone; what comes is added.
        tell: called with (done, in all) after every part.

    Raises:
        UserError, HeadstartError: see `Predictor.predict`, or the disk is full.
    """
    while len(rows) < len(taken):
        part = taken[len(rows) : len(rows) + AT_ONCE]
        answers = iter(ask([one.path for one in part if one.path]))
        made = [
            Answered(one.name, one.path, next(answers) if one.path else Answer({}, one.reason))
            for one in part
        ]
        with disk_errors(table.name), table.open("a", encoding=ENCODING, newline="") as out:
            write_table(made, classes, out, head=not rows)
        rows += map(_at_hand, made)
        if tell:
            tell(len(rows), len(taken))


def _at_hand(row: Answered) -> Answered:
    best = dict(islice(row.answer.probabilities.items(), BEST))
    return replace(row, answer=replace(row.answer, probabilities=best))


def write_table(
    rows: Iterable[Answered], classes: Sequence[str], out: TextIO, *, head: bool = True
) -> None:
    """Write answers as CSV; pictures that could not be read are left out of it.

    Args:
        rows: the answers, with the share of every class.
        classes: names in the model's order, one column each.
        out: opened with `newline=""`.
        head: whether to write the columns' names first.
    """
    # All in quotes: where lists are separated by semicolons, a;=1+1 would be two cells.
    table = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    if head:
        table.writerow(["path", "class", "probability", *map(csv_cell, classes), "doubts"])
    for row in rows:
        if shares := row.answer.probabilities:
            best = row.answer.best
            figures = [f"{shares[name]:.6f}" for name in (best, *classes)]
            doubts = ", ".join(DOUBTS[doubt] for doubt in row.answer.doubts)
            table.writerow([csv_cell(row.name), csv_cell(best), *figures, doubts])


def write_sorted(
    rows: Sequence[Answered],
    classes: Sequence[str],
    table: Path,
    target: Path,
    tell: Progress | None = None,
) -> Counter[str]:
    """Write pictures into a zip with one folder for each class, and the table beside them.

    What is better not believed goes into a folder of its own. The zip is written piece by piece,
    so that any number of pictures fits the memory.

    Args:
        rows: the answers.
        classes: names in the model's order.
        table: the file with all answers.
        target: the zip.
        tell: called with (pictures done, in all).

    Returns:
        How many pictures each folder holds.

    Raises:
        UserError: the disk has no room for it.
    """
    places = _places(rows, classes)
    require_space(target.parent, sum(path.stat().st_size for path, _, _ in places))
    with replacing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.write(table, TABLE)
        for done, (path, folder, name) in enumerate(places, 1):
            archive.write(path, f"{folder}/{name}")
            if tell:
                tell(done, len(places))
    return Counter(folder for _, folder, _ in places)


def _places(rows: Sequence[Answered], classes: Sequence[str]) -> list[tuple[Path, str, str]]:
    """Return each picture's file, the folder it goes into, and its name there."""
    safe = file_names([TABLE, DOUBTFUL, *classes])
    doubtful, folder_of = safe[1], dict(zip(classes, safe[2:], strict=True))
    inside: dict[str, list[Answered]] = {}
    for row in rows:
        if row.path and row.answer.probabilities:
            folder = doubtful if row.answer.doubts else folder_of[row.answer.best]
            inside.setdefault(folder, []).append(row)
    found = []
    for folder, held in inside.items():
        names = file_names((_last_part(row.name) for row in held), "picture")
        pairs = zip(held, names, strict=True)
        found += [(row.path, folder, name) for row, name in pairs if row.path]
    return found


def _last_part(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name
