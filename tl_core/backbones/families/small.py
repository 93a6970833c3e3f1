"""A small residual network that always starts from scratch: what learning without a head start is.

Four basic blocks as in He et al. (2015), 1.2 million parameters, for pictures of 64 px.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.blocks import basic_block, convolution
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
    from torch.nn import ModuleDict

    stages: dict[str, nn.Module] = {"stem": convolution(3, _WIDTHS[0], kernel=3, stride=2)}
    inputs = _WIDTHS[0]
    for number, width in enumerate(_WIDTHS, 1):
        stages[f"layer{number}"] = basic_block(inputs, width, 1 if number == 1 else 2)
        inputs = width
    return ModuleDict(stages)


def assemble(network: Any, classes: int | None) -> Chain:
    """Chain the stages; without `classes` the head has the two outputs of the smallest task."""
    from tl_core.backbones.chain import Chain, linear_head, pooled

    stages = dict(network.named_children())
    stages["layer4"] = pooled(stages["layer4"])
    return Chain(stages, linear_head(_WIDTHS[-1], classes or 2))
