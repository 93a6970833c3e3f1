"""RegNet: a whole family of networks from one short formula for widths and depths.

Radosavovic, Kosaraju, Girshick, He and Dollár, "Designing Network Design Spaces" (2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights

if TYPE_CHECKING:
    from torch import nn

    from tl_core.backbones.chain import Chain

_PAPER = "Radosavovic, Kosaraju, Girshick, He, Dollár: Designing Network Design Spaces (2020)"


def _card(size: str, title: str, story: str) -> Card:
    weights = Weights(f"RegNet_Y_{size.upper()}_Weights.IMAGENET1K_V1")
    return Card(f"regnet_y_{size}", f"RegNetY {title}", 2020, _PAPER, story, weights)


CARDS = (
    _card("400mf", "400MF", "ResNet-34's accuracy for a ninth of its work."),
    _card("800mf", "800MF", "ResNet-50's accuracy for a fifth of its work."),
    _card("1_6gf", "1.6GF", "Twice the work of 800MF, for a point and a half more accuracy."),
    _card(
        "3_2gf",
        "3.2GF",
        "The largest RegNet here, a little ahead of ResNet-152 for a third of its work.",
    ),
)


def build(name: str) -> nn.Module:
    """Build torchvision's network `name` with random weights.

    Its widths come from a small torch computation, which needs a device that holds values; built
    there, the network moves to the device that was asked for.
    """
    import torch
    from torchvision import models

    with torch.device("cpu"):
        network: nn.Module = getattr(models, name)(weights=None)
    return network.to(torch.get_default_device())


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head."""
    from torch.nn import Module

    from tl_core.backbones.chain import Chain, linear_head, pooled

    stages: dict[str, Module] = {"stem": network.stem}
    stages.update(network.trunk_output.named_children())
    *_, last = stages
    stages[last] = pooled(stages[last])
    head = network.fc if classes is None else linear_head(network.fc.in_features, classes)
    return Chain(stages, head)
