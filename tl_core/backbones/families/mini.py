"""The network that comes with the app: a small residual network that was pre-trained for it.

Basic blocks as in He et al. (2015), 1.7 million parameters. A last layer of 1×1 convolutions, as
in MobileNetV2, costs little and hands the head twice as many features. `python -m
tl_core.pretrain` made its weights; `assets/mini-card.md` says from what and how good they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.blocks import basic_block, convolution
from tl_core.backbones.card import Card, FineTuning, Preprocessing, Weights

if TYPE_CHECKING:
    from torch import nn

    from tl_core.backbones.chain import Chain

LICENCE = (
    "Pre-trained for Headstart on photos from ImageNet, with a teacher from ImageNet: for "
    "non-commercial research and teaching only (assets/LICENSE)."
)

CARDS = (
    Card(
        "mini",
        "Mini",
        2015,
        "Basic blocks of He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2015)",
        "Comes with the app, no internet needed; has seen 80,000 small photos, others a million.",
        Weights(
            source="assets/mini.safetensors",
            file="mini.safetensors",
            sha256="2ecd544cdb024b54146393f72fa6daa1314e05089f5793ecfe7284ee1fc5a415",
            bytes=3324632,
            licence=LICENCE,
        ),
        preprocessing=Preprocessing(size=96, resize=96),
        # On all the ants and bees, three seeds: 0.87, where the usual rule for big networks gives
        # 0.85. What a small network knows is less worth keeping, and learning anew costs little.
        fine_tuning=FineTuning(
            freeze="none", head_lr=2e-3, stage_ratio=0.5, fixed_statistics=False
        ),
    ),
)

_WIDTHS = (32, 64, 128, 256)
_BLOCKS = (1, 1, 2, 1)
_FEATURES = 512


def build(name: str) -> nn.Module:  # noqa: ARG001 (a family of one)
    """Build the network with random weights, as a `ModuleDict` of its stages."""
    from torch.nn import ModuleDict, Sequential

    stages: dict[str, nn.Module] = {"stem": convolution(3, _WIDTHS[0], kernel=3, stride=2)}
    inputs = _WIDTHS[0]
    for number, (width, blocks) in enumerate(zip(_WIDTHS, _BLOCKS, strict=True), 1):
        layers = [basic_block(inputs, width, 1 if number == 1 else 2)]
        layers += [basic_block(width, width, 1) for _ in range(blocks - 1)]
        if number == len(_WIDTHS):
            layers.append(convolution(width, _FEATURES, kernel=1, stride=1))
        stages[f"layer{number}"] = Sequential(*layers)
        inputs = width
    return ModuleDict(stages)


def assemble(network: Any, classes: int | None) -> Chain:
    """Chain the stages; without `classes` the head has the two outputs of the smallest task."""
    from tl_core.backbones.chain import Chain, linear_head, pooled

    stages = dict(network.named_children())
    stages["layer4"] = pooled(stages["layer4"])
    return Chain(stages, linear_head(_FEATURES, classes or 2))
