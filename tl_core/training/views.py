"""How many variations of each picture are passed through the frozen stages and kept.

A frozen body gives the same answer every time, so an epoch may read it instead of computing it.
What varies from epoch to epoch is then one of a few kept variations, in turn. Pure arithmetic: a
page shows the choice before anything is trained.
"""

from __future__ import annotations

from collections.abc import Sequence

from tl_core import words
from tl_core.backbones.card import Stage
from tl_core.config import Augment
from tl_core.training.cutcache import stored_bytes

BUDGET = 2 << 30  # bytes on disk for the training examples of one phase
VIEWS: dict[str, int] = {"none": 1, "light": 4, "strong": 8}

# Multiply-adds that a device does while a byte is read: 20 billion a second on a processor and
# 500 MB/s from a disk; a GPU computes far faster and reads from the same disk.
_WORTH = {"cpu": 40, "mps": 400, "cuda": 2500}


def choose_views(
    stages: Sequence[Stage], augment: Augment, epochs: int, examples: int, device: str
) -> int:
    """Return how many variations to keep, 0 where computing anew in every epoch is better.

    Never more than there are epochs: then computing would cost no more, and vary more.

    Args:
        stages: the frozen ones.
        augment: how much the examples are varied.
        epochs: of the phase, at most.
        examples: in the training split.
        device: "cpu", "cuda" or "mps".
    """
    if not stages or not is_worth_reading(stages, device):
        return 0
    wanted = min(VIEWS[augment], epochs)
    fit = BUDGET // max(1, view_bytes(stages, examples))
    # One variation for all epochs would be none at all.
    return min(wanted, fit) if fit >= min(wanted, 2) else 0


def is_worth_reading(stages: Sequence[Stage], device: str) -> bool:
    """Tell whether reading an example's activations takes less time than computing them."""
    each = stored_bytes(stages[-1].shape)
    return sum(stage.macs for stage in stages) >= _WORTH.get(device, _WORTH["cpu"]) * each


def view_bytes(stages: Sequence[Stage], examples: int) -> int:
    """Return what one variation of every example takes on disk."""
    return stored_bytes(stages[-1].shape) * examples


def explain_views(
    stages: Sequence[Stage], views: int, augment: Augment, examples: int, device: str
) -> str:
    """Say in plain words why so many variations are kept, or none."""
    size = words.size(max(1, views) * view_bytes(stages, examples))
    if views:
        turn = "; the variations are used in turn" if augment != "none" else ""
        return (
            "what the frozen stages make of a picture stays the same, so it is computed once, kept "
            f"({size} on disk) and read in every epoch, by later runs too{turn}"
        )
    if is_worth_reading(stages, device):
        return (
            f"one variation of every picture would take {size}, too much of the "
            f"{words.size(BUDGET)} that are set aside for it, so every epoch computes it"
        )
    return "so few stages are frozen that computing them again is quicker than reading from a disk"
