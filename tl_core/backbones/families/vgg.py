"""VGG: blocks of 3x3 convolutions, each block half the width and height of the one before.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_PAPER = (
    "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition (2014)"
)


def _card(name: str, title: str, enum: str, story: str, contest: str | None = None) -> Card:
    weights = Weights(f"{enum}.IMAGENET1K_V1")
    return Card(name, title, 2014, _PAPER, story, weights, contest, convolutions="block5")


CARDS = (
    _card(
        "vgg11",
        "VGG-11",
        "VGG11_Weights",
        "The shallowest VGG: half the work of VGG-16, for two and a half points of accuracy.",
    ),
    _card(
        "vgg13",
        "VGG-13",
        "VGG13_Weights",
        "Two convolutions in every block: between VGG-11 and VGG-16.",
    ),
    _card(
        "vgg16",
        "VGG-16",
        "VGG16_Weights",
        "Nothing but small filters, stacked deep; heavy, and still a favourite to look inside.",
        "7.3 % top-5 error, second in 2014 (7 networks together)",
    ),
    _card(
        "vgg19",
        "VGG-19",
        "VGG19_Weights",
        "The deepest VGG; its features are the ones that style transfer made famous.",
    ),
    _card(
        "vgg16_bn",
        "VGG-16 with batch normalisation",
        "VGG16_BN_Weights",
        "VGG-16 with an invention of 2015 that keeps every layer's values in range: it learns "
        "faster.",
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head."""
    from torch.nn import Flatten, MaxPool2d, Module, Sequential

    from tl_core.backbones.chain import Chain, linear_head

    stages: dict[str, Module] = {}
    block = Sequential()
    for layer in network.features:
        block.append(layer)
        if isinstance(layer, MaxPool2d):
            stages[f"block{len(stages) + 1}"] = block
            block = Sequential()
    stages["fc6"] = Sequential(network.avgpool, Flatten(1), *network.classifier[:3])
    stages["fc7"] = network.classifier[3:6]
    linear = network.classifier[6]
    return Chain(stages, linear if classes is None else linear_head(linear.in_features, classes))
