"""What a run is told: the same fields on the page, in the terminal and in a notebook."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from tl_core.errors import UserError, unknown

Recipe = Literal["feature-extraction", "fine-tune", "gradual", "scratch"]
Augment = Literal["none", "light", "strong"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
BodyPath = Literal["eager", "folded", "onnxruntime"]
Work = Literal["train", "probe", "handmade"]

RECIPES: tuple[str, ...] = get_args(Recipe)
AUGMENTS: tuple[str, ...] = get_args(Augment)
DEVICES: tuple[str, ...] = get_args(DeviceName)
BODY_PATHS: tuple[str, ...] = get_args(BodyPath)
WORKS: tuple[str, ...] = get_args(Work)


@dataclass(frozen=True)
class RunConfig:
    """One run's settings. `None` means: Headstart chooses, and says why.

    Attributes:
        dataset: id of the dataset in the workspace.
        backbone: name in the catalogue.
        recipe: how to train; `None` is fine-tuning, or from scratch where no weights exist.
        freeze: a stage name (freeze up to and including it), a number of stages, "all" or "none".
        epochs: at most this many over all phases.
        batch_size: pictures per step.
        lr: the head's learning rate.
        seed: of weights that start at random, of the order and of the augmentation.
        augment: how much the pictures are varied.
        weights: a `.safetensors` file instead of the catalogue's own weights.
        device: where to train.
        cache: whether activations at the cut may be kept and reused.
        body: how frozen stages are computed; see `tl_core.backbones.inference`.
        more: epochs at most of each phase that was asked for after the plan had ended.
        per_class: learn from at most so many pictures of each class, drawn by the seed.
        work: to train a network; to probe its frozen stages (those that `freeze` ends with, or
            each); or to learn from features made by hand, for which the backbone is not asked.
    """

    dataset: str
    backbone: str
    recipe: Recipe | None = None
    freeze: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    seed: int = 0
    augment: Augment | None = None
    weights: str | None = None
    device: DeviceName = "auto"
    cache: bool = True
    body: BodyPath | None = None
    more: tuple[int, ...] = ()
    per_class: int | None = None
    work: Work = "train"

    def __post_init__(self) -> None:
        for kind, value, known in (
            ("recipe", self.recipe, RECIPES),
            ("augmentation", self.augment, AUGMENTS),
            ("device", self.device, DEVICES),
            ("body path", self.body, BODY_PATHS),
            ("kind of work", self.work, WORKS),
        ):
            if value is not None and value not in known:
                raise unknown(kind, value, known)
        for name, limit in (("epochs", 10_000), ("batch_size", 4096), ("per_class", 10**6)):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= limit:
                raise UserError(
                    f"{name.replace('_', ' ').capitalize()} must be between 1 and {limit}, "
                    f"and {value} is not; leave it out to have it chosen for you."
                )
        for epochs in self.more:
            if not 1 <= epochs <= 10_000:
                raise UserError(
                    f"The epochs to train more must be between 1 and 10000, and {epochs} is not."
                )
        if self.lr is not None and not 0 < self.lr <= 10:
            raise UserError(
                f"The learning rate must be above 0 and at most 10, and {self.lr} is not; "
                "leave it out to have it chosen for you."
            )
        if not 0 <= self.seed < 2**31:
            raise UserError(f"The seed must be between 0 and 2147483647, and {self.seed} is not.")

    def with_(self, **changes: Any) -> RunConfig:
        """Return a copy with some settings changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"more": list(self.more)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """Read what `to_dict` wrote; fields of a newer version are ignored.

        >>> RunConfig.from_dict(RunConfig("d", "resnet18", seed=3).to_dict()).seed
        3
        """
        known = {field.name for field in fields(cls)}
        given = {key: value for key, value in values.items() if key in known}
        return cls(**given | {"more": tuple(given.get("more", ()))})
