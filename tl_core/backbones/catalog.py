"""Every backbone on offer, found from the family files.

Adding a family is one file in `families/` and `python -m tl_core.backbones.measure`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol, cast

from tl_core.backbones import families
from tl_core.backbones.card import Card, Preprocessing, Stage
from tl_core.errors import unknown

if TYPE_CHECKING:
    from torch import nn

    from tl_core.backbones.chain import Chain

MEASURED = Path(__file__).with_name("measured.json")


class Family(Protocol):
    """What a module in `families/` offers.

    One whose published file is no PyTorch state dict also offers `read_published(path)`, one whose
    published tensors have older names `rename(name)`.
    """

    CARDS: tuple[Card, ...]

    def build(self, name: str) -> nn.Module:
        """Build the network with random weights and its published tensor names."""

    def assemble(self, network: nn.Module, classes: int | None) -> Chain:
        """Name the stages of `network`; `None` keeps its own head, a number fits a new one."""


@cache
def families_by_name() -> dict[str, Family]:
    """Return the family module behind every backbone's name."""
    found: dict[str, Family] = {}
    for module in iter_modules(families.__path__):
        family = cast("Family", import_module(f"{families.__name__}.{module.name}"))
        found.update({card.name: family for card in family.CARDS})
    return found


@cache
def catalogue() -> dict[str, Card]:
    """Return every card by name, in order of year and size."""
    measured: dict[str, dict[str, Any]] = json.loads(MEASURED.read_text(encoding="utf-8"))
    described = {card.name: card for family in families_by_name().values() for card in family.CARDS}
    cards = [_complete(described[name], figures) for name, figures in measured.items()]
    cards.sort(key=lambda card: (card.weights is None, card.year, card.parameters))
    return {card.name: card for card in cards}


def _complete(card: Card, measured: dict[str, Any]) -> Card:
    weights = card.weights and replace(card.weights, **measured["weights"])
    preprocessing = measured["preprocessing"]
    return replace(
        card,
        weights=weights,
        features=measured["features"],
        stages=tuple(
            Stage(name, parameters, macs, tuple(shape), saved)
            for name, parameters, macs, saved, shape in measured["stages"]
        ),
        preprocessing=Preprocessing(
            **{**preprocessing, "mean": (*preprocessing["mean"],), "std": (*preprocessing["std"],)}
        ),
    )


def find_card(name: str) -> Card:
    """Return the card of a backbone.

    Raises:
        UserError: there is no such backbone; the message names the nearest.
    """
    if name not in catalogue():
        raise unknown("backbone", name, catalogue())
    return catalogue()[name]


def family_of(name: str) -> Family:
    """Return the family that builds a backbone.

    Raises:
        UserError: there is no such backbone; the message names the nearest.
    """
    if name not in families_by_name():
        raise unknown("backbone", name, families_by_name())
    return families_by_name()[name]
