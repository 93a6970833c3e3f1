"""MaxViT: convolutions, then attention within windows and across a sparse grid.

Tu, Talebi, Zhang, Yang, Milanfar, Bovik and Li, "MaxViT: Multi-Axis Vision Transformer" (2022).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

CARDS = (
    Card(
        "maxvit_t",
        "MaxViT tiny",
        2022,
        "Tu et al.: MaxViT: Multi-Axis Vision Transformer (2022)",
        "Convolutions for what is near, attention for what is far apart, in every block.",
        Weights("MaxVit_T_Weights.IMAGENET1K_V1"),
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head.

    The classifier's hidden layer was trained on ImageNet, so it is the stage "hidden".
    """
    from torch.nn import Module, Sequential

    from tl_core.backbones.chain import Chain, linear_head

    stages: dict[str, Module] = {"stem": network.stem}
    stages.update((f"block{number}", block) for number, block in enumerate(network.blocks, 1))
    pool, flat, *hidden, linear = network.classifier
    *_, last = stages
    stages[last] = Sequential(stages[last], pool, flat)
    stages["hidden"] = Sequential(*hidden)
    return Chain(stages, linear if classes is None else linear_head(linear.in_features, classes))
