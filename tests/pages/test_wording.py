"""Curves are read as a teacher would read them."""

from __future__ import annotations

import pytest

from pages.shared.wording import (
    GLOSSARY,
    MEASURING,
    PLACES,
    PROMISES,
    RECIPES,
    STATES,
    TRANSFER_LEARNING,
    WAYS,
    read_curves,
)
from tl_core.config import DEVICES
from tl_core.config import RECIPES as KNOWN
from tl_core.runs.store import State
from tl_core.training.events import EpochEnded


def run(losses: list[float], train: float, validation: float) -> list[EpochEnded]:
    return [
        EpochEnded(0, n, loss, train, loss, validation, 1e-3, 1.0, 10)
        for n, loss in enumerate(losses, 1)
    ]


@pytest.mark.parametrize(
    ("epochs", "word"),
    [
        (run([1.0], 0.5, 0.5), "few more epochs"),
        (run([1.0, 0.99, 0.99, 0.98], 0.5, 0.5), "stuck"),
        (run([1.0, 0.5, 0.2, 0.1], 1.0, 0.6), "remembers"),
        (run([1.0, 0.5, 0.2, 0.1], 0.95, 0.93), "is learning"),
    ],
)
def test_reading(epochs: list[EpochEnded], word: str) -> None:
    assert word in read_curves(epochs)


def test_every_recipe_state_and_device_has_words() -> None:
    assert set(PLACES) == set(DEVICES)
    assert set(RECIPES) == set(KNOWN)
    assert set(STATES) == set(State.__args__)


def test_no_word_belittles() -> None:
    recipes = (text for pair in RECIPES.values() for text in pair)
    lesson = [TRANSFER_LEARNING, WAYS, *PROMISES, *PROMISES.values(), *MEASURING.values()]
    told = " ".join([*GLOSSARY.values(), *recipes, *lesson])
    assert not {"easy", "easily", "simply", "just"} & set(told.lower().split())
