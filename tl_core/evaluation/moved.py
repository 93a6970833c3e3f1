"""How far training moved the weights of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from tl_core.backbones.chain import Chain


def moved(before: Chain, after: Chain) -> dict[str, float]:
    """Return how far each stage's weights are from where they began.

    The length of the difference, as a share of the length of the weights before: 0 where nothing
    changed, 0.1 where a weight changed by a tenth on the whole. Exactly 0 for a frozen stage.

    Args:
        before: with the weights that were loaded; its head does not matter.
        after: of the same backbone.
    """
    return {
        name: _share(dict(stage.named_parameters()), dict(after.stages[name].named_parameters()))
        for name, stage in before.stages.items()
    }


def _share(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> float:
    difference = length = 0.0
    for name, weights in before.items():
        old, new = weights.detach().double().cpu(), after[name].detach().double().cpu()
        difference += float((new - old).square().sum())
        length += float(old.square().sum())
    return sqrt(difference / length) if length else 0.0


def say_moved(shares: Mapping[str, float], frozen: int) -> str:
    """Say in one sentence what moved.

    Args:
        shares: from `moved`.
        frozen: how many stages, from the first, were frozen to the end.

    >>> say_moved({"stem": 0.0, "layer1": 0.02, "layer2": 0.3}, 1)
    '1 of 3 stages was frozen and stayed as it was; of the others layer2 moved most, by 30%.'
    """
    learned = dict(list(shares.items())[frozen:])
    if not learned:
        return "No stage moved: the whole backbone was frozen, and only the new head learned."
    if not any(learned.values()):
        return (
            "No stage moved: the best epoch, which is the one that is kept, came before any of "
            "them had learned, so only the new head is new."
        )
    most = max(learned, key=lambda name: learned[name])
    told = f"{most} moved most, by {100 * learned[most]:.2g}%."
    if not frozen:
        return f"Nothing was frozen; {told}"
    were = (
        "was frozen and stayed as it was"
        if frozen == 1
        else ("were frozen and stayed as they were")
    )
    return f"{frozen} of {len(shares)} stages {were}; of the others {told}"
