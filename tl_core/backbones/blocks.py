"""The layers that our own small residual networks are made of (He et al., 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def convolution(inputs: int, width: int, kernel: int, stride: int) -> nn.Module:
    """Return a convolution from `inputs` to `width` maps, normalised, then a ReLU."""
    from torch.nn import BatchNorm2d, Conv2d, ReLU, Sequential

    return Sequential(
        Conv2d(inputs, width, kernel, stride, kernel // 2, bias=False),
        BatchNorm2d(width),
        ReLU(inplace=True),
    )


def basic_block(inputs: int, width: int, stride: int) -> nn.Module:
    """Return torchvision's basic block, with a shortcut of its own where the shape changes."""
    from torch.nn import BatchNorm2d, Conv2d, Sequential
    from torchvision.models.resnet import BasicBlock

    shortcut = None
    if stride != 1 or inputs != width:
        shortcut = Sequential(Conv2d(inputs, width, 1, stride, bias=False), BatchNorm2d(width))
    block: nn.Module = BasicBlock(inputs, width, stride, shortcut)
    return block
