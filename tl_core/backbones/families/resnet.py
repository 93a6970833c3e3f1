"""ResNet and its relatives: a stem and four layers of residual blocks.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition" (2015).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_RESNET = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2015)"
_RESNEXT = "Xie, Girshick, Dollár, Tu, He: Aggregated Residual Transformations (2016)"
_WIDE = "Zagoruyko, Komodakis: Wide Residual Networks (2016)"


def _card(name: str, title: str, enum: str, story: str, contest: str | None = None) -> Card:
    # Version 1 throughout: the label smoothing of later recipes makes frozen features worse
    # (Kornblith et al., "Do Better ImageNet Models Transfer Better?", 2019).
    return Card(name, title, 2015, _RESNET, story, Weights(f"{enum}.IMAGENET1K_V1"), contest)


CARDS = (
    _card(
        "resnet18",
        "ResNet-18",
        "ResNet18_Weights",
        "A good first choice: small, quick, and strong on most photos.",
    ),
    _card(
        "resnet34",
        "ResNet-34",
        "ResNet34_Weights",
        "Twice as deep as ResNet-18, a little more accurate, half as quick.",
    ),
    _card(
        "resnet50",
        "ResNet-50",
        "ResNet50_Weights",
        "The network that most of the field measures itself against.",
    ),
    _card(
        "resnet101",
        "ResNet-101",
        "ResNet101_Weights",
        "A hundred layers deep, trainable because each block may pass its input through.",
    ),
    _card(
        "resnet152",
        "ResNet-152",
        "ResNet152_Weights",
        "Shortcuts around every block made 152 layers trainable and won the challenge of 2015.",
        "3.57 % top-5 error, winner of 2015 (an ensemble of ResNets)",
    ),
    Card(
        "resnext50_32x4d",
        "ResNeXt-50",
        2016,
        _RESNEXT,
        "A ResNet whose blocks work in 32 parallel groups.",
        Weights("ResNeXt50_32X4D_Weights.IMAGENET1K_V1"),
    ),
    Card(
        "wide_resnet50_2",
        "Wide ResNet-50",
        2016,
        _WIDE,
        "A ResNet-50 with blocks twice as wide: more to remember, less depth needed.",
        Weights("Wide_ResNet50_2_Weights.IMAGENET1K_V1"),
    ),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head."""
    from torch.nn import Sequential

    from tl_core.backbones.chain import Chain, linear_head, pooled

    stages = {
        "stem": Sequential(network.conv1, network.bn1, network.relu, network.maxpool),
        "layer1": network.layer1,
        "layer2": network.layer2,
        "layer3": network.layer3,
        "layer4": pooled(network.layer4),
    }
    head = network.fc if classes is None else linear_head(network.fc.in_features, classes)
    return Chain(stages, head)
