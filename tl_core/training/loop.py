"""The loop: for each epoch, for each batch: forward, loss, backward, step; then measure.

It trains the tail of a chain on whatever a source gives. It knows nothing of files, databases,
pages or pictures, and everything it has to say it says as events.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tl_core.errors import UserError
from tl_core.training.ahead import Ahead
from tl_core.training.device import (
    MEMORY_TOO_SMALL,
    Device,
    forget_peak_memory,
    halve,
    is_out_of_memory,
    peak_memory,
    release_memory,
    tune,
)
from tl_core.training.events import EpochEnded, Notice, Stepped
from tl_core.training.phases import Phase
from tl_core.training.schedule import build_optimizer, rate, set_rate
from tl_core.training.sources import Source
from tl_core.training.standing import Standing

STEPS_TO_COMPILE = 2000
_COMPILED = (
    "The network is being compiled for this GPU, as HEADSTART_COMPILE asks for; the first step "
    "may take a minute."
)


def run_phase(
    tail: nn.Sequential,
    train: Source,
    validation: Source,
    phase: Phase,
    device: Device,
    *,
    seed: int = 0,
    at: Standing | None = None,
) -> Generator[Stepped | EpochEnded | Notice, None, None]:
    """Train `tail` for one phase.

    Args:
        tail: stages after the cut and the head, on the device; changed in place.
        train: examples to learn from.
        validation: examples to measure on after each epoch.
        phase: how long and how fast.
        device: to train on.
        seed: of the order and of dropout; each epoch depends on (seed, phase, epoch) alone.
        at: where to begin, and where it then stands; the phase's beginning when left out.

    Raises:
        UserError: the loss is no longer a number, or one example alone exceeds the memory.
    """
    try:
        with Ahead(train, device) as source:
            yield from _train(tail, source, validation, phase, device, seed, at or Standing())
    finally:
        release_memory(device.kind)


def _train(
    tail: nn.Sequential,
    train: Ahead,
    validation: Source,
    phase: Phase,
    device: Device,
    seed: int,
    at: Standing,
) -> Iterator[Stepped | EpochEnded | Notice]:
    optimizer = build_optimizer(tail, phase, fused=device.kind != "mps")
    at.begin(tail, optimizer, device)
    pieces = _Pieces(at.pieces)
    count = len(train.labels)
    batches = batch_count(count, phase.batch_size)
    steps = phase.epochs * batches
    tune(device, steps)
    forget_peak_memory(device)
    network: nn.Module = tail
    if device.compiles and steps >= STEPS_TO_COMPILE:
        network = torch.compile(tail)  # type: ignore[assignment]
        yield Notice(_COMPILED)
    for epoch in range(at.epoch, phase.epochs):
        began = time.perf_counter()
        torch.manual_seed(_derive(seed, at.phase, epoch))
        order = torch.randperm(count).to(train.labels.device).tensor_split(batches)
        if pieces.count == 1:
            train.expect(order[at.step :], epoch)
        at.begin_epoch(device)
        tail.train()
        loss_sum, hits = at.sums  # views: what is added to them is added to the standing
        for step, indices in enumerate(order[at.step :], at.step):
            set_rate(optimizer, rate(phase.schedule, epoch * batches + step, steps))
            before = pieces.count
            loss, right = _step(network, optimizer, train, indices, epoch, device, pieces)
            if pieces.count > before:
                at.pieces = pieces.count
                yield Notice(_smaller(device, len(indices), pieces.count))
            loss_sum += loss * len(indices)
            hits += right
            at.step = step + 1
            # Reading a value waits for the GPU, so it is read only where waiting costs nothing.
            shown = float(loss) if device.kind == "cpu" or step == batches - 1 else None
            if shown is not None and not math.isfinite(shown):
                raise UserError(_diverged(at.epochs + 1, phase))
            yield Stepped(at.epochs + 1, step + 1, batches, shown, len(indices))
        if not math.isfinite(float(loss_sum)):
            raise UserError(_diverged(at.epochs + 1, phase))
        measured = evaluate(tail, validation, device, max(1, phase.batch_size // pieces.count))
        if not math.isfinite(measured.loss):
            raise UserError(_diverged(at.epochs + 1, phase))
        ended = EpochEnded(
            phase=at.phase,
            epoch=at.epochs + 1,
            train_loss=float(loss_sum) / count,
            train_accuracy=float(hits) / count,
            validation_loss=measured.loss,
            validation_accuracy=measured.accuracy,
            lr=phase.head_lr * rate(phase.schedule, (epoch + 1) * batches - 1, steps),
            seconds=time.perf_counter() - began,
            examples=count,
            peak_memory=peak_memory(device),
        )
        at.end_epoch()
        yield ended


def _step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: Source,
    indices: Tensor,
    epoch: int,
    device: Device,
    pieces: _Pieces,
) -> tuple[Tensor, Tensor]:
    """Learn from one batch, in as many pieces as the memory asks for; return loss and hits."""
    while True:
        try:
            loss, hits = _learn(network, optimizer, train, pieces.of(indices), epoch, device)
        except RuntimeError as error:
            pieces.halve(len(indices), error)
        else:
            return loss, hits
        # Not in the handler: its exception keeps what the failed attempt had computed.
        release_memory(device.kind)


def _learn(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: Source,
    pieces: Sequence[Tensor],
    epoch: int,
    device: Device,
) -> tuple[Tensor, Tensor]:
    count = sum(map(len, pieces))
    loss, hits = torch.zeros(2, device=device.torch)
    optimizer.zero_grad(set_to_none=True)
    for piece in pieces:
        inputs, labels = train.batch(piece, epoch), train.labels[piece]
        with device.autocast():
            logits = network(inputs)
        part = cross_entropy(logits.float(), labels) * (len(piece) / count)
        part.backward()  # type: ignore[no-untyped-call]
        loss += part.detach()
        hits += (logits.detach().argmax(1) == labels).sum()
    optimizer.step()
    return loss, hits


@dataclass
class _Pieces:
    """In how many pieces a batch is computed; grows when the memory is full."""

    count: int = 1

    def of(self, indices: Tensor) -> Sequence[Tensor]:
        if self.count == 1:
            return [indices]  # the very tensor that was expected
        return indices.tensor_split(min(self.count, len(indices)))

    def halve(self, batch: int, error: RuntimeError) -> None:
        if not is_out_of_memory(error):
            raise error
        if self.count * 2 > batch:
            raise UserError(MEMORY_TOO_SMALL) from error
        self.count *= 2


@dataclass(frozen=True)
class Measured:
    """Mean loss and share of right answers over a source."""

    loss: float
    accuracy: float


def evaluate(tail: nn.Sequential, source: Source, device: Device, batch_size: int) -> Measured:
    """Measure a tail on every example of a source exactly once, in batches that fit the memory.

    Raises:
        UserError: one example alone exceeds the memory.
    """
    while True:
        try:
            return _measure(tail, source, device, batch_size)
        except RuntimeError as error:
            batch_size = halve(batch_size, error)
        release_memory(device.kind)


@torch.no_grad()
def _measure(tail: nn.Sequential, source: Source, device: Device, batch_size: int) -> Measured:
    tail.eval()
    loss, hits = torch.zeros(2, device=device.torch)
    count = len(source.labels)
    for indices in torch.split(torch.arange(count, device=source.labels.device), batch_size):
        with device.autocast():
            logits = tail(source.batch(indices, None)).float()
        labels = source.labels[indices]
        loss += cross_entropy(logits, labels, reduction="sum")
        hits += (logits.argmax(1) == labels).sum()
    return Measured(float(loss) / count, float(hits) / count)


def batch_count(examples: int, batch_size: int) -> int:
    """Return how many nearly equal batches an epoch has; none is left with one example.

    BatchNorm cannot learn from a single example, and 33 examples in batches of 32 would leave one.

    >>> batch_count(33, 32), batch_count(64, 32), batch_count(3, 2)
    (2, 2, 1)
    """
    return max(1, min(math.ceil(examples / batch_size), examples // 2))


def _derive(seed: int, phase: int, epoch: int) -> int:
    return (seed * 1_000_003 + phase * 10_007 + epoch) % 2**63


def _smaller(device: Device, batch: int, pieces: int) -> str:
    return (
        f"The memory of {device.title} was full, so each step now takes {math.ceil(batch / pieces)}"
        f" pictures at a time ({pieces} pieces of the batch); the result stays comparable."
    )


def _diverged(epoch: int, phase: Phase) -> str:
    return (
        f"Training stopped in epoch {epoch} because the loss was no longer a number: the steps "
        f"were too large. Start again with a smaller learning rate, for example "
        f"{phase.head_lr / 10:g}."
    )
