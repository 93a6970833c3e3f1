"""A recipe from its first phase to its last, keeping the best epoch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.training.device import Device
from tl_core.training.events import CacheRead, EpochEnded, Event, PhaseStarted
from tl_core.training.keeping import Keeping, name_stages
from tl_core.training.loop import run_phase
from tl_core.training.phases import Phase, Plan
from tl_core.training.sources import Source
from tl_core.training.standardise import measure_scale, standardised

SourceOf = Callable[[str, Phase], Source]
_NONE = (-1.0, 0.0)  # ranks below every epoch


class _Best:
    """The best epoch so far: higher validation accuracy, then lower validation loss.

    Patience is counted within a phase: one that lets stages learn begins below the head that it
    was handed, and would be given up before it has caught up.
    """

    def __init__(self) -> None:
        self.rank = self.rank_in_phase = _NONE
        self.state: dict[str, Tensor] = {}
        self.stale = 0

    @contextmanager
    def kept(self, tail: nn.Module) -> Iterator[None]:
        """Let a tail come out of a phase as its best epoch left it, or as it went in."""
        self.state, self.stale, self.rank_in_phase = _copy(tail), 0, _NONE
        try:
            yield
        finally:
            tail.load_state_dict(self.state)

    def offer(self, event: EpochEnded, tail: nn.Module) -> bool:
        rank = (event.validation_accuracy, -event.validation_loss)
        if rank > self.rank_in_phase:
            self.rank_in_phase, self.stale = rank, 0
        else:
            self.stale += 1
        if rank <= self.rank:
            return False
        self.rank, self.state = rank, _copy(tail)
        return True


def _copy(tail: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tail.state_dict().items()}


def fit(
    chain: Chain,
    source_of: SourceOf,
    plan: Plan,
    device: Device,
    *,
    seed: int = 0,
    keeping: Keeping | None = None,
) -> Generator[Event, None, None]:
    """Train a chain by a plan; when the iterator ends or is closed, it holds the best epoch.

    Args:
        chain: on the device; changed in place.
        source_of: gives the "train" or "validation" examples for a phase.
        plan: the phases.
        device: to train on.
        seed: of order, dropout and variation.
        keeping: gives the activations at a cut; without it they are computed in every epoch.

    Raises:
        UserError: see `run_phase`.
    """
    keeping = keeping or Keeping(chain, device)
    best, epochs = _Best(), 0
    for index, phase in enumerate(plan.phases):
        yield PhaseStarted(index, phase.name, phase.cut, phase.epochs)
        tail = chain.freeze(phase.cut).tail(phase.cut)
        try:
            train, validation = yield from _at_cut(source_of, plan, index, keeping)
            scale = yield from measure_scale(tail, train)
            with (
                standardised(tail, scale, train, validation) as (learnt, measured),
                best.kept(tail),
            ):
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
    source_of: SourceOf, plan: Plan, index: int, keeping: Keeping
) -> Generator[Event, None, tuple[Source, Source]]:
    """Return what the tail sees: inputs, or activations, kept where the plan says so."""
    phase = plan.phases[index]
    sources = {split: source_of(split, phase) for split in ("train", "validation")}
    if phase.cut == 0:
        return sources["train"], sources["validation"]
    if not phase.views:
        computed = (keeping.compute(source, phase.cut) for source in sources.values())
        return next(computed), next(computed)
    kept, names = {}, name_stages(keeping.chain.body(phase.cut))
    for split, source in sources.items():
        wanted = {
            view: tuple(sorted(_cuts(source_of, plan.phases[index:], split, view)))
            for view in _views(phase, split)
        }
        what = f"Passing the {split} set through the frozen stages"
        kept[split] = yield from keeping.keep(source, wanted, names, what)
    train, validation = kept["train"], kept["validation"]
    if train.entries or validation.entries:
        yield CacheRead(
            phase=index,
            views=len(train.entries),
            bytes=train.bytes + validation.bytes,
            reused=not (train.spent or validation.spent),
            spent=train.spent + validation.spent,
            one_pass=train.one_pass + validation.one_pass,
        )
    return train, validation


def _views(phase: Phase, split: str) -> list[int | None]:
    """Return the variations whose activations a phase reads; `None`: the examples as they are."""
    if split == "train" and phase.augment != "none":
        return list(range(phase.views))
    return [None] if phase.views else []


def _cuts(source_of: SourceOf, phases: Sequence[Phase], split: str, view: int | None) -> set[int]:
    """Return at which cuts this phase and those after it read the same variation."""
    now, *later = phases
    key = source_of(split, now).key
    return {now.cut} | {
        phase.cut
        for phase in later
        if 0 < phase.cut < now.cut
        and view in _views(phase, split)
        and source_of(split, phase).key == key
    }
