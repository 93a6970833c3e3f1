"""What a study needs, and what is said where it is not there."""

from __future__ import annotations

from collections.abc import Sequence

from tl_core.backbones.card import Card
from tl_core.backbones.catalog import find_card
from tl_core.backbones.weights import works_offline
from tl_core.data.dataset import Dataset
from tl_core.errors import UserError
from tl_core.studies.study import Asked, Missing


def at_hand(cards: Sequence[Card], asked: Asked) -> tuple[list[Card], list[Missing]]:
    """Part backbones with weights into those that can be used now and those that cannot.

    Args:
        cards: of the backbones; those that nobody pre-trained are passed over.
        asked: tells which weights were brought and whether others may be downloaded.
    """
    there, missing = [], []
    for card in cards:
        known = card.weights
        if card.name in asked.weights or (known and (asked.download or works_offline(card))):
            there.append(card)
        elif known:
            missing.append(Missing(card.name, _not_here(known.bytes)))
    return there, missing


def with_head_start(asked: Asked) -> Card:
    """Return the card of the backbone that is asked about.

    Raises:
        UserError: there is none of this name, or its weights are not at hand.
    """
    card = find_card(asked.backbone)
    there, missing = at_hand([card], asked)
    if not there:
        reason = missing[0].reason if missing else "nobody has pre-trained it"
        raise UserError(
            f"{card.title} has no head start to look at here: {reason}; choose a backbone that is "
            "ready, or get its weights first."
        )
    return card


def require_validation(dataset: Dataset) -> None:
    """Make sure that there is something to count right answers on.

    Raises:
        UserError: there are no validation pictures.
    """
    if not dataset.of("validation"):
        raise UserError(
            "There are no validation pictures to count right answers on; import the pictures "
            "again without folders for train and test, so that some are set aside."
        )


def _not_here(size: int) -> str:
    return f"its weights are not on this machine, a download of {size / 1e6:,.0f} MB"
