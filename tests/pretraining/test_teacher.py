"""The teacher's answers: its own logits and features, computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from tl_core.backbones.catalog import family_of, find_card
from tl_core.backbones.load import load_backbone
from tl_core.data.augment import to_input
from tl_core.errors import UserError
from tl_core.pretraining.collection import Collection
from tl_core.pretraining.teacher import Answers, ask_teacher
from tl_core.training.device import choose_device


@pytest.fixture(params=["resnet18", "squeezenet1_1"])
def teacher(request: pytest.FixtureRequest) -> str:
    """One whose stages end in a vector, one whose stages end in a map."""
    return str(request.param)


@pytest.fixture
def weights(teacher: str, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "teacher.safetensors"
    save_file(family_of(teacher).build(teacher).state_dict(), path)
    return path


def ask(name: str, weights: Path, collection: Collection, work: Path) -> tuple[Answers, int]:
    told: list[int] = []
    answers = ask_teacher(
        name,
        weights,
        collection.train,
        64,
        work,
        choose_device("cpu"),
        lambda _, done, __: told.append(done),
    )
    return answers, len(told)


def test_the_answers_are_the_teachers(
    teacher: str, weights: Path, collection: Collection, tmp_path: Path
) -> None:
    answers, _ = ask(teacher, weights, collection, tmp_path)
    card = find_card(teacher)
    assert answers.logits.shape == (48, 1000)
    assert answers.features.shape == (48, card.features)
    pixels = torch.from_numpy(collection.train.pixels[20:22].copy())
    x = to_input(pixels, card.preprocessing.mean, card.preprocessing.std)
    x = F.interpolate(x, (64, 64), mode="bilinear", align_corners=False)
    with torch.no_grad():
        expected = load_backbone(teacher, weights=weights).eval()(x).numpy()
    apart = np.abs(answers.logits[20:22].astype(np.float32) - expected).max()
    assert apart <= 2e-3 * np.abs(expected).max()  # kept in half precision
    assert np.allclose(answers.mean, answers.features.astype(np.float32).mean(0), atol=1e-5)


def test_a_second_start_finds_the_answers(
    teacher: str, weights: Path, collection: Collection, tmp_path: Path
) -> None:
    first, told = ask(teacher, weights, collection, tmp_path)
    again, told_again = ask(teacher, weights, collection, tmp_path)
    assert told > 0
    assert told_again == 0
    assert np.array_equal(first.logits, again.logits)


def test_weights_of_another_network_are_refused(
    weights: Path, collection: Collection, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="These weights are not MobileNetV2's"):
        ask("mobilenet_v2", weights, collection, tmp_path)
