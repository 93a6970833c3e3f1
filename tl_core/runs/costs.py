"""What training costs with the freeze line where it is: estimated before a run, measured after it.

Nothing is computed for an estimate. What every stage needs is known from the catalogue, and how
fast this machine is, from the runs that have ended on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from tl_core.backbones.card import Card
from tl_core.backbones.catalog import find_card
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.runs.devices import expected_device, trained_on
from tl_core.runs.estimate import FORWARD_AND_BACKWARD, work
from tl_core.runs.run import Run, Told
from tl_core.runs.store import Store
from tl_core.training.cost import step_memory
from tl_core.training.events import CacheRead, EpochEnded
from tl_core.training.phases import Phase, plan

_LOOKED_AT = 100  # runs, the newest
_USUAL = 20e9  # multiply-adds a second, of two processor cores (see `training/views.py`)
_VALIDATION = 0.2  # pictures to validate on, as a share of those to learn from, by our split
_TOO_LITTLE = 0.1  # of a forward pass in each epoch, to tell from it what a pass takes
# What a process that trains on a processor holds beside the network's numbers: PyTorch, mostly.
# Measured: 680 MB before it begins, 790 at the peak of a network of 23 thousand parameters.
_PROCESS = 750 << 20


@dataclass(frozen=True)
class Figure:
    """One figure, and in plain words where it comes from.

    Attributes:
        value: the figure; `None` where it is not known.
        is_measured: whether a run with these settings has measured it.
        said: a few words, without what a person named.
    """

    value: float | None
    is_measured: bool
    said: str


@dataclass(frozen=True)
class Costs:
    """What training costs.

    Attributes:
        trainable: parameters that learn, the head's among them.
        epoch: seconds of an epoch while the stages after the line learn.
        memory: bytes; of the whole process on a processor, of its tensors on a GPU.
    """

    trainable: int
    epoch: Figure
    memory: Figure


def costs(store: Store, config: RunConfig, card: Card, dataset: Dataset) -> Costs:
    """Return what a run would cost that is told `config`, or what one has cost.

    Args:
        store: of the runs that have ended on this machine.
        config: the settings.
        card: of the backbone.
        dataset: the pictures.

    Raises:
        UserError: settings that contradict each other or the backbone.
    """
    device = expected_device(store, config)
    ended = [
        run
        for run in store.runs(most=_LOOKED_AT)
        if run.state in ("finished", "stopped") and trained_on(run) == device
    ]
    train, validation = (len(dataset.of(split)) for split in ("train", "validation"))
    todo = plan(config, card, train, device)
    phase = todo.phases[-1]
    trainable = card.trainable_parameters(phase.cut, len(dataset.classes))
    same = next((run for run in ended if _is_same(run, config, todo.recipe, phase)), None)
    if same is not None:
        told = store.milestones(same.id)
        epochs = [event for event in _epochs(told) if event.phase == _last_planned(same)]
        if epochs:
            return Costs(trainable, _measured(same, median(e.seconds for e in epochs)),
                         _measured(same, _memory_of(same, epochs)))  # fmt: skip
    seconds, said = _pace(store, ended, card)
    share = {"frozen_share": card.frozen_share(phase.cut), "views": phase.views}
    _, each = work(share, validation / max(1, train))
    return Costs(
        trainable,
        Figure(seconds * each * train, False, said),
        Figure(_step(card, phase, trainable, device), False, "estimated"),
    )


def _is_same(run: Run, config: RunConfig, recipe: str, phase: Phase) -> bool:
    """Tell whether a run has spent its last planned phase as `phase` would be spent."""
    was = run.config
    if (was.work, was.dataset, was.backbone) != ("train", config.dataset, config.backbone):
        return False
    if was.per_class is not None or run.facts.get("recipe") != recipe or "bundle" not in run.facts:
        return False
    done = run.facts["phases"][_last_planned(run)]
    alike = ("cut", "batch_size", "augment")
    now = asdict(phase)
    return all(done[name] == now[name] for name in alike) and bool(done["views"]) == bool(
        phase.views
    )


def _last_planned(run: Run) -> int:
    return len(run.facts["phases"]) - len(run.config.more) - 1


def _measured(run: Run, value: float | None) -> Figure:
    return Figure(value, True, f"measured in run {run.id[:6]}")


def _memory_of(run: Run, epochs: Sequence[EpochEnded]) -> int | None:
    on_gpu = [event.peak_memory for event in epochs if event.peak_memory is not None]
    return max(on_gpu) if on_gpu else run.facts.get("memory")


def _step(card: Card, phase: Phase, trainable: int, device: str) -> int:
    saved = phase.batch_size * sum(stage.saved for stage in card.stages[phase.cut :])
    tensors = step_memory(card.parameters, trainable, saved)
    return tensors + (_PROCESS if device == "cpu" else 0)


def _pace(store: Store, ended: Sequence[Run], card: Card) -> tuple[float, str]:
    """Return the seconds that a picture takes through the whole backbone, forwards."""
    for own in (True, False):
        for run in ended:
            if (run.config.backbone == card.name) != own or run.config.work == "handmade":
                continue
            seconds = seconds_forward(run, store.milestones(run.id))
            if seconds is not None:
                other = find_card(run.config.backbone)
                said = f"estimated from run {run.id[:6]}"
                if own:
                    return seconds, said
                return seconds * card.gmac / other.gmac, f"{said} ({other.title}), so roughly"
    said = "estimated for a machine with two cores, so roughly: nothing was trained here yet"
    return card.gmac * 1e9 / _USUAL, said


def seconds_forward(run: Run, told: Sequence[Told]) -> float | None:
    """Return the seconds that a picture took through the whole backbone, forwards.

    Args:
        run: that has ended.
        told: its milestones.

    Returns:
        `None` where the run tells nothing of it.
    """
    if (step := run.facts.get("footprint")) is not None:
        return float(step["seconds"]) / FORWARD_AND_BACKWARD
    phases: Sequence[Mapping[str, Any]] = run.facts.get("phases") or ()
    epochs = [event for event in _epochs(told) if event.phase < len(phases)]
    if not epochs:
        return None
    # Of the phases, the one in which most was computed tells best.
    least = min({event.phase for event in epochs}, key=lambda k: phases[k]["frozen_share"])
    share = phases[least]
    _, each = work(share, _VALIDATION)
    if each > _TOO_LITTLE:
        return median(e.seconds / e.examples for e in epochs if e.phase == least) / each
    for item in told:
        if isinstance(item.event, CacheRead) and item.event.phase == least:
            pictures = epochs[0].examples * (1 + _VALIDATION)
            return item.event.one_pass / float(share["frozen_share"]) / pictures
    return None


def _epochs(told: Sequence[Told]) -> list[EpochEnded]:
    return [item.event for item in told if isinstance(item.event, EpochEnded)]
