"""Where batches come from: examples, their activations at a cut, and those that were kept.

The loop sees one thing only, a `Source`; it cannot tell a picture from an activation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tl_core.data.residence import free_memory, is_resident
from tl_core.training.cutcache import Entry
from tl_core.training.device import Device, halve, release_memory

Compute = Callable[[Tensor], Tensor]


class Source(Protocol):
    """Examples by number.

    Attributes:
        labels: `(N,)` int64 on the device.
        key: names the examples' content, order and way of varying: sources with one key give the
            same batches. Empty where nothing is known of it, and then nothing is kept.
    """

    labels: Tensor
    key: str

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Return inputs `(B, …)` for `indices` `(B,)`.

        `view` numbers a variation of the examples; `None` asks for them as they are.
        """


def eager(stages: nn.Sequential, shape: tuple[int, ...]) -> Compute:  # noqa: ARG001
    """Compute frozen stages as they stand; see `Inference`."""
    return stages.eval()


@dataclass(frozen=True)
class Inference:
    """How frozen stages are computed; they do not change as long as it is used.

    Attributes:
        name: what it is called in keys; another name may give other bits.
        build: makes what computes frozen stages from them and the shape of one input.
    """

    name: str = "eager"
    build: Callable[[nn.Sequential, tuple[int, ...]], Compute] = eager


class AtCut:
    """Activations at cuts, computed from a source by a frozen body when asked for.

    Args:
        source: of the body's inputs.
        body: the frozen stages; put into evaluation mode here, once and for good.
        device: to compute on.
        cuts: numbers of stages, ascending, the last of them all of the body's; `tiles` gives the
            activations at each, and how long each took is measured.
        inference: how to compute.
    """

    def __init__(
        self,
        source: Source,
        body: nn.Sequential,
        device: Device,
        cuts: Sequence[int] = (),
        inference: Inference | None = None,
    ) -> None:
        self.source, self.device = source, device
        self.labels, self.key, self.tile = source.labels, "", device.tile
        body.eval()
        self.parts = [body[a:b] for a, b in pairwise((0, *(cuts or (len(body),))))]
        self.seconds = [0.0] * len(self.parts)  # that computing took, up to each cut
        self._timed = bool(cuts)
        self._inference = inference or Inference()
        self._computing: list[Compute] = []

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Compute activations at the last cut."""
        return torch.cat([tile[-1] for tile in self.tiles(indices, view)])

    def tiles(self, indices: Tensor, view: int | None) -> Iterator[list[Tensor]]:
        """Compute activations at each cut, so many examples at a time as fit the memory well.

        A tile too large for the memory is halved, and stays so.

        Raises:
            UserError: one example alone exceeds the memory.
        """
        done = 0
        while done < len(indices):
            tile = indices[done : done + self.tile]
            try:
                found = self._compute(tile, view)
            except RuntimeError as error:
                self.tile = halve(self.tile, error)
            else:
                done += len(tile)
                yield found
                continue
            # Not in the handler: its exception keeps what the failed attempt had computed.
            release_memory(self.device.kind)

    @torch.no_grad()
    def _compute(self, tile: Tensor, view: int | None) -> list[Tensor]:
        began, found = time.perf_counter(), []
        with self.device.autocast():
            x = self.source.batch(tile, view)
            for index, part in enumerate(self.parts):
                if index == len(self._computing):
                    self._computing.append(self._inference.build(part, tuple(x.shape[1:])))
                x = self._computing[index](x)
                found.append(x.float())
                if self._timed and self.device.kind == "cuda":
                    torch.cuda.synchronize()
                self.seconds[index] += time.perf_counter() - began
        return found


class Kept:
    """Kept activations, used in turn; what could not be kept is computed when asked for.

    Args:
        at_cut: computes.
        entries: by the number of the variation, or one for the examples as they are (`None`).
        spent: seconds that computing took before.
    """

    def __init__(
        self, at_cut: AtCut, entries: Mapping[int | None, Entry | None], spent: float = 0.0
    ) -> None:
        self.labels, self.key, self.spent = at_cut.labels, "", spent
        self._at_cut = at_cut
        self._views = list(entries)
        self.entries = [entry for entry in entries.values() if entry is not None]
        whole = is_resident(self.bytes, free_memory(at_cut.device.torch))
        self._values = [
            None
            if entry is None
            else torch.from_numpy(entry.values).to(self.labels.device if whole else "cpu")
            for entry in entries.values()
        ]

    @property
    def bytes(self) -> int:
        """What the kept activations take."""
        return sum(entry.values.nbytes for entry in self.entries)

    @property
    def one_pass(self) -> float:
        """Seconds that computing the kept activations of every example took once."""
        return sum(entry.seconds for entry in self.entries) / len(self._views)

    def exact(self) -> NDArray[np.float32] | None:
        """Return the first variation of every example `(N, …)` if every bit of it is kept."""
        whole = [entry.values for entry in self.entries if entry.values.dtype == np.float32]
        return whole[0] if len(whole) == len(self._views) else None

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Look up the activations `(B, …)` in fp32; variations are used in turn."""
        turn = (view or 0) % len(self._views)
        values = self._values[turn]
        if values is None:
            return self._at_cut.batch(indices, self._views[turn])
        return values[indices.to(values.device)].to(self.labels.device).float()
