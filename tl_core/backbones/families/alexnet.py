"""AlexNet: five convolutions, then three dense layers.

torchvision's version is the one-tower network of Krizhevsky's "One weird trick for parallelizing
convolutional neural networks" (2014): 64 first filters, no response normalisation.
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
        "alexnet",
        "AlexNet",
        2012,
        "Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural "
        "Networks (2012)",
        "Cut the challenge's error from 26 to 16 percent in 2012, and deep learning took off.",
        Weights("AlexNet_Weights.IMAGENET1K_V1"),
        contest="16.42 % top-5 error, winner of 2012 (15.32 % with extra data)",
        convolutions="conv5",
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head."""
    from torch.nn import Conv2d, Flatten, Sequential

    from tl_core.backbones.chain import Chain, linear_head

    stages: dict[str, Sequential] = {}
    for layer in network.features:
        if isinstance(layer, Conv2d):
            name = f"conv{len(stages) + 1}"
            stages[name] = Sequential()
        stages[name].append(layer)
    stages["fc6"] = Sequential(network.avgpool, Flatten(1), *network.classifier[:3])
    stages["fc7"] = network.classifier[3:6]
    linear = network.classifier[6]
    return Chain(stages, linear if classes is None else linear_head(linear.in_features, classes))
