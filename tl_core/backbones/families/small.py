"""A small residual network that always starts from scratch: what learning without a head start is.

Four basic blocks as in He et al. (2015), 1.2 million parameters, for pictures of 64 px.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Preprocessing

if TYPE_CHECKING:
    from torch import nn

    from tl_core.backbones.chain import Chain

CARDS = (
    Card(
        "small",
        "Small network from scratch",
        2015,
        "Basic blocks of He et al.: Deep Residual Learning for Image Recognition (2015)",
        "Knows nothing yet: needs no download, learns small pictures such as digits quickly.",
        weights=None,
        preprocessing=Preprocessing(size=64, resize=64, mean=(0.5,) * 3, std=(0.25,) * 3),
    ),
)

_WIDTHS = (32, 64, 128, 256)


def build(name: str) -> nn.Module:  # noqa: ARG001 (a family of one)
    """Build the network with random weights, as a `ModuleDict` of its stages."""
    from torch.nn import BatchNorm2d, Conv2d, ModuleDict, ReLU, Sequential
    from torchvision.models.resnet import BasicBlock

    def stage(inputs: int, width: int, stride: int) -> nn.Module:
        shortcut = None
        if stride != 1 or inputs != width:
            shortcut = Sequential(Conv2d(inputs, width, 1, stride, bias=False), BatchNorm2d(width))
        block: nn.Module = BasicBlock(inputs, width, stride, shortcut)
        return block

    stages: dict[str, nn.Module] = {
        "stem": Sequential(
            Conv2d(3, _WIDTHS[0], 3, 2, 1, bias=False), BatchNorm2d(_WIDTHS[0]), ReLU(inplace=True)
        )
    }
    inputs = _WIDTHS[0]
    for number, width in enumerate(_WIDTHS, 1):
        stages[f"layer{number}"] = stage(inputs, width, 1 if number == 1 else 2)
        inputs = width
    return ModuleDict(stages)


def assemble(network: Any, classes: int | None) -> Chain:
    """Chain the stages; without `classes` the head has the two outputs of the smallest task."""
    from tl_core.backbones.chain import Chain, linear_head, pooled

    stages = dict(network.named_children())
    stages["layer4"] = pooled(stages["layer4"])
    return Chain(stages, linear_head(_WIDTHS[-1], classes or 2))
