"""Where batches come from: examples, their activations at a cut, and those kept in memory.

The loop sees one thing only, a `Source`; it cannot tell a picture from an activation.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

import torch
from torch import Tensor, nn

from tl_core.errors import UserError
from tl_core.training.device import MEMORY_TOO_SMALL, Device, release_memory
from tl_core.training.events import Preparing


class Source(Protocol):
    """Examples by number.

    Attributes:
        labels: `(N,)` int64 on the device.
    """

    labels: Tensor

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Return inputs `(B, …)` for `indices` `(B,)`.

        `view` numbers a variation of the examples; `None` asks for them as they are.
        """


class AtCut:
    """Activations at the cut, computed from a source by a frozen body when asked for.

    Args:
        source: of the body's inputs.
        body: the frozen stages, put into evaluation mode here, or what computes the same.
        device: to compute on.
    """

    def __init__(self, source: Source, body: Callable[[Tensor], Tensor], device: Device) -> None:
        self.source, self.device = source, device
        self.body = body.eval() if isinstance(body, nn.Module) else body
        self.labels, self.tile = source.labels, device.tile

    @torch.no_grad()
    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Compute activations, a tile at a time; a tile too large for the memory is halved."""
        while True:
            try:
                with self.device.autocast():
                    tiles = [
                        self.body(self.source.batch(tile, view))
                        for tile in torch.split(indices, self.tile)
                    ]
                return torch.cat(tiles).float()
            except torch.OutOfMemoryError as error:
                if self.tile == 1:
                    raise UserError(MEMORY_TOO_SMALL) from error
                self.tile //= 2
            # Not in the handler: its exception keeps what the failed attempt had computed.
            release_memory(self.device)


class Kept:
    """Activations in memory: `views` variations of every example, or one as it is.

    Args:
        labels: `(N,)`.
        views: `(K, N, …)`.
    """

    def __init__(self, labels: Tensor, views: Tensor) -> None:
        self.labels, self.views = labels, views

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Look up the activations; variations are used in turn."""
        return self.views[(view or 0) % len(self.views), indices]


def keep(source: AtCut, views: int, what: str) -> Generator[Preparing, None, Kept]:
    """Compute a source's activations once and return the source that keeps them.

    Args:
        source: activations at a cut.
        views: variations to keep; 0 keeps the examples as they are.
        what: for the progress events.
    """
    count = len(source.labels)
    numbers: list[int | None] = list(range(views)) or [None]
    kept: Tensor | None = None
    for row, view in enumerate(numbers):
        for start in range(0, count, 64):
            indices = torch.arange(start, min(start + 64, count), device=source.labels.device)
            values = source.batch(indices, view)
            if kept is None:
                kept = values.new_empty((len(numbers), count, *values.shape[1:]))
            kept[row, indices] = values
            done = row * count + start + len(indices)
            yield Preparing(what, done, len(numbers) * count)
    assert kept is not None  # noqa: S101 (a split that is trained on has examples)
    return Kept(source.labels, kept)
