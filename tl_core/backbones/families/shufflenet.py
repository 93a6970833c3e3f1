"""ShuffleNet V2: split the channels in two, work on one half, shuffle.

Ma, Zhang, Zheng and Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture
Design" (2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build"]

_PAPER = (
    "Ma, Zhang, Zheng, Sun: ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture "
    "Design (2018)"
)


def _card(width: str, story: str) -> Card:
    name, enum = f"shufflenet_v2_x{width}", f"ShuffleNet_V2_X{width}_Weights"
    title = f"ShuffleNetV2 x{width.replace('_', '.')}"
    return Card(name, title, 2018, _PAPER, story, Weights(f"{enum}.IMAGENET1K_V1"))


CARDS = (
    _card("0_5", "The least work per picture of all networks here: for slow machines."),
    _card("1_0", "GoogLeNet's accuracy at a tenth of its work, designed by measuring phones."),
    _card("1_5", "Half as wide again as x1.0, for three and a half more points of accuracy."),
    _card("2_0", "The widest ShuffleNetV2: ResNet-50's accuracy in under 30 MB."),
)


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head."""
    from torch.nn import Sequential

    from tl_core.backbones.chain import Chain, linear_head, pooled

    stages = {
        "stem": Sequential(network.conv1, network.maxpool),
        "stage2": network.stage2,
        "stage3": network.stage3,
        "stage4": network.stage4,
        "last": pooled(network.conv5),
    }
    head = network.fc if classes is None else linear_head(network.fc.in_features, classes)
    return Chain(stages, head)
