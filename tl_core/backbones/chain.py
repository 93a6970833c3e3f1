"""A network as a chain of named stages, and freezing as a cut in that chain.

Stages before the cut are the *body*: no gradient, evaluation mode, bit-identical after training.
Stages after it and the *head* are the *tail*: they learn. Nothing here knows what the input is;
a picture and a sentence pass through a chain alike.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Self

from torch import Tensor, nn

from tl_core.backbones.card import resolve_cut


class Chain(nn.Module):
    """Named stages, then a head.

    The last stage ends in a feature vector `(N, F)` wherever a new head was fitted, so that what
    a frozen body hands over is as small as it can be.

    Args:
        stages: name to module, first to last.
        head: turns the last stage's output into logits `(N, classes)`.
    """

    def __init__(self, stages: Mapping[str, nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(stages)
        self.head = head
        self.frozen = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stages, first to last."""
        return tuple(self.stages)

    def cut(self, where: int | str) -> int:
        """Return the number of frozen stages that `where` means; see `resolve_cut`."""
        return resolve_cut(self.names, where)

    def body(self, cut: int) -> nn.Sequential:
        """Return the stages before the cut, sharing their weights with this chain."""
        return nn.Sequential(OrderedDict(list(self.stages.items())[:cut]))

    def tail(self, cut: int) -> nn.Sequential:
        """Return the stages after the cut and the head, sharing their weights."""
        return nn.Sequential(OrderedDict([*list(self.stages.items())[cut:], ("head", self.head)]))

    def freeze(self, where: int | str) -> Self:
        """Freeze every stage before the cut and let everything after it learn.

        Frozen stages also leave training mode: with gradients off alone, BatchNorm's running
        statistics would go on drifting (pytorch issue 86590).
        """
        self.frozen = self.cut(where)
        for index, stage in enumerate(self.stages.values()):
            stage.requires_grad_(index >= self.frozen)
        self.head.requires_grad_(True)
        return self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the tail's mode; the body stays in evaluation mode whatever is asked."""
        super().train(mode)
        for stage in list(self.stages.values())[: self.frozen]:
            stage.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits `(N, classes)`."""
        for stage in self.stages.values():
            x = stage(x)
        logits: Tensor = self.head(x)
        return logits


class FixedStatistics(nn.Sequential):
    """Stages whose BatchNorm normalises by the running statistics it came with, in training too.

    Its weights and biases learn. The statistics of a few small batches are a poor guess at those of
    millions of pictures: letting them in at once throws away what the stages know.
    """

    @classmethod
    def of(cls, tail: nn.Sequential) -> Self:
        """Return the same named stages, sharing their weights."""
        return cls(OrderedDict(tail.named_children()))

    def train(self, mode: bool = True) -> Self:
        """Set the mode of everything else."""
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.eval()
        return self


def pooled(features: nn.Module) -> nn.Sequential:
    """Return a last stage whose feature map `(N, F, h, w)` is averaged to a vector `(N, F)`."""
    return nn.Sequential(
        OrderedDict(features=features, pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(1))
    )


def linear_head(features: int, classes: int, dropout: float = 0.0) -> nn.Sequential:
    """Return a new head: dropout, then one linear layer from `(N, features)` to logits."""
    return nn.Sequential(
        OrderedDict(dropout=nn.Dropout(dropout), linear=nn.Linear(features, classes))
    )
