"""What one stage makes of a picture, and what the very first filters look for."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.evaluation.explanation import Activations
from tl_core.evaluation.maps import as_maps

STRONGEST, FILTERS = 12, 64
_FINEST = 64  # pixels per side that are shown of a map


def activations(chain: Chain, x: Tensor, stage: str, most: int = STRONGEST) -> Activations:
    """Return what the stage called `stage` makes of one picture.

    Args:
        chain: in evaluation mode.
        x: the picture as the network's input, `(1, 3, S, S)`.
        stage: name.
        most: channels to return.

    Raises:
        UserError: there is no such stage.
    """
    with torch.no_grad():
        made = chain.body(chain.cut(stage))(x)
    maps = as_maps(made)
    if maps is None:
        values = made[0].flatten().numpy(force=True)
        nothing = np.zeros((0, 0), np.float32)
        return Activations(nothing, nothing[None], np.zeros(0, np.int64), values)
    if maps.shape[-1] > _FINEST:
        maps = nn.functional.adaptive_avg_pool2d(maps, _FINEST)
    channels = maps[0]
    # Some stages end before a ReLU: an answer below 0 is one as well.
    strength = channels.abs().mean((1, 2))
    numbers = strength.argsort(descending=True, stable=True)[:most]
    return Activations(
        mean=channels.mean(0).numpy(force=True),
        strongest=channels[numbers].numpy(force=True),
        numbers=numbers.numpy(force=True),
        values=channels.mean((1, 2)).numpy(force=True),
    )


def first_filters(chain: Chain, most: int = FILTERS) -> NDArray[np.float32]:
    """Return the filters that see the picture itself, as small pictures.

    Returns:
        `(K, h, w, 3)` between 0 and 1, grey where a filter looks for nothing; those with the
        largest weights where there are more than `most`.
    """
    looks = (layer for layer in chain.stages.modules() if isinstance(layer, nn.Conv2d))
    weights = next(looks).weight.detach().float()
    size = weights.flatten(1).norm(dim=1)
    chosen = size.argsort(descending=True, stable=True)[:most].sort().values
    weights = weights[chosen]
    largest = weights.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    return (weights / largest / 2 + 0.5).permute(0, 2, 3, 1).contiguous().numpy(force=True)
