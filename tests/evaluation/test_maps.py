"""Where the cells of a map lie on the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tl_core.backbones.load import load_backbone
from tl_core.evaluation.maps import as_maps, watch_places

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("name", "size", "side", "first"),
    [
        ("resnet18", 224, 7, 0),  # padded strides: the first cell is centred on the first pixel
        ("mobilenet_v2", 224, 7, 0),
        ("squeezenet1_1", 224, 13, 15),  # no padding at the beginning
        ("convnext_tiny", 224, 7, 15.5),  # squares side by side
        ("alexnet", 224, 13, 15),
    ],
)
def test_a_cell_lies_where_its_pixels_are(name: str, size: int, side: int, first: float) -> None:
    """The pixels that a cell depends on, weighted by how much, have their middle there."""
    chain = load_backbone(name, 2, pretrained=False).eval()
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    kept: list[torch.Tensor] = []

    def keep(_: nn.Module, __: object, made: torch.Tensor) -> None:
        if isinstance(made, torch.Tensor) and made.shape[2:] == (side, side):
            kept.append(made)

    hooks = [layer.register_forward_hook(keep) for layer in chain.stages.modules()]
    with watch_places(chain.stages, size) as places:
        chain.body(len(chain.names))(x)
    assert places[side].first == pytest.approx(first, abs=1)
    for hook in hooks:
        hook.remove()
    cell = side // 2
    weights = torch.randn(kept[-1].shape[1], generator=torch.Generator().manual_seed(0))
    answer = (kept[-1][:, :, cell, cell] * weights).sum()
    (slopes,) = torch.autograd.grad(answer, x)
    mass = slopes.square().sum((0, 1, 2)).numpy()
    middle = (mass * np.arange(size)).sum() / mass.sum()
    stretched = (cell + 0.5) * size / side - 0.5
    told = places[side].first + cell * places[side].step
    assert abs(middle - told) <= 8
    assert abs(told - stretched) < 1 or abs(middle - told) < abs(middle - stretched)


@pytest.mark.parametrize("shape", [(1, 5), (1, 5, 1, 1), (1, 6, 5), (2, 3, 4, 5), (1, 1, 9)])
def test_what_has_no_place_is_no_map(shape: tuple[int, ...]) -> None:
    assert as_maps(torch.zeros(shape)) is None


def test_the_class_token_is_left_out() -> None:
    tokens = torch.arange(10.0)[None, :, None]
    assert as_maps(tokens)[0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
