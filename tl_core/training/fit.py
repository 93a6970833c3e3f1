"""A recipe from its first phase to its last, keeping the best epoch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace

from tl_core.backbones.chain import Chain, FixedStatistics
from tl_core.training.device import Device
from tl_core.training.events import CacheRead, EpochEnded, Event, PhaseStarted
from tl_core.training.keeping import Keeping, name_stages
from tl_core.training.loop import run_phase
from tl_core.training.phases import Phase, Plan
from tl_core.training.sources import Source
from tl_core.training.standardise import measure_scale, standardised
from tl_core.training.standing import Standing

SourceOf = Callable[[str, Phase], Source]


def fit(
    chain: Chain,
    source_of: SourceOf,
    plan: Plan,
    device: Device,
    *,
    seed: int = 0,
    keeping: Keeping | None = None,
    at: Standing | None = None,
) -> Generator[Event, None, None]:
    """Train a chain by a plan; when the iterator ends or is closed, it holds the best epoch.

    Args:
        chain: on the device; changed in place.
        source_of: gives the "train" or "validation" examples for a phase.
        plan: the phases.
        device: to train on.
        seed: of order, dropout and variation.
        keeping: gives the activations at a cut; without it they are computed in every epoch.
        at: where to begin, and where it then stands; the beginning when left out. What was told
            before is not told again.

    Raises:
        UserError: see `run_phase`.
    """
    keeping, at = keeping or Keeping(chain, device), at or Standing()
    while at.phase < len(plan.phases):
        phase = plan.phases[at.phase]
        if not at.goes_on:
            yield PhaseStarted(at.phase, phase.name, phase.cut, phase.epochs)
        tail = chain.freeze(phase.cut).tail(phase.cut)
        if phase.fixed_statistics:
            tail = FixedStatistics.of(tail)
        try:
            train, validation = yield from _at_cut(source_of, plan, at, keeping)
            scale = yield from measure_scale(tail, train)
            with (
                standardised(
                    tail, scale, train, validation, solve=phase.solve and not at.goes_on
                ) as (learnt, measured),
                at.best.kept(tail, goes_on=at.goes_on),
                closing(
                    run_phase(tail, learnt, measured, phase, device, seed=seed, at=at)
                ) as events,
            ):
                while not is_over(at, phase):
                    event = next(events)
                    if isinstance(event, EpochEnded):
                        event = replace(event, best=at.best.offer(event, tail))
                    yield event
            # Before the next phase computes its own: a GPU may have no room for both.
            del train, validation, learnt, measured
        finally:
            chain.eval()
        at.end_phase()


def is_over(at: Standing, phase: Phase) -> bool:
    """Tell whether a phase has had its epochs, or went on long enough without getting better."""
    return at.epoch >= phase.epochs or at.best.stale >= phase.patience


def _at_cut(
    source_of: SourceOf, plan: Plan, at: Standing, keeping: Keeping
) -> Generator[Event, None, tuple[Source, Source]]:
    """Return what the tail sees: inputs, or activations, kept where the plan says so."""
    index, phase = at.phase, plan.phases[at.phase]
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
        pictures = "training" if split == "train" else split
        what = f"Passing the {pictures} pictures through the frozen stages"
        kept[split] = yield from keeping.keep(source, wanted, names, what)
    train, validation = kept["train"], kept["validation"]
    if not at.goes_on and (train.entries or validation.entries):
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
