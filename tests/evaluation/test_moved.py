"""How far stages moved: exactly nothing where frozen, and the right share elsewhere."""

from __future__ import annotations

import pytest
import torch

from tl_core.backbones.load import load_backbone
from tl_core.evaluation.moved import moved, say_moved


def test_only_what_changed_has_moved() -> None:
    before, after = (load_backbone("small", 2, pretrained=False, seed=1) for _ in range(2))
    with torch.no_grad():
        for parameter in after.stages["layer3"].parameters():
            parameter *= 1.1
        weight = next(after.stages["layer4"].parameters())
        weight += 1
        after.head.linear.weight.zero_()
        after.stages["stem"][1].running_mean += 5  # a statistic is no weight
    shares = moved(before, after)
    old = torch.cat([p.flatten() for p in before.stages["layer4"].parameters()])
    assert shares == {
        "stem": 0.0,
        "layer1": 0.0,
        "layer2": 0.0,
        "layer3": pytest.approx(0.1, rel=1e-5),
        "layer4": pytest.approx(weight.numel() ** 0.5 / float(old.detach().norm()), rel=1e-5),
    }


@pytest.mark.parametrize(
    ("shares", "frozen", "sentence"),
    [
        ((0, 0, 0), 3, "No stage moved: the whole backbone was frozen"),
        ((0, 0, 0), 1, "No stage moved: the best epoch"),
        ((0, 0.1, 0.2), 0, "Nothing was frozen; c moved most, by 20%."),
        ((0, 0.3, 0.2), 1, "1 of 3 stages was frozen and stayed as it was; of the others b"),
        ((0, 0, 0.2), 2, "2 of 3 stages were frozen and stayed as they were; of the others c"),
    ],
)
def test_the_sentence_follows_the_shares(
    shares: tuple[float, ...], frozen: int, sentence: str
) -> None:
    assert say_moved(dict(zip("abc", shares, strict=True)), frozen).startswith(sentence)
