"""Networks and weights as torchvision publishes them. torchvision is imported on first use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Preprocessing

if TYPE_CHECKING:
    from torch import nn


def build(name: str) -> nn.Module:
    """Build torchvision's network `name` with random weights."""
    from torchvision import models

    network: nn.Module = getattr(models, name)(weights=None)
    return network


@dataclass(frozen=True)
class Published:
    """One entry of a torchvision weights enum.

    Attributes:
        url: where its file is downloaded from.
        preprocessing: what the weights were evaluated with.
        facts: file name, beginning of its sha256, size in bytes, top-1 and top-5 accuracy.
    """

    url: str
    preprocessing: Preprocessing
    facts: dict[str, Any]


def published(source: str) -> Published:
    """Look up torchvision's weights by name, e.g. `ResNet18_Weights.IMAGENET1K_V1`."""
    from torchvision.models import get_weight

    weights = get_weight(source)
    transform = weights.transforms()
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]
    file = weights.url.rsplit("/", 1)[-1]
    return Published(
        weights.url,
        Preprocessing(
            transform.crop_size[0],
            transform.resize_size[0],
            transform.interpolation.value,
            (*transform.mean,),
            (*transform.std,),
        ),
        {
            "file": file,
            "sha256": file.rsplit("-", 1)[-1].removesuffix(".pth"),
            "bytes": round(weights.meta["_file_size"] * 1024 * 1024),
            "top1": accuracy["acc@1"],
            "top5": accuracy["acc@5"],
        },
    )
