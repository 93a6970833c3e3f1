"""Printing a table and keeping its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


def show(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as a table and write them to `results/<name>.json`."""
    heads = list(rows[0])
    cells = [heads, *[[_text(row[head]) for head in heads] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(list(rows), indent=1), encoding="utf-8")


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
