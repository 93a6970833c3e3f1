"""GoogLeNet and Inception v3: modules that look at one place through several filters at once.

Szegedy et al., "Going Deeper with Convolutions" (2014) and "Rethinking the Inception Architecture
for Computer Vision" (2015). Both networks learned from inputs scaled to -1..1, so their stem first
undoes ImageNet's normalisation. torchvision's GoogLeNet has batch normalisation and 3x3 filters
where the paper has 5x5 (vision issue 906).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights

if TYPE_CHECKING:
    from torch import nn

    from tl_core.backbones.chain import Chain

CARDS = (
    Card(
        "googlenet",
        "GoogLeNet",
        2014,
        "Szegedy et al.: Going Deeper with Convolutions (2014)",
        "Looks at every place with several filter sizes at once; won with a ninth of AlexNet's "
        "parameters.",
        Weights("GoogLeNet_Weights.IMAGENET1K_V1"),
        contest="6.67 % top-5 error, winner of 2014 (7 networks together)",
    ),
    Card(
        "inception_v3",
        "Inception v3",
        2015,
        "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception Architecture for "
        "Computer Vision (2015)",
        "GoogLeNet's successor, for larger pictures; many early transfer lessons were built on it.",
        Weights("Inception_V3_Weights.IMAGENET1K_V1"),
    ),
)


def build(name: str) -> nn.Module:
    """Build torchvision's network `name` with random weights, without its training-time helpers.

    The published files also hold the auxiliary classifiers; those tensors are left unread.
    """
    from torchvision import models

    network: nn.Module = getattr(models, name)(
        weights=None, aux_logits=False, transform_input=True, init_weights=True
    )
    return network


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head."""
    from torch.nn import Sequential

    from tl_core.backbones.chain import Chain, linear_head, pooled

    layers = dict(network.named_children())
    stages = {
        stage: Sequential(*(layers[name] for name in names.split()))
        for stage, names in (_GOOGLENET if "inception3a" in layers else _INCEPTION).items()
    }
    stages["stem"].insert(0, _input_transform())
    *_, last = stages
    stages[last] = pooled(stages[last])
    if classes is None:
        return Chain(stages, Sequential(network.dropout, network.fc))
    return Chain(stages, linear_head(network.fc.in_features, classes, network.dropout.p))


_GOOGLENET = {
    "stem": "conv1 maxpool1 conv2 conv3 maxpool2",
    "inception3": "inception3a inception3b maxpool3",
    "inception4": "inception4a inception4b inception4c inception4d inception4e maxpool4",
    "inception5": "inception5a inception5b",
}
_INCEPTION = {
    "stem": "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 maxpool1 "
    "Conv2d_3b_1x1 Conv2d_4a_3x3 maxpool2",
    "mixed5": "Mixed_5b Mixed_5c Mixed_5d",
    "mixed6": "Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e",
    "mixed7": "Mixed_7a Mixed_7b Mixed_7c",
}


def _input_transform() -> nn.Module:
    import torch
    from torch import Tensor, nn

    from tl_core.backbones.card import Preprocessing

    usual = Preprocessing()

    class InputTransform(nn.Module):
        """From ImageNet's mean and deviation per colour to values between -1 and 1."""

        def forward(self, x: Tensor) -> Tensor:
            channels = [
                x[:, index] * (std / 0.5) + (mean - 0.5) / 0.5
                for index, (mean, std) in enumerate(zip(usual.mean, usual.std, strict=True))
            ]
            return torch.stack(channels, 1)

    return InputTransform()
