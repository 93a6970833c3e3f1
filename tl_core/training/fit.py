"""A recipe from its first phase to its last, keeping the best epoch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.training.device import Device
from tl_core.training.events import EpochEnded, Event, PhaseStarted
from tl_core.training.loop import run_phase
from tl_core.training.phases import Phase, Plan
from tl_core.training.sources import AtCut, Source, keep
from tl_core.training.standardise import standardised

SourceOf = Callable[[str, Phase], Source]


class _Best:
    """The best epoch so far: higher validation accuracy, then lower validation loss."""

    def __init__(self) -> None:
        self.rank = (-1.0, 0.0)
        self.state: dict[str, Tensor] = {}
        self.stale = 0

    @contextmanager
    def kept(self, tail: nn.Module) -> Iterator[None]:
        """Let a tail come out of a phase as its best epoch left it, or as it went in."""
        self.state, self.stale = _copy(tail), 0
        try:
            yield
        finally:
            tail.load_state_dict(self.state)

    def offer(self, event: EpochEnded, tail: nn.Module) -> bool:
        rank = (event.validation_accuracy, -event.validation_loss)
        if rank <= self.rank:
            self.stale += 1
            return False
        self.rank, self.state, self.stale = rank, _copy(tail), 0
        return True


def _copy(tail: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tail.state_dict().items()}


def fit(
    chain: Chain, source_of: SourceOf, plan: Plan, device: Device, *, seed: int = 0
) -> Generator[Event, None, None]:
    """Train a chain by a plan; when the iterator ends or is closed, it holds the best epoch.

    Args:
        chain: on the device; changed in place.
        source_of: gives the "train" or "validation" examples for a phase.
        plan: the phases.
        device: to train on.
        seed: of order, dropout and variation.

    Raises:
        UserError: see `run_phase`.
    """
    best, epochs = _Best(), 0
    for index, phase in enumerate(plan.phases):
        yield PhaseStarted(index, phase.name, phase.cut, phase.epochs)
        tail = chain.freeze(phase.cut).tail(phase.cut)
        try:
            train = yield from _at_cut(source_of("train", phase), chain, phase, device, "train")
            validation = yield from _at_cut(
                source_of("validation", phase), chain, phase, device, "validation"
            )
            with standardised(tail, train, validation) as (learnt, measured), best.kept(tail):
                for event in run_phase(
                    tail, learnt, measured, phase, device,
                    seed=seed, index=index, epochs_before=epochs,
                ):  # fmt: skip
                    if not isinstance(event, EpochEnded):
                        yield event
                        continue
                    epochs += 1
                    yield replace(event, best=best.offer(event, tail))
                    if best.stale >= phase.patience:
                        break
        finally:
            chain.eval()


def _at_cut(
    source: Source, chain: Chain, phase: Phase, device: Device, split: str
) -> Generator[Event, None, Source]:
    """Return the source of what the tail sees: inputs, or activations, kept where it pays."""
    if phase.cut == 0:
        return source
    at_cut = AtCut(source, chain.body(phase.cut), device)
    if not phase.views:
        return at_cut
    views = phase.views if split == "train" and phase.augment != "none" else 0
    return (yield from keep(at_cut, views, f"Passing the {split} set through the frozen stages"))
