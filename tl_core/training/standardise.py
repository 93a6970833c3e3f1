"""What a new head sees, centred and scaled; what it learned, taken back to the raw features.

Backbones hand over features of very different size: those of one are 30 times those of another.
AdamW moves every weight by about the learning rate whatever the features' size, so that one rate is
too slow for some backbones and too fast for others. On standardised features one rate suits all.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tl_core.training.events import Preparing
from tl_core.training.ridge import solve_head
from tl_core.training.sources import Source

_TILE = 32
SOLVED_FROM = 2000  # examples at most: a decomposition takes seconds, and the head learns on
_ROUNDING = 1e-6  # of a feature's size: what lies closer together differs by rounding alone


@dataclass(frozen=True)
class Scale:
    """Where features lie and how far they spread.

    Attributes:
        mean: `(F,)`.
        spread: `(F,)`, above zero.
    """

    mean: Tensor
    spread: Tensor


def measure_scale(tail: nn.Sequential, source: Source) -> Generator[Preparing, None, Scale | None]:
    """Measure the features `(N, F)` of a source's first variation for a tail that is a linear head.

    The spread of each is taken half from itself and half from all together: from ten pictures one
    feature's own is a guess, and a feature that was silent in them is not to become the loudest.

    Yields:
        How far it is, because features that are not kept are computed for this.

    Returns:
        The scale; `None` for any other tail, which learns on what it is given.
    """
    if _only_linear(tail) is None:
        return None
    count, done = len(source.labels), 0
    total = squares = torch.zeros((), dtype=torch.float64)
    for indices in torch.split(torch.arange(count, device=source.labels.device), _TILE):
        features = source.batch(indices, 0).cpu().double()
        total = total + features.sum(0)
        squares = squares + features.square().sum(0)
        done += len(indices)
        yield Preparing(
            "Measuring what the frozen stages make of the training pictures", done, count
        )
    device = source.labels.device
    scale = scale_of(total / count, squares / count)
    return Scale(scale.mean.to(device), scale.spread.to(device))


def scale_of(mean: Tensor, square: Tensor) -> Scale:
    """Return the scale of features whose mean and mean square are given `(F,)`, in float64."""
    variance = (square - mean.square()).clamp(min=0)
    spread = ((variance + variance.mean()) / 2).sqrt()
    noise = _ROUNDING * square.mean().sqrt()
    spread = torch.where(spread > noise, spread, torch.ones_like(spread))
    return Scale(mean.float(), spread.float())


class Standardised:
    """A source whose features `(B, F)` are centred and scaled.

    Args:
        source: of features.
        scale: theirs.
    """

    def __init__(self, source: Source, scale: Scale) -> None:
        self.source, self.scale = source, scale
        self.labels, self.key = source.labels, ""

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Return the features, standardised."""
        features = self.source.batch(indices, view)
        return (features - self.scale.mean) / self.scale.spread


@contextmanager
def standardised(
    tail: nn.Sequential,
    scale: Scale | None,
    train: Source,
    validation: Source,
    *,
    solve: bool = False,
) -> Iterator[tuple[Source, Source]]:
    """Let a tail that is a linear head learn on standardised features.

    Going in and coming out change the layer's numbers and not its answers, so outside there is
    nothing to know of it.

    Args:
        tail: what learns; its linear layer is changed in place.
        scale: from `measure_scale`; with `None` the tail learns on what it is given.
        train: what it learns from.
        validation: what it is measured on.
        solve: give the layer its solution in closed form to begin with; see `solve_head`.

    Yields:
        The two sources to learn from and to measure on.
    """
    linear = _only_linear(tail)
    if linear is None or scale is None:
        yield train, validation
        return
    to_standardised(linear, scale)
    try:
        learnt = Standardised(train, scale)
        if solve:
            begin_solved(linear, *_first_variation(learnt))
        yield learnt, Standardised(validation, scale)
    finally:
        to_raw(linear, scale)


def _only_linear(tail: nn.Sequential) -> nn.Linear | None:
    """Return the linear layer of a tail that is dropout and one linear layer, or `None`."""
    layers = [layer for layer in tail.modules() if not list(layer.children())]
    learning = [layer for layer in layers if not isinstance(layer, nn.Dropout)]
    only = learning[0] if len(learning) == 1 else None
    return only if isinstance(only, nn.Linear) else None


def _first_variation(source: Source) -> tuple[Tensor, Tensor]:
    """Return features `(n, F)` and labels of the examples that a solution is computed from."""
    chosen = spread_out(source.labels)
    tiles = [source.batch(indices, 0).cpu() for indices in torch.split(chosen, _TILE)]
    return torch.cat(tiles), source.labels[chosen].cpu()


def spread_out(labels: Tensor) -> Tensor:
    """Return which examples to solve from: all, or as many of each class as its share allows.

    >>> spread_out(torch.tensor([1, 0, 1])).tolist()
    [0, 1, 2]
    """
    count, most = len(labels), min(len(labels), SOLVED_FROM)
    by_class = torch.argsort(labels, stable=True)
    evenly = torch.arange(most, device=labels.device) * count // most
    return by_class[evenly].sort().values


@torch.no_grad()
def begin_solved(linear: nn.Linear, features: Tensor, labels: Tensor) -> None:
    """Let a layer begin with its solution in closed form on features `(N, F)`."""
    weight, bias = solve_head(features, labels, linear.out_features)
    linear.weight.copy_(weight)
    linear.bias.copy_(bias)


@torch.no_grad()
def to_standardised(linear: nn.Linear, scale: Scale) -> None:
    """Let a layer give on standardised features what it gave on the raw ones."""
    linear.bias.add_(linear.weight @ scale.mean)
    linear.weight.mul_(scale.spread)


@torch.no_grad()
def to_raw(linear: nn.Linear, scale: Scale) -> None:
    """Let a layer give on raw features what it gave on the standardised ones."""
    linear.weight.div_(scale.spread)
    linear.bias.sub_(linear.weight @ scale.mean)
