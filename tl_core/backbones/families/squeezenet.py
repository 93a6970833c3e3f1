"""SqueezeNet: fire modules, a network of a few megabytes.

Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, "SqueezeNet: AlexNet-level accuracy with 50x
fewer parameters" (2016).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_PAPER = "Iandola et al.: SqueezeNet: AlexNet-level Accuracy with 50x Fewer Parameters (2016)"

CARDS = (
    Card(
        "squeezenet1_1",
        "SqueezeNet 1.1",
        2016,
        _PAPER,
        "AlexNet's accuracy in 5 MB: the smallest download here.",
        Weights("SqueezeNet1_1_Weights.IMAGENET1K_V1"),
    ),
    Card(
        "squeezenet1_0",
        "SqueezeNet 1.0",
        2016,
        _PAPER,
        "The first SqueezeNet, with twice the work of version 1.1 for the same accuracy.",
        Weights("SqueezeNet1_0_Weights.IMAGENET1K_V1"),
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head.

    ImageNet's own head is a convolution, a ReLU and an average over the map. A ReLU on logits
    stops learning wherever it is below zero, so a new head averages first and is linear.
    """
    from torch.nn import Conv2d, Flatten, MaxPool2d, Module, Sequential

    from tl_core.backbones.chain import Chain, linear_head, pooled

    stages: dict[str, Module] = {"stem": Sequential(*network.features[:3])}
    last = "stem"
    for layer in network.features[3:]:
        if isinstance(layer, MaxPool2d):
            stages[last] = Sequential(stages[last], layer)
        else:
            last = f"fire{len(stages) + 1}"
            stages[last] = layer
    if classes is None:
        return Chain(stages, Sequential(network.classifier, Flatten(1)))
    convolution = next(layer for layer in network.classifier if isinstance(layer, Conv2d))
    stages[last] = pooled(stages[last])
    return Chain(stages, linear_head(convolution.in_channels, classes, dropout=0.2))
