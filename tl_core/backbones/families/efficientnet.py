"""EfficientNet: one small network found by search, then scaled in depth, width and picture size.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019) and
"EfficientNetV2: Smaller Models and Faster Training" (2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_V1 = "Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks (2019)"
_V2 = "Tan, Le: EfficientNetV2: Smaller Models and Faster Training (2021)"


def _card(variant: str, story: str, year: int = 2019, paper: str = _V1) -> Card:
    enum = f"EfficientNet_{variant.upper()}_Weights"
    title = f"EfficientNet-{variant.upper()}"
    if variant.startswith("v2"):
        title = f"EfficientNetV2-{variant[-1].upper()}"
    weights = Weights(f"{enum}.IMAGENET1K_V1")
    return Card(f"efficientnet_{variant}", title, year, paper, story, weights)


CARDS = (
    _card("b0", "A great deal of accuracy for 20 MB and little work: found by automatic search."),
    _card("b1", "B0 made a little deeper, for slightly larger pictures."),
    _card("b2", "B0 scaled twice: sees pictures of 288 pixels, so finer detail counts."),
    _card("b3", "B0 scaled three times, for pictures of 300 pixels."),
    _card("b4", "B0 scaled four times, for 380 pixels: the most accurate B here, and slow."),
    _card(
        "v2_s",
        "The second generation, redesigned so that training itself is faster.",
        2021,
        _V2,
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head."""
    from torch.nn import Module

    from tl_core.backbones.chain import Chain, linear_head, pooled

    stem, *blocks, last = network.features
    stages: dict[str, Module] = {"stem": stem}
    stages.update((f"block{number}", block) for number, block in enumerate(blocks, 1))
    stages["last"] = pooled(last)
    dropout, linear = network.classifier
    if classes is None:
        return Chain(stages, network.classifier)
    return Chain(stages, linear_head(linear.in_features, classes, dropout.p))
