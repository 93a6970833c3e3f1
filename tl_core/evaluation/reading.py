"""What a run's curves show, in plain words, and which run to try next.

The thresholds are rules of thumb; `tests/evaluation/test_reading.py` holds them to curves of real
runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from tl_core.backbones.card import Card
from tl_core.config import RunConfig
from tl_core.evaluation.interval import interval
from tl_core.training.events import EpochEnded
from tl_core.training.phases import Plan

Sign = Literal["early", "unsteady", "stuck", "memorising", "unfinished", "learning"]
LEAST = 4  # epochs before curves tell something
_GAP = 0.15  # training above validation, from where it is told
_MOST_RIGHT = 0.8  # of the training pictures, from where a loss that stays is no worry
_STUCK = (
    "The training loss hardly falls, and {:.0%} of the training pictures are right: the network is "
    "stuck. Either too little of it may learn, or the steps have the wrong size, or the classes "
    "cannot be told apart."
)
_JUMP = 1.5  # times the loss before, from where a phase's beginning is told
_WIDE = 0.2  # of an interval, from where the pictures to check with are too few


@dataclass(frozen=True)
class Reading:
    """What curves show.

    Attributes:
        sign: in one word.
        says: in a sentence or two, with what it means.
    """

    sign: Sign
    says: str


@dataclass(frozen=True)
class Suggestion:
    """A run to try next.

    Attributes:
        says: what would be different, in a few words.
        why: what it may bring.
        config: of that run.
    """

    says: str
    why: str
    config: RunConfig


def read_curves(epochs: Sequence[EpochEnded]) -> Reading:
    """Say what the curves of a run show."""
    if len(epochs) < LEAST:
        return Reading("early", "The curves need a few more epochs before they tell something.")
    last = epochs[-1]
    best = max(epochs, key=lambda event: (event.validation_accuracy, -event.validation_loss))
    if _is_unsteady(epochs):
        return Reading(
            "unsteady",
            "The training loss climbed above where it began: the steps are too large, so the "
            "network jumps past what it is looking for.",
        )
    if _never_fell(epochs):
        return Reading("stuck", _STUCK.format(last.train_accuracy))
    if last.train_accuracy - last.validation_accuracy > _GAP:
        return Reading(
            "memorising",
            f"In epoch {last.epoch} training pictures were right {last.train_accuracy:.0%} of the "
            f"time and validation pictures {last.validation_accuracy:.0%}: the network remembers "
            "pictures more than it understands them.",
        )
    if _is_unfinished(epochs):
        return Reading(
            "unfinished",
            "The validation loss was still falling when training ended: the network had not "
            "finished learning.",
        )
    if _falls_no_more(epochs):
        return Reading("stuck", _STUCK.format(last.train_accuracy))
    if (jumped := _jump(epochs)) is not None:
        return Reading(
            "learning",
            f"The loss jumped in epoch {jumped.epoch}, where the next stages began to learn: that "
            "shook what was learned before. The best epoch was "
            f"{best.epoch}, and that one is kept.",
        )
    return Reading(
        "learning",
        "Both curves went the right way: the network is learning. The best epoch was "
        f"{best.epoch}, and that one is kept.",
    )


def _jump(epochs: Sequence[EpochEnded]) -> EpochEnded | None:
    """Return the first epoch of a phase that began clearly higher than the one before it ended."""
    return next(
        (
            later
            for earlier, later in pairwise(epochs)
            if later.phase != earlier.phase
            and any(
                getattr(later, loss) > _JUMP * getattr(earlier, loss)
                for loss in ("train_loss", "validation_loss")
            )
        ),
        None,
    )


def unfreezing_gained(epochs: Sequence[EpochEnded]) -> bool:
    """Tell whether letting more stages learn made more validation pictures right in this run.

    With a single phase nothing speaks against it.
    """
    phases = [list(phase) for _, phase in groupby(epochs, key=lambda event: event.phase)]
    best = [max(event.validation_accuracy for event in phase) for phase in phases]
    return len(best) < 2 or best[-1] > max(best[:-1])


def _never_fell(epochs: Sequence[EpochEnded]) -> bool:
    lowest = min(event.train_loss for event in epochs)
    return lowest > 0.9 * epochs[0].train_loss and epochs[-1].train_accuracy < _MOST_RIGHT


def _falls_no_more(epochs: Sequence[EpochEnded]) -> bool:
    """Tell whether the last phase's second half brought little, far from all pictures right."""
    middle = _middle(epochs)
    return (
        epochs[-1].train_loss > 0.9 * middle.train_loss and epochs[-1].train_accuracy < _MOST_RIGHT
    )


def _is_unfinished(epochs: Sequence[EpochEnded]) -> bool:
    """Tell whether the validation loss is lowest at the end, and fell to it until then."""
    first, middle, last = epochs[0], _middle(epochs), epochs[-1]
    gained, lately = (before.validation_loss - last.validation_loss for before in (first, middle))
    is_lowest = last.validation_loss <= min(event.validation_loss for event in epochs)
    return is_lowest and last.train_accuracy < 0.95 and lately > 0.1 * gained > 0


def _middle(epochs: Sequence[EpochEnded]) -> EpochEnded:
    phase = [event for event in epochs if event.phase == epochs[-1].phase]
    return phase[(len(phase) - 1) // 2]


def _is_unsteady(epochs: Sequence[EpochEnded]) -> bool:
    """Tell whether the training loss climbs well above where it began, within any phase."""
    high = 0.5 * epochs[0].train_loss  # a later phase begins low, where noise looks large
    for _, phase in groupby(epochs, key=lambda event: event.phase):
        first, *later = (event.train_loss for event in phase)
        if any(not loss <= max(1.5 * first, high) for loss in later):  # NaN is no smaller either
            return True
    return False


def doubt(accuracy: float, count: int) -> str:
    """Say that too few pictures checked a run, or nothing where they are enough.

    Args:
        accuracy: share of them that was right.
        count: of validation pictures.
    """
    low, high = interval(accuracy * count, count) if count else (0.0, 1.0)
    if high - low <= _WIDE:
        return ""
    return (
        f"Only {count} pictures check the network, so small differences between runs are luck. "
        "More pictures to check with are what makes figures surer."
    )


def suggest(
    sign: Sign, config: RunConfig, done: Plan, card: Card, *, more_may_learn: bool = True
) -> Suggestion | None:
    """Return the run to try after one whose curves showed `sign`, or `None` where none helps.

    Args:
        sign: what the curves show.
        config: of the run.
        done: its plan.
        card: of its backbone.
        more_may_learn: whether its figures leave it open that more stages should learn.
    """
    if sign in ("early", "unfinished"):
        return _longer(config, done)
    if sign in ("unsteady", "stuck") and config.lr is not None:
        return Suggestion(
            "Leave the learning rate to Headstart",
            f"It was set to {config.lr:g}; what is chosen for you suits most pictures.",
            config.with_(lr=None),
        )
    if sign == "unsteady":
        rate = float(f"{done.phases[-1].head_lr / 10:.2g}")
        return Suggestion(
            f"Smaller steps: learning rate {rate:.2g}",
            "Ten times smaller; the loss should then fall steadily.",
            config.with_(lr=rate),
        )
    if sign == "memorising":
        return _against_memorising(config, done, card)
    found = _let_more_learn(config, done, card, sign)
    freezes_less = found is not None and found.config.freeze != config.freeze
    return None if freezes_less and done.cut > 0 and not more_may_learn else found


def _longer(config: RunConfig, done: Plan) -> Suggestion:
    why = "It ends earlier by itself if nothing is gained."
    if config.epochs is not None:
        return Suggestion("Leave the number of epochs to Headstart", why, config.with_(epochs=None))
    epochs = min(2 * done.epochs, 10_000)
    return Suggestion(f"Train longer: {epochs} epochs at most", why, config.with_(epochs=epochs))


def _against_memorising(config: RunConfig, done: Plan, card: Card) -> Suggestion | None:
    has_weights = card.weights is not None or config.weights is not None
    if done.recipe == "scratch" and has_weights:
        return Suggestion(
            "Start from what the backbone knows: feature extraction",
            "With few pictures a network that starts from nothing can only remember them.",
            config.with_(recipe="feature-extraction", freeze=None, lr=None, epochs=None),
        )
    if done.recipe != "scratch" and done.cut < len(card.stages):
        return _freezing(
            config,
            card,
            done.cut + 1,
            "Freeze more",
            "What is frozen cannot learn pictures by heart.",
        )
    varied = done.phases[-1].augment
    if varied == "strong":
        return None  # more pictures are what is left
    return Suggestion(
        f"Vary the pictures: {'light' if varied == 'none' else 'strong'}",
        "Flipped, cropped and recoloured pictures are harder to learn by heart.",
        config.with_(augment="light" if varied == "none" else "strong"),
    )


def _let_more_learn(config: RunConfig, done: Plan, card: Card, sign: Sign) -> Suggestion | None:
    has_weights = card.weights is not None or config.weights is not None
    if done.recipe == "scratch" and has_weights:
        return Suggestion(
            "Start from what the backbone knows: fine-tuning",
            "The comparison shows what the head start is worth.",
            config.with_(recipe="fine-tune", freeze=None, lr=None, epochs=None),
        )
    if done.recipe == "feature-extraction":
        return Suggestion(
            "Let the last stages learn too: fine-tuning",
            "It helps where your pictures look unlike ordinary photos; compare the two.",
            config.with_(recipe="fine-tune", freeze=None, lr=None, epochs=None),
        )
    if sign == "stuck":
        rate = min(float(f"{10 * done.phases[-1].head_lr:.2g}"), 10.0)
        return Suggestion(
            f"Larger steps: learning rate {rate:.2g}",
            "Ten times larger; if the loss then falls, the steps were too small.",
            config.with_(lr=rate),
        )
    if done.cut > 0:
        return _freezing(
            config,
            card,
            done.cut - 1,
            "Freeze less",
            "Whether that brings anything depends on your pictures; compare the two.",
        )
    return None


def _freezing(config: RunConfig, card: Card, cut: int, says: str, why: str) -> Suggestion:
    # Feature extraction with dense stages that learn knows no cut between those and the head.
    if cut == len(card.stages) or config.recipe == "feature-extraction":
        changed = config.with_(recipe="feature-extraction", freeze=None)
        return Suggestion(f"{says}: only the head learns", why, changed)
    frozen = f"frozen up to {card.stage_names[cut - 1]}" if cut else "nothing is frozen"
    return Suggestion(f"{says}: {frozen}", why, config.with_(freeze=str(cut)))
