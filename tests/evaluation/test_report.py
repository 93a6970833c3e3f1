"""A report says what its answers come to, also where figures do not exist."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tl_core.evaluation.predictions import Predictions
from tl_core.evaluation.report import Report, as_json, as_text, report

CLASSES = ("ants", "bees", "wasps")
NAMES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


@pytest.fixture
def made() -> Predictions:
    """Two right; a bee called an ant, surely, and an ant called a bee, hardly; no wasp at all."""
    logits = np.array([[2, 0, 0], [9, 0, 0], [0, 3, 0], [0, 0.5, 0]], np.float32)
    return Predictions(logits, np.array([0, 1, 1, 0]), tuple("0" * 64 for _ in range(4)))


@pytest.fixture
def found(made: Predictions) -> Report:
    return report(made, CLASSES)


@pytest.fixture
def answer(found: Report, made: Predictions) -> dict[str, Any]:
    return as_json(found, made, NAMES)


def test_what_answers_come_to(found: Report) -> None:
    assert (found.count, found.right, found.accuracy) == (4, 2, 0.5)
    assert found.interval[0] < 0.5 < found.interval[1]
    assert found.mistakes == (1, 3)
    assert [(c.first, c.second, c.there, c.back) for c in found.confused] == [(0, 1, 1, 1)]


def test_as_json(answer: dict[str, Any]) -> None:
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["classes"]["wasps"] == {
        "precision": None, "recall": None, "f1": None, "images": 0
    }  # fmt: skip
    assert answer["macro"]["recall"] == 0.5, "over the classes that were there"
    assert answer["mistakes"][0] == {
        "path": "b.jpg", "class": "bees", "predicted": "ants",
        "probability": pytest.approx(1, abs=1e-3),
    }  # fmt: skip


def test_in_words(answer: dict[str, Any]) -> None:
    text = "\n".join(as_text(answer))
    assert "2 of 4 pictures right (50.0%)" in text
    assert "as well be between" in text
    assert "b.jpg: said ants (100%), is bees" in text
    assert "ants for bees: 1, the other way: 1" in text


def test_without_mistakes_nothing_is_listed(made: Predictions) -> None:
    right = Predictions(made.logits[[0, 2]], made.labels[[0, 2]], made.files[:2])
    told = as_json(report(right, CLASSES), right, NAMES[:2])
    assert told["mistakes"] == told["most_confused"] == []
    assert "mistakes" not in "\n".join(as_text(told))
