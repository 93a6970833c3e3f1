"""DenseNet: every layer sees the output of all layers before it.

Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks" (2016).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build", "rename"]

_PAPER = "Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks (2016)"


def _card(depth: int, story: str) -> Card:
    weights = Weights(f"DenseNet{depth}_Weights.IMAGENET1K_V1")
    return Card(f"densenet{depth}", f"DenseNet-{depth}", 2016, _PAPER, story, weights)


CARDS = (
    _card(121, "Hands every layer's findings to all later ones: much from 8 million parameters."),
    _card(161, "The widest DenseNet here, and the most accurate."),
    _card(169, "DenseNet-121 with longer third and fourth blocks."),
    _card(201, "Two hundred layers, and still fewer parameters than ResNet-50."),
)


def rename(name: str) -> str:
    """Return today's name of a tensor in the published files, which say `norm.1` for `norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", name)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head.

    The transition that shrinks a block's output belongs to that block.
    """
    from torch.nn import Module, ReLU, Sequential

    from tl_core.backbones.chain import Chain, linear_head, pooled

    layers = network.features
    stages: dict[str, Module] = {
        "stem": Sequential(layers.conv0, layers.norm0, layers.relu0, layers.pool0),
        "block1": Sequential(layers.denseblock1, layers.transition1),
        "block2": Sequential(layers.denseblock2, layers.transition2),
        "block3": Sequential(layers.denseblock3, layers.transition3),
        "block4": pooled(Sequential(layers.denseblock4, layers.norm5, ReLU(inplace=True))),
    }
    linear = network.classifier
    return Chain(stages, linear if classes is None else linear_head(linear.in_features, classes))
