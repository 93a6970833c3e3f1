"""A small collection of drawn pictures: three classes of stripes, with a teacher's answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tl_core.pretraining.collection import Collection, read_collection
from tl_core.pretraining.loop import Run
from tl_core.pretraining.settings import Settings
from tl_core.pretraining.teacher import Answers
from tl_core.training.device import choose_device

SETTINGS = Settings(epochs=2, batch_size=8, size=32, side=32, lr=1e-3)


@pytest.fixture(scope="module", autouse=True)
def _small_sums(one_thread: None) -> None:
    """Every test of this folder computes on one thread."""


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


@pytest.fixture
def source(photo_folder: Callable[..., Path]) -> Path:
    """A folder with `train/` and `val/`."""
    classes = ("red", "green", "blue")
    train = photo_folder(dict.fromkeys(classes, 16), size=40)
    (train.parent / "source").mkdir()
    train = train.rename(train.parent / "source" / "train")
    photo_folder(dict.fromkeys(classes, 4), size=40, into=train.parent / "val", suffix=".webp")
    return train.parent


@pytest.fixture
def collection(source: Path, tmp_path: Path) -> Collection:
    return read_collection(source, SETTINGS.side, tmp_path / "work", lambda *_: None)


@pytest.fixture
def answers(collection: Collection) -> Answers:
    random = np.random.default_rng(0)
    of_class = random.normal(0, 2, (3, 12)).astype(np.float16)
    rows = of_class[collection.train.labels]
    return Answers("teacher", rows[:, :7], rows[:, 7:], rows[:, 7:].mean(0, dtype=np.float32))


@pytest.fixture
def start(collection: Collection, answers: Answers, tmp_path: Path) -> Callable[..., Run]:
    """Start a run, or go on with it: `start("name")` keeps its checkpoint under that name."""

    def start(name: str = "run", settings: Settings = SETTINGS, teacher: bool = True) -> Run:
        path = tmp_path / f"{name}.safetensors"
        return Run(settings, collection, answers if teacher else None, choose_device("cpu"), path)

    return start
