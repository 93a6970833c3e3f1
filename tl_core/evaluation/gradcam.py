"""Grad-CAM: which places of a picture speak for a class.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization" (2017). The last maps that the answer depends on are weighted by how much the answer
would rise with each, and added up.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.evaluation.maps import as_maps, watch_places
from tl_core.evaluation.placing import enlarge

_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d)


@torch.enable_grad()
def gradcam(chain: Chain, x: Tensor, label: int) -> NDArray[np.float32]:
    """Return where one picture speaks for a class.

    Nothing in it knows a family: the maps are found by watching the stages, see `_maps_and_logits`.

    Args:
        chain: in evaluation mode.
        x: the picture as the network's input, `(1, 3, S, S)`, in fp32.
        label: number of the class.

    Returns:
        `(S, S)`, none below 0; all 0 where no place speaks for the class, else the strongest cell
        of the map is 1.
    """
    size = x.shape[-1]
    with watch_places(chain.stages, size) as places:
        maps, logits = _maps_and_logits(chain, x)
    gradients = torch.autograd.grad(logits[0, label], maps, allow_unused=True)
    # After ViT's last attention only the class token goes on: what its other tokens become there
    # changes nothing, and their slopes are 0.
    telling = [
        (_read(values).detach(), _read(slopes))
        for values, slopes in zip(maps, gradients, strict=True)
        if slopes is not None and bool(_read(slopes).any())
    ]
    if not telling:
        return np.zeros((size, size), np.float32)
    values, slopes = telling[-1]
    weights = slopes.mean((2, 3), keepdim=True)
    heat = (weights * values).sum(1)[0].relu()
    largest = float(heat.max())
    cells = (heat / largest if largest > 0 else heat).numpy(force=True)
    return enlarge(cells, size, places.get(len(cells)))


def _read(tensor: Tensor) -> Tensor:
    maps = as_maps(tensor)
    assert maps is not None  # noqa: S101 (only such are collected)
    return maps


def _maps_and_logits(chain: Chain, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """Pass a picture through and collect the last maps before it becomes one vector.

    The last stage often ends in a vector, so the maps inside it are watched too. Those that only a
    pooling made are passed over: what was pooled says the same, more finely.
    """
    stages = list(chain.stages.values())
    inputs = [x]
    with torch.no_grad():
        for stage in stages:
            inputs.append(stage(inputs[-1]))
    spatial = [place for place, made in enumerate(inputs[1:]) if as_maps(made) is not None]
    last = spatial[-1] if spatial else 0
    maps: list[Tensor] = []
    pooled: list[Tensor] = []

    def note(layer: nn.Module, _: object, made: object) -> None:
        if not isinstance(made, Tensor) or as_maps(made) is None:
            return
        if isinstance(layer, _POOLS):
            pooled.append(made)
        elif not any(made is known for known in pooled):
            maps.append(made)

    layers = [layer for stage in stages[last : last + 2] for layer in stage.modules()]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        made = inputs[last].detach().requires_grad_()
        for stage in stages[last:]:
            # (a layer that works in place must not change a leaf)
            made = stage(made.clone() if made.is_leaf else made)
        logits = chain.head(made)
    finally:
        for hook in hooks:
            hook.remove()
    return maps, logits
