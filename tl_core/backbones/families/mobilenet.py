"""MobileNet V2 and V3: networks made for phones.

Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: Inverted Residuals and Linear Bottlenecks"
(2018); Howard et al., "Searching for MobileNetV3" (2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, FineTuning, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_V2 = "Sandler et al.: MobileNetV2: Inverted Residuals and Linear Bottlenecks (2018)"
_V3 = "Howard et al.: Searching for MobileNetV3 (2019)"

CARDS = (
    Card(
        "mobilenet_v2",
        "MobileNetV2",
        2018,
        _V2,
        "Made for phones: small, quick, and very good when the convolutions stay frozen.",
        Weights("MobileNet_V2_Weights.IMAGENET1K_V1"),
        # On six sets, three seeds: 0.86, where the usual rule for big networks gives 0.83.
        fine_tuning=FineTuning(freeze="block4", head_lr=2e-3, stage_ratio=0.5),
    ),
    Card(
        "mobilenet_v3_small",
        "MobileNetV3 small",
        2019,
        _V3,
        "Found by a search for speed: the least work per picture of all good networks here.",
        Weights("MobileNet_V3_Small_Weights.IMAGENET1K_V1"),
    ),
    Card(
        "mobilenet_v3_large",
        "MobileNetV3 large",
        2019,
        _V3,
        "The larger network of the same search, near ResNet-50 at a twentieth of the work.",
        Weights("MobileNet_V3_Large_Weights.IMAGENET1K_V1"),
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head.

    A stage is a group of blocks of one width, as in the papers' tables. V3 has a hidden layer in
    its classifier; it was trained on ImageNet, so it is the stage "hidden" and not the head.
    """
    from itertools import groupby

    from torch.nn import Module, Sequential

    from tl_core.backbones.chain import Chain, linear_head, pooled

    *blocks, final = network.features[1:]
    stages: dict[str, Module] = {"stem": network.features[0]}
    for number, (_, group) in enumerate(groupby(blocks, lambda block: block.out_channels), 1):
        stages[f"block{number}"] = Sequential(*group)
    stages["last"] = pooled(final)
    *hidden, linear = network.classifier
    if len(hidden) > 1:
        *layers, dropout = hidden
        stages["hidden"] = Sequential(*layers)
    else:
        (dropout,) = hidden
    if classes is None:
        return Chain(stages, Sequential(dropout, linear))
    return Chain(stages, linear_head(linear.in_features, classes, dropout.p))
