"""ConvNeXt: a convolutional network rebuilt with what vision transformers taught.

Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, "A ConvNet for the 2020s" (2022).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_PAPER = "Liu, Mao, Wu, Feichtenhofer, Darrell, Xie: A ConvNet for the 2020s (2022)"


def _card(size: str, story: str) -> Card:
    weights = Weights(f"ConvNeXt_{size.capitalize()}_Weights.IMAGENET1K_V1")
    title = f"ConvNeXt {size}"
    return Card(f"convnext_{size}", title, 2022, _PAPER, story, weights)


CARDS = (
    _card("tiny", "A ResNet modernised step by step until it matched the transformers of its day."),
    _card(
        "small", "Its third stage is three times as deep as tiny's: twice the work, one point more."
    ),
    _card("base", "Wider again: among the most accurate networks here; wants a graphics card."),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head.

    A layer that halves the map belongs to the stage that it feeds. The normalisation before the
    classifier was trained on ImageNet, so it ends the last stage and is not part of the head.
    """
    from torch.nn import Module, Sequential

    from tl_core.backbones.chain import Chain, linear_head

    stem, stage1, *rest = network.features
    stages: dict[str, Module] = {"stem": stem, "stage1": stage1}
    for number, (shrink, blocks) in enumerate(zip(rest[::2], rest[1::2], strict=True), 2):
        stages[f"stage{number}"] = Sequential(shrink, blocks)
    norm, flat, linear = network.classifier
    stages["stage4"] = Sequential(stages["stage4"], network.avgpool, norm, flat)
    return Chain(stages, linear if classes is None else linear_head(linear.in_features, classes))
