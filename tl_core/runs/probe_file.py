"""Which pictures a probe got right, in the run's folder: studies compare by picture. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tl_core.evaluation.paired import Paired, paired
from tl_core.workspace import write_atomic

FILE = "probe.json"
Right = dict[str, bool]  # by the hash of the picture


def write_probe(folder: Path, files: Sequence[str], right: Mapping[str, Sequence[bool]]) -> None:
    """Write which of the files each stage got right."""
    marks = {stage: "".join("01"[mark] for mark in each) for stage, each in right.items()}
    content = json.dumps({"files": list(files), "right": marks})
    write_atomic(folder / FILE, content.encode())


def read_probe(folder: Path) -> dict[str, Right]:
    """Return by stage which files it got right; nothing where there is no probe to be read."""
    try:
        kept = json.loads((folder / FILE).read_bytes())
        return {
            stage: {file: mark == "1" for file, mark in zip(kept["files"], marks, strict=True)}
            for stage, marks in kept["right"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def compared(first: Right, second: Right) -> Paired | None:
    """Compare two probes on the pictures that both were asked; `None` where there are none."""
    return paired(*({(file, ""): mark for file, mark in each.items()} for each in (first, second)))
