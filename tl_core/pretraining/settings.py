"""What a pre-training run is told. The same settings give the same weights, on one processor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tl_core.config import AUGMENTS, Augment
from tl_core.errors import UserError, unknown


@dataclass(frozen=True)
class Settings:
    """One pre-training run's settings.

    Attributes:
        backbone: name in the catalogue.
        epochs: times round the collection; fixed before the start, as the schedule depends on it.
        batch_size: pictures per step.
        lr: AdamW's peak learning rate.
        size: side of what the network sees in the last third of the epochs, in pixels.
        augment: how much the pictures are varied. The teacher has answered to whole pictures: a
            student that sees small parts of them ("strong") needs longer to agree with it.
        side: side at which the collection is kept decoded, in pixels.
        seed: of the first weights, of the order and of the variation.
    """

    backbone: str = "mini"
    epochs: int = 7
    batch_size: int = 128
    lr: float = 2e-3
    size: int = 64
    augment: Augment = "strong"
    side: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("epochs", 1, 10_000),
            ("batch_size", 2, 65_536),
            ("size", 32, 1024),
            ("side", 32, 1024),
            ("seed", 0, 2**31 - 1),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise UserError(
                    f"--{name.replace('_', '-')} must be between {least} and {most}, and {value} "
                    "is not; leave it out to have it chosen for you."
                )
        if self.augment not in AUGMENTS:
            raise unknown("augmentation", self.augment, AUGMENTS)
        if not 0 < self.lr <= 1:
            raise UserError(
                f"--lr must be above 0 and at most 1, and {self.lr} is not; leave it out to have "
                "it chosen for you."
            )

    def size_at(self, epoch: int) -> int:
        """Return the side of what the network sees in an epoch: three quarters, 7/8, all of it.

        Small pictures first cost half as much and teach nearly as much (Howard, "Training
        Imagenet in 3 hours for 25 minutes", 2018; Touvron et al., 2019, on why larger ones last).

        >>> [Settings(epochs=3, size=64).size_at(epoch) for epoch in range(3)]
        [48, 56, 64]
        """
        third = 3 * epoch // self.epochs
        return max(32, self.size * (6 + third) // 8)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)
