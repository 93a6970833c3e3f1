"""The best epoch of a training so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from tl_core.training.events import EpochEnded

_NONE = (-1.0, 0.0)  # ranks below every epoch


class Best:
    """The best epoch so far: higher validation accuracy, then lower validation loss.

    Patience is counted within a phase: one that lets stages learn begins below the head that it
    was handed, and would be given up before it has caught up.

    Attributes:
        rank: of the best epoch.
        rank_in_phase: of the best one in this phase.
        stale: epochs of this phase since then.
        state: the tail as the best epoch left it; its tensors are never written to again.
    """

    def __init__(self) -> None:
        self.rank = self.rank_in_phase = _NONE
        self.stale = 0
        self.state: dict[str, Tensor] = {}

    @contextmanager
    def kept(self, tail: nn.Module, *, goes_on: bool = False) -> Iterator[None]:
        """Let a tail come out of a phase as its best epoch left it, or as it went in.

        Args:
            tail: of the phase.
            goes_on: whether the phase had begun before, and all this is known of it.
        """
        if not goes_on:
            self.state, self.stale, self.rank_in_phase = copied(tail), 0, _NONE
        try:
            yield
        finally:
            tail.load_state_dict(self.state)

    def offer(self, event: EpochEnded, tail: nn.Module) -> bool:
        """Look at an epoch that has ended; tell whether it is the best one."""
        rank = (event.validation_accuracy, -event.validation_loss)
        if rank > self.rank_in_phase:
            self.rank_in_phase, self.stale = rank, 0
        else:
            self.stale += 1
        if rank <= self.rank:
            return False
        self.rank, self.state = rank, copied(tail)
        return True


def copied(tail: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a module's state."""
    return {name: tensor.clone() for name, tensor in tail.state_dict().items()}
