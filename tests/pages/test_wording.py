"""Everything that needs words has them, and none belittles."""

from __future__ import annotations

from pages.shared.lesson import CHAPTERS, PUBLISHED_READING, SLIPS
from pages.shared.wording import (
    GLOSSARY,
    MEASURING,
    PLACES,
    PROMISES,
    RECIPES,
    STATES,
    TRANSFER_LEARNING,
    WAYS,
)
from tl_core.config import DEVICES
from tl_core.config import RECIPES as KNOWN
from tl_core.runs.store import State


def test_every_recipe_state_and_device_has_words() -> None:
    assert set(PLACES) == set(DEVICES)
    assert set(RECIPES) == set(KNOWN)
    assert set(STATES) == set(State.__args__)


def test_no_word_belittles() -> None:
    recipes = (text for pair in RECIPES.values() for text in pair)
    chapters = [text for c in CHAPTERS for text in (c.title, c.text, c.doing)]
    lesson = [
        *chapters,
        *SLIPS,
        PUBLISHED_READING,
        TRANSFER_LEARNING,
        WAYS,
        *PROMISES,
        *PROMISES.values(),
        *MEASURING.values(),
    ]
    told = " ".join([*GLOSSARY.values(), *recipes, *lesson])
    assert not {"easy", "easily", "simply", "just"} & set(told.lower().split())
