"""Vision transformer: a picture as a sequence of square patches.

Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale"
(2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Weights
from tl_core.backbones.published import build

if TYPE_CHECKING:
    from tl_core.backbones.chain import Chain

__all__ = ["CARDS", "assemble", "build", "rename"]

_PAPER = "Dosovitskiy et al.: An Image is Worth 16x16 Words (2020)"

CARDS = (
    Card(
        "vit_b_16",
        "ViT-B/16",
        2020,
        _PAPER,
        "Reads a picture as 196 patches that all look at each other, as words in a sentence do.",
        Weights("ViT_B_16_Weights.IMAGENET1K_V1"),
    ),
    Card(
        "vit_b_32",
        "ViT-B/32",
        2020,
        _PAPER,
        "The same transformer with 49 larger patches: a quarter of the work, less fine detail.",
        Weights("ViT_B_32_Weights.IMAGENET1K_V1"),
    ),
)

# torchvision's own name of the two layers until version 0.13, and in the published files.
_OLD_NAMES = {"mlp.linear_1.": "mlp.0.", "mlp.linear_2.": "mlp.3."}


def rename(name: str) -> str:
    """Return today's name of a tensor in the published files."""
    for old, new in _OLD_NAMES.items():
        name = name.replace(old, new)
    return name


def assemble(network: Any, classes: int | None) -> Chain:
    """Name the stages of torchvision's network; `classes` fits a new head.

    The last block ends with the class token alone: what the network made of the whole picture.
    """
    import torch
    from torch import Tensor, nn

    from tl_core.backbones.chain import Chain, linear_head

    class Patches(nn.Module):
        """A picture `(N, 3, H, W)` as tokens: the class token, then one per patch."""

        def __init__(self) -> None:
            super().__init__()
            self.conv_proj = network.conv_proj
            self.class_token = network.class_token
            self.pos_embedding = network.encoder.pos_embedding
            self.dropout = network.encoder.dropout

        def forward(self, x: Tensor) -> Tensor:
            patches = self.conv_proj(x).flatten(2).transpose(1, 2)
            tokens = torch.cat([self.class_token.expand(x.shape[0], -1, -1), patches], 1)
            out: Tensor = self.dropout(tokens + self.pos_embedding)
            return out

    class ClassToken(nn.Module):
        def forward(self, tokens: Tensor) -> Tensor:
            return tokens[:, 0]

    stages: dict[str, nn.Module] = {"patches": Patches()}
    stages.update((f"block{number}", b) for number, b in enumerate(network.encoder.layers, 1))
    *_, last = stages
    stages[last] = nn.Sequential(stages[last], network.encoder.ln, ClassToken())
    if classes is None:
        return Chain(stages, network.heads)
    return Chain(stages, linear_head(network.hidden_dim, classes))
