"""Swin transformer: attention inside windows that shift from layer to layer.

Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows" (2021) and
"Swin Transformer V2: Scaling Up Capacity and Resolution" (2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_V1 = "Liu et al.: Swin Transformer: Hierarchical Vision Transformer using Shifted Windows (2021)"
_V2 = "Liu et al.: Swin Transformer V2: Scaling Up Capacity and Resolution (2021)"

CARDS = (
    Card(
        "swin_t",
        "Swin tiny",
        2021,
        _V1,
        "A transformer that looks within small windows first and widens its view layer by layer.",
        Weights("Swin_T_Weights.IMAGENET1K_V1"),
    ),
    Card(
        "swin_s",
        "Swin small",
        2021,
        _V1,
        "Swin tiny with a third stage three times as deep.",
        Weights("Swin_S_Weights.IMAGENET1K_V1"),
    ),
    Card(
        "swin_v2_t",
        "Swin V2 tiny",
        2021,
        _V2,
        "The second version, steadier in training, for pictures of 256 pixels.",
        Weights("Swin_V2_T_Weights.IMAGENET1K_V1"),
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head.

    The layer that merges neighbouring patches belongs to the stage that it feeds.
    """
    from torch.nn import Module, Sequential

    from tl_core.backbones.chain import Chain, linear_head

    patches, stage1, *rest = network.features
    stages: dict[str, Module] = {"patches": patches, "stage1": stage1}
    for number, (merge, blocks) in enumerate(zip(rest[::2], rest[1::2], strict=True), 2):
        stages[f"stage{number}"] = Sequential(merge, blocks)
    stages["stage4"] = Sequential(
        stages["stage4"], network.norm, network.permute, network.avgpool, network.flatten
    )
    linear = network.head
    return Chain(stages, linear if classes is None else linear_head(linear.in_features, classes))
