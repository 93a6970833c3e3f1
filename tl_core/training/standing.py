"""Where a training stands between two of its events: all that it needs to go on, to the bit."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn

from tl_core.training.best import Best
from tl_core.training.checkpoint import Checkpoint, optimizer_tensors, restore_optimizer
from tl_core.training.device import Device

FORMAT = 1
_COUNTS = ("phase", "epoch", "step", "epochs", "pieces")


class Standing:
    """Kept up to date by `fit` and the loop; copied by `capture`; taken up again by `of`.

    Attributes:
        phase: index of the phase.
        epoch: epochs of the phase that have ended.
        step: steps of the epoch that have been taken.
        epochs: epochs that have ended, over all phases.
        pieces: in how many pieces a batch is computed, because the memory asks for it.
        best: the best epoch.
        sums: `(2,)`, on the device: the epoch's loss times examples, and its right answers.
    """

    def __init__(self) -> None:
        self.phase = self.epoch = self.step = self.epochs = 0
        self.pieces = 1
        self.best = Best()
        self.sums = torch.zeros(2)
        self._tail: nn.Module | None = None
        self._optimizer: torch.optim.Optimizer | None = None
        self._saved: dict[str, Tensor] | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """Return where a training stood.

        Raises:
            KeyError, ValueError: another version wrote the checkpoint.
        """
        facts, at = checkpoint.facts["standing"], cls()
        if facts["format"] != FORMAT:
            raise ValueError(f"a checkpoint of format {facts['format']}")
        for name in _COUNTS:
            setattr(at, name, int(facts[name]))
        at.best.rank, at.best.rank_in_phase = tuple(facts["rank"]), tuple(facts["rank_in_phase"])
        at.best.stale = int(facts["stale"])
        at.best.state = _named(checkpoint.tensors, "best.")
        at._saved = checkpoint.tensors
        return at

    @property
    def goes_on(self) -> bool:
        """Whether it stands where it was taken up, and has not begun again."""
        return self._saved is not None

    @property
    def can_be_captured(self) -> bool:
        """Whether a phase is under way."""
        return self._tail is not None

    def begin(self, tail: nn.Module, optimizer: torch.optim.Optimizer, device: Device) -> None:
        """Begin a phase with this tail and optimizer, or go on with it where it stood."""
        self._tail, self._optimizer = tail, optimizer
        self.sums = torch.zeros(2, device=device.torch)
        if self._saved is not None:
            tail.load_state_dict(_named(self._saved, "tail."))
            restore_optimizer(optimizer, self._saved)
            self.sums.copy_(self._saved["sums"])

    def begin_epoch(self, device: Device) -> None:
        """Take up the random numbers where they were, after those of the epoch's beginning."""
        if self._saved is not None and self.step:
            _restore_random(self._saved, device)
        self._saved = None

    def end_epoch(self) -> None:
        """Count an epoch that has been measured."""
        self.epoch, self.step, self.epochs = self.epoch + 1, 0, self.epochs + 1
        self.sums = torch.zeros_like(self.sums)

    def end_phase(self) -> None:
        """Stand before the next phase."""
        self.phase, self.epoch, self.step = self.phase + 1, 0, 0
        self._tail = self._optimizer = self._saved = None

    def let_go(self) -> None:
        """Forget what only going on would need: nothing does, once all phases are over."""
        self._tail = self._optimizer = self._saved = None
        self.best.state = {}

    def capture(
        self, facts: dict[str, Any] | None = None, *, ended: bool, device: Device
    ) -> Checkpoint:
        """Copy everything, so that training can go on while the copy is written.

        Args:
            facts: plain values to keep with it.
            ended: whether the phase is over, so that only its best epoch still matters.
            device: that trains.
        """
        assert self._tail is not None  # noqa: S101 (see `can_be_captured`)
        assert self._optimizer is not None  # noqa: S101
        tensors = {f"best.{name}": tensor.cpu() for name, tensor in self.best.state.items()}
        if not ended:
            live = {f"tail.{name}": tensor for name, tensor in self._tail.state_dict().items()}
            live |= optimizer_tensors(self._optimizer) | {"sums": self.sums}
            tensors |= {name: _copy(tensor) for name, tensor in live.items()}
            tensors |= _random(device)
        return Checkpoint(tensors, (facts or {}) | {"standing": self._facts()})

    def _facts(self) -> dict[str, Any]:
        best = self.best
        return {
            "format": FORMAT,
            **{name: getattr(self, name) for name in _COUNTS},
            "rank": best.rank,
            "rank_in_phase": best.rank_in_phase,
            "stale": best.stale,
        }


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)


def _named(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _random(device: Device) -> dict[str, Tensor]:
    """Return the state of the generators that dropout and its kin draw from."""
    found = {"random.cpu": torch.get_rng_state()}
    if device.kind == "cuda":
        found["random.cuda"] = torch.cuda.get_rng_state()
    if device.kind == "mps":
        found["random.mps"] = torch.mps.get_rng_state()
    return found


def _restore_random(saved: dict[str, Tensor], device: Device) -> None:
    torch.set_rng_state(saved["random.cpu"])
    if device.kind == "cuda" and "random.cuda" in saved:
        torch.cuda.set_rng_state(saved["random.cuda"])
    if device.kind == "mps" and "random.mps" in saved:
        torch.mps.set_rng_state(saved["random.mps"])
