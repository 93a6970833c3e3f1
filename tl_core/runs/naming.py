"""What people call the backbone of a run: also of one without, or with one that is not known here.

Studies hold runs that learn from features made by hand, and a workspace may come from a newer
version, or another machine, whose catalogue has more in it.
"""

from __future__ import annotations

from tl_core.backbones.card import Card
from tl_core.backbones.catalog import catalogue
from tl_core.config import RunConfig

BY_HAND = "Made by hand"


def card_of(config: RunConfig) -> Card | None:
    """Return the card of a run's backbone, or `None` where it has none that is known here.

    >>> card_of(RunConfig("d", "handmade", work="handmade")) is None
    True
    """
    return None if config.work == "handmade" else catalogue().get(config.backbone)


def backbone_title(config: RunConfig) -> str:
    """Return what people call a run's backbone; plain text, which a foreign run may have chosen.

    >>> backbone_title(RunConfig("d", "handmade", work="handmade"))
    'Made by hand'
    >>> backbone_title(RunConfig("d", "resnet18")), backbone_title(RunConfig("d", "resnet9000"))
    ('ResNet-18', 'resnet9000')
    """
    card = card_of(config)
    if card is not None:
        return card.title
    return BY_HAND if config.work == "handmade" else config.backbone
