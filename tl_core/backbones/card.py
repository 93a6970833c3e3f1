"""What is known of a backbone without loading it: its card, its stages, its preprocessing.

Nothing here imports torch: pages and the terminal show cards without paying for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tl_core.errors import unknown

IMAGENET_TERMS = (
    "Weights published by torchvision (BSD-3-Clause), trained on ImageNet, whose terms allow "
    "non-commercial research and teaching."
)


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the network's input.

    Attributes:
        size: side of the square that the network sees, in pixels.
        resize: length of the shorter side before the centre crop, in pixels.
        interpolation: "bilinear" or "bicubic".
        mean: per channel (red, green, blue), of values between 0 and 1.
        std: per channel, likewise.
        white: value that is white in pictures of more than 8 bits, as the set that was learned
            from has it; 0 where it has none.
    """

    size: int = 224
    resize: int = 256
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    white: int = 0

    def reading(self, white: int) -> Preprocessing:
        """Return this for a set of pictures in which `white` is white; see `deep.white_of`."""
        return replace(self, white=white)


@dataclass(frozen=True)
class Stage:
    """One named stage, measured at the backbone's own input size.

    Attributes:
        name: unique within the backbone.
        parameters: how many numbers it holds that could learn.
        macs: multiply-adds to compute it for one picture.
        shape: of its output for one picture, e.g. `(256, 14, 14)`.
        saved: bytes that the backward pass keeps of it for one picture, in fp32.
    """

    name: str
    parameters: int
    macs: int
    shape: tuple[int, ...]
    saved: int = 0


@dataclass(frozen=True)
class Weights:
    """Published weights of a backbone.

    Attributes:
        source: torchvision's name of them ("ResNet18_Weights.IMAGENET1K_V1"), an address, or the
            place of a file that comes with the app ("assets/mini.safetensors").
        file: name of the file.
        sha256: the hash of the file, or the beginning of it that the publisher states.
        bytes: size of the file.
        top1: single-model accuracy on ImageNet's validation set, in percent.
        top5: likewise, counting a hit among the five best guesses.
        licence: one line.
    """

    source: str
    file: str = ""
    sha256: str = ""
    bytes: int = 0
    top1: float | None = None
    top5: float | None = None
    licence: str = IMAGENET_TERMS

    @property
    def bundled(self) -> bool:
        """Whether the file comes with the app."""
        return self.source.startswith("assets/")

    @property
    def is_torchvisions(self) -> bool:
        """Whether torchvision fetches the file by its name."""
        return not self.bundled and not self.source.startswith("https://")


@dataclass(frozen=True)
class FineTuning:
    """How far and how fast a backbone fine-tunes unless a person says otherwise.

    Attributes:
        freeze: what stays frozen to the end, as `resolve_cut` takes it; empty: all but the last
            quarter of the stages (with dense stages at the end: but those and the last
            convolutions).
        head_lr: peak learning rate of the head while stages learn with it.
        stage_ratio: that of the last stage, as a share of it.
        fixed_statistics: whether BatchNorm of the stages that learn keeps its running statistics.
    """

    freeze: str = ""
    head_lr: float = 5e-4
    stage_ratio: float = 0.2
    fixed_statistics: bool = True


@dataclass(frozen=True)
class Card:
    """A backbone as people meet it.

    Families write the first group of fields; `catalog` fills in the measured ones.

    Attributes:
        name: what scripts call it ("resnet18").
        title: what people call it ("ResNet-18").
        year: of the paper.
        paper: authors and title.
        story: one plain sentence on what it brought or what it is good for.
        weights: published weights, or `None` when there are none.
        contest: official ImageNet challenge figure, or `None`.
        convolutions: last stage of the convolutions, where dense stages follow them.
        features: numbers that the last stage hands to the head.
        stages: measured stages, first to last.
        preprocessing: that of the published weights.
        fine_tuning: what suits it.
    """

    name: str
    title: str
    year: int
    paper: str
    story: str
    weights: Weights | None
    contest: str | None = None
    convolutions: str | None = None
    features: int = 0
    stages: tuple[Stage, ...] = ()
    preprocessing: Preprocessing = Preprocessing()
    fine_tuning: FineTuning = FineTuning()

    @property
    def stage_names(self) -> tuple[str, ...]:
        """Names of the stages, first to last."""
        return tuple(stage.name for stage in self.stages)

    @property
    def parameters(self) -> int:
        """Parameters of all stages, without a head."""
        return sum(stage.parameters for stage in self.stages)

    @property
    def gmac(self) -> float:
        """Billions of multiply-adds for one picture, without a head."""
        return sum(stage.macs for stage in self.stages) / 1e9

    def frozen_parameters(self, cut: int) -> int:
        """Parameters before the cut."""
        return sum(stage.parameters for stage in self.stages[:cut])

    def trainable_parameters(self, cut: int, classes: int) -> int:
        """Parameters after the cut, with a linear head for `classes` classes."""
        return self.parameters - self.frozen_parameters(cut) + (self.features + 1) * classes

    def frozen_share(self, cut: int) -> float:
        """Share of the forward work before the cut, between 0 and 1."""
        return sum(stage.macs for stage in self.stages[:cut]) / sum(s.macs for s in self.stages)


def resolve_cut(stages: Sequence[str], where: int | str) -> int:
    """Turn what a person wrote into a number of frozen stages.

    Args:
        stages: names, first to last.
        where: a number of stages, a stage's name (freeze up to and including it), "all", "none".

    Returns:
        The number of frozen stages, between 0 and `len(stages)`.

    Raises:
        UserError: no such stage, or a number out of range.

    >>> resolve_cut(["stem", "layer1", "layer2"], "layer1")
    2
    >>> resolve_cut(["stem", "layer1", "layer2"], "all")
    3
    """
    text = str(where).strip()
    if text == "all":
        return len(stages)
    if text == "none":
        return 0
    if text in stages:
        return list(stages).index(text) + 1
    if text.isdecimal() and int(text) <= len(stages):
        return int(text)
    raise unknown("stage", text, [*stages, "all", "none", f"a number from 0 to {len(stages)}"])
