"""MNASNet: found by a search that timed every candidate on a phone.

Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile" (2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_PAPER = "Tan et al.: MnasNet: Platform-Aware Neural Architecture Search for Mobile (2018)"

CARDS = (
    Card(
        "mnasnet0_5",
        "MNASNet 0.5",
        2018,
        _PAPER,
        "Half as wide as 1.0: a third of the work, six points less accurate.",
        Weights("MNASNet0_5_Weights.IMAGENET1K_V1"),
    ),
    Card(
        "mnasnet1_0",
        "MNASNet 1.0",
        2018,
        _PAPER,
        "Designed by a program that measured every idea on a real phone.",
        Weights("MNASNet1_0_Weights.IMAGENET1K_V1"),
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head.

    A block is a group of layers of one width: first the separable convolution, then six stacks.
    """
    from torch.nn import Module

    from tl_core.backbones.chain import Chain, linear_head, pooled

    layers = network.layers
    stages: dict[str, Module] = {"stem": layers[:3], "block1": layers[3:8]}
    stages.update((f"block{number}", stack) for number, stack in enumerate(layers[8:14], 2))
    stages["last"] = pooled(layers[14:])
    dropout, linear = network.classifier
    if classes is None:
        return Chain(stages, network.classifier)
    return Chain(stages, linear_head(linear.in_features, classes, dropout.p))
