"""What a bundle says of itself: plain values, checked where they come from someone else.

No torch, so that pages can read it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from tl_core.backbones.card import Preprocessing
from tl_core.data.dataset import SPLITS, Split
from tl_core.data.deep import RANGES
from tl_core.data.limits import limits

SCHEMA = 2
WEIGHTS = "weights.safetensors"
MOST_CLASSES = 20_000
MOST_IN_CONFUSION = 200
"""Classes up to which a bundle carries the confusion matrix; beyond, nobody reads it."""

Setting = str | int | float | bool | None


@dataclass(frozen=True)
class Figures:
    """What the model made of one split.

    Attributes:
        images: pictures that it was asked about.
        right: how many of them it answered right.
        confusion: pictures by their class (row) and the class they were given (column); empty
            where there are more than `MOST_IN_CONFUSION` classes.
    """

    images: int
    right: int
    confusion: tuple[tuple[int, ...], ...] = ()

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.right / self.images

    @classmethod
    def from_dict(cls, values: dict[str, Any], classes: int) -> Self:
        """Read figures written by someone else.

        Raises:
            KeyError, TypeError, ValueError: they contradict each other.
        """
        rows = tuple(tuple(map(_count, row)) for row in values["confusion"])
        made = cls(_count(values["images"]), _count(values["right"]), rows)
        if not 0 <= made.right <= made.images or made.images < 1:
            raise ValueError("its figures are out of bounds")
        if rows and ([len(row) for row in rows] != [classes] * classes or made != _counted(rows)):
            raise ValueError("its confusion matrix is not that of its figures")
        return made


def _counted(rows: tuple[tuple[int, ...], ...]) -> Figures:
    return Figures(sum(map(sum, rows)), sum(row[k] for k, row in enumerate(rows)), rows)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError("its figures are no numbers of pictures")
    return value


@dataclass(frozen=True)
class Member:
    """A file inside a bundle.

    Attributes:
        sha256: of its content, in hexadecimal.
        bytes: its size; `None` where an old bundle does not say.
    """

    sha256: str
    bytes: int | None = None


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        backbone: name in the catalogue.
        classes: in the order of the logits.
        preprocessing: how a picture becomes the network's input.
        opener: version of the image opener that training used.
        recipe: how it was trained.
        frozen_stages: names of the stages that were frozen to the end.
        dataset: id, which is a fingerprint of its pictures, classes and split.
        versions: of the libraries that trained it.
        licence: terms of the weights that training started from; empty where it started from none.
        dataset_name: what people called the pictures.
        settings: what the run was told and what was chosen for it.
        figures: what the model made of each split.
        temperature: that logits are divided by before they become shares (Guo et al. 2017).
        threshold: share below which the best class is not to be believed; 0 believes all.
        schema: version of this format.
        members: the other files of the bundle; filled in when written.
    """

    backbone: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    opener: str
    recipe: str
    frozen_stages: tuple[str, ...]
    dataset: str
    versions: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    dataset_name: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    figures: Mapping[Split, Figures] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float = 0.0
    schema: int = SCHEMA
    members: Mapping[str, Member] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read a manifest written by someone else.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: a field is missing or of the wrong
                kind.
        """
        classes = tuple(values["classes"])
        if not all(isinstance(name, str) and name.encode() for name in classes):
            raise ValueError("its class names are no text")
        if not 1 < len(set(classes)) == len(classes) <= MOST_CLASSES:
            raise ValueError("its number of classes is out of bounds")
        schema = int(values["schema"])
        if not 1 <= schema <= SCHEMA:
            raise ValueError("its schema is unknown")
        read = cls(
            backbone=str(values["backbone"]),
            classes=classes,
            preprocessing=_preprocessing(values["preprocessing"]),
            opener=str(values["opener"]),
            recipe=str(values["recipe"]),
            frozen_stages=tuple(map(str, values["frozen_stages"])),
            dataset=str(values["dataset"]),
            versions={str(k): str(v) for k, v in values["versions"].items()},
            licence=str(values.get("licence", "")),  # bundles of version 0.1 have none
            schema=schema,
            members={WEIGHTS: Member(str(values["weights_sha256"]))}
            if schema == 1
            else {str(name): _member(value) for name, value in values["members"].items()},
        )
        return read if schema == 1 else read._with_what_came_later(values)

    def _with_what_came_later(self, values: dict[str, Any]) -> Self:
        """Add the fields that schema 2 brought."""
        temperature, threshold = float(values["temperature"]), float(values["threshold"])
        if not 0.01 <= temperature <= 100 or not 0 <= threshold <= 1:
            raise ValueError("its temperature or threshold is out of bounds")
        settings, figures = values["settings"], values["figures"]
        if not all(isinstance(value, Setting) for value in settings.values()):
            raise ValueError("its settings are no plain values")
        if not figures.keys() <= set(SPLITS):
            raise ValueError("its figures are of no split")
        return replace(
            self,
            dataset_name=str(values["dataset_name"]),
            settings=dict(settings),
            figures={k: Figures.from_dict(v, len(self.classes)) for k, v in figures.items()},
            temperature=temperature,
            threshold=threshold,
        )


def _preprocessing(values: dict[str, Any]) -> Preprocessing:
    size, resize = int(values["size"]), int(values["resize"])
    red, green, blue = mean = tuple(map(float, values["mean"]))
    std = tuple(map(float, values["std"]))
    most = limits().seen_pixels
    if size > most:
        raise ValueError(f"it asks for pictures of {size:,} pixels, and at most {most:,} are made")
    if not 8 <= size <= resize <= 2 * most or len(std) != 3:
        raise ValueError("its preprocessing is out of bounds")
    if not all(map(math.isfinite, mean + std)) or min(std) <= 0:
        raise ValueError("its preprocessing is out of bounds")
    if values["interpolation"] not in ("bilinear", "bicubic"):
        raise ValueError("its preprocessing is unknown")
    white = int(values.get("white", 0))  # older bundles do not say
    if white not in (0, *RANGES):
        raise ValueError("its range of values is unknown")
    return Preprocessing(size, resize, values["interpolation"], (red, green, blue), std, white)


def _member(values: dict[str, Any]) -> Member:
    return Member(str(values["sha256"]), int(values["bytes"]))
