"""A few hundred hostile cases; `benchmarks/fuzz.py` runs tens of thousands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("kind", "cases"), [("picture", 150), ("zip", 25), ("tar", 25), ("table", 15)]
)
def test_hostile_cases(kind: str, cases: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    fuzz = __import__("fuzz")
    monkeypatch.setattr(fuzz, "LARGEST", sys.maxsize)  # of this process, other tests' memory too
    row = fuzz.run(kind, cases)
    assert row["cases"] >= cases * 0.5
    assert row["refused"] > 0
