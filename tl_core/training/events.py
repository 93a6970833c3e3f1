"""What a run says while it goes on. Plain values, so that they travel as JSON; no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Preparing:
    """Work before an epoch: `done` of `total` units of `what`."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class PhaseStarted:
    """A phase begins: `index` counts from 0, `cut` is the number of frozen stages."""

    index: int
    name: str
    cut: int
    epochs: int


@dataclass(frozen=True)
class Stepped:
    """One optimizer step; `epoch` counts over all phases from 1.

    `loss` is the batch's mean, or `None` where reading it would have made the device wait.
    """

    epoch: int
    step: int
    steps: int
    loss: float | None
    examples: int


@dataclass(frozen=True)
class EpochEnded:
    """One epoch with its figures; accuracies are shares between 0 and 1.

    Attributes:
        phase: index of the phase.
        epoch: counted over all phases from 1.
        train_loss: mean over the epoch's batches, as they were learned from.
        train_accuracy: likewise.
        validation_loss: mean over the validation split after the epoch.
        validation_accuracy: likewise.
        lr: the head's learning rate at the end of the epoch.
        seconds: training and validation together.
        examples: learned from in this epoch.
        best: whether this is the best epoch so far.
        peak_memory: most bytes that tensors have taken on the GPU in this phase, where known.
    """

    phase: int
    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    lr: float
    seconds: float
    examples: int
    best: bool = False
    peak_memory: int | None = None


@dataclass(frozen=True)
class CacheRead:
    """A phase reads kept activations in place of passing everything through its frozen stages.

    Attributes:
        phase: index of the phase.
        views: variations of each training example that are kept and used in turn.
        bytes: what the activations take on disk, training and validation together.
        reused: whether nothing had to be computed, because an earlier phase or run had done it.
        spent: seconds that computing took in this phase.
        one_pass: seconds that an epoch would take to compute the same, as once measured.
    """

    phase: int
    views: int
    bytes: int
    reused: bool
    spent: float
    one_pass: float


@dataclass(frozen=True)
class Notice:
    """A sentence that the person should read."""

    text: str


Event = Preparing | PhaseStarted | Stepped | EpochEnded | CacheRead | Notice
KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (Preparing, PhaseStarted, Stepped, EpochEnded, CacheRead, Notice)
}


def to_dict(event: Event) -> dict[str, Any]:
    """Return the event's fields for JSON; its kind is its class name."""
    return asdict(event)


def from_dict(kind: str, values: dict[str, Any]) -> Event:
    """Read what `to_dict` wrote.

    >>> from_dict("Notice", to_dict(Notice("hello")))
    Notice(text='hello')
    """
    return KINDS[kind](**values)
