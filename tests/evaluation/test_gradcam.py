"""Grad-CAM: on networks where the answer is known, and on every backbone of the catalogue."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import SwinTransformer, VisionTransformer

from tl_core.backbones.catalog import catalogue, family_of
from tl_core.backbones.chain import Chain, pooled
from tl_core.backbones.load import load_backbone
from tl_core.evaluation.gradcam import gradcam
from tl_core.evaluation.maps import as_maps

pytestmark = pytest.mark.usefixtures("one_thread")
QUADRANTS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def colours() -> nn.Conv2d:
    """Answer with how red a place of 4 x 4 pixels is, and with how green."""
    layer = nn.Conv2d(3, 2, 4, 4, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0] = layer.weight[1, 1] = 1
    return layer


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def tokens(x: Tensor) -> Tensor:
    return torch.cat([torch.zeros(len(x), 1, x.shape[1]), x.flatten(2).mT], 1)


NETWORKS: dict[str, Callable[[], dict[str, nn.Module]]] = {
    "pooled inside the last stage": lambda: {"one": pooled(nn.Sequential(colours(), nn.ReLU()))},
    "maps, then a stage of vectors": lambda: {
        "maps": nn.Sequential(colours(), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        "vector": nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(1), nn.Identity()),
    },
    "channels last": lambda: {
        "maps": nn.Sequential(colours(), Function(lambda x: x.permute(0, 2, 3, 1))),
        "vector": Function(lambda x: x.mean((1, 2))),
    },
    "tokens": lambda: {
        "patches": nn.Sequential(colours(), Function(tokens)),
        "vector": Function(lambda x: x[:, 0] + x[:, 1:].mean(1)),
    },
    "tokens that are read before the last layer": lambda: {
        "patches": nn.Sequential(colours(), Function(tokens)),
        "attention": nn.Sequential(
            Function(lambda x: torch.cat([x.mean(1, keepdim=True), x[:, 1:]], 1)),
            Function(lambda x: 2 * x),
            Function(lambda x: x[:, 0]),
        ),
    },
}


def head(features: int) -> nn.Linear:
    """Say "red" by the first half of the features and "green" by the other."""
    layer = nn.Linear(features, 2)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, : features // 2] = layer.weight[1, features // 2 :] = 1
    return layer


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("where", QUADRANTS)
def test_the_peak_is_where_the_object_is(kind: str, where: tuple[int, int]) -> None:
    chain = Chain(NETWORKS[kind](), head(8 if "vectors" in kind else 2)).eval()
    picture = torch.zeros(1, 3, 64, 64)
    row, column = where
    picture[0, 0, 32 * row + 8 : 32 * row + 20, 32 * column + 8 : 32 * column + 20] = 1
    # What speaks for the other class, elsewhere and stronger.
    picture[0, 1, 32 * (1 - row) + 8 : 32 * (1 - row) + 20, 40:52] = 2
    heat = gradcam(chain, picture, 0)
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert (y // 32, x // 32) == where
    assert heat.max() == pytest.approx(1, abs=0.3)
    assert heat[32 * (1 - row) :][:32].max() < 0.01, "green says nothing about red"


def test_what_was_pooled_is_shown_before_the_pooling() -> None:
    chain = Chain(NETWORKS["maps, then a stage of vectors"](), head(8)).eval()
    picture = torch.zeros(1, 3, 64, 64)
    picture[:, 0, :4, :4] = 1
    assert (gradcam(chain, picture, 0) > 0).sum() < 8 * 8, "one of 16 x 16 cells, not of 8 x 8"


def test_where_nothing_speaks_for_the_class_all_is_zero() -> None:
    chain = Chain(NETWORKS["pooled inside the last stage"](), head(2)).eval()
    with torch.no_grad():
        chain.head.weight.neg_()
    heat = gradcam(chain, torch.ones(1, 3, 64, 64), 0)
    assert heat.shape == (64, 64)
    assert not heat.any()


def test_frozen_weights_and_the_network_are_left_as_they_are() -> None:
    chain = load_backbone("small", 3, pretrained=False).freeze("all").eval()
    before = {name: tensor.clone() for name, tensor in chain.state_dict().items()}
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, second = gradcam(chain, x, 1), gradcam(chain, x, 1)
    assert np.array_equal(first, second)
    assert first.dtype == np.float32
    assert all(torch.equal(tensor, before[name]) for name, tensor in chain.state_dict().items())
    assert all(parameter.grad is None for parameter in chain.parameters())
    assert not any(layer._forward_hooks for layer in chain.modules())


def check(chain: Chain, size: int) -> None:
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    heats = [gradcam(chain.eval(), x, label) for label in range(3)]
    for heat in heats:
        assert heat.shape == (size, size)
        assert np.isfinite(heat).all()
        assert heat.min() >= 0
    assert any(np.ptp(heat) > 0.01 for heat in heats)


def test_a_small_vision_transformer() -> None:
    network = VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
    nn.init.normal_(network.class_token)
    check(family_of("vit_b_16").assemble(network, 3), 32)


def test_a_small_swin_transformer() -> None:
    network = SwinTransformer([4, 4], 8, [1, 1, 1, 1], [1, 1, 1, 1], [2, 2])
    check(family_of("swin_t").assemble(network, 3), 128)


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "mini"])
def test_quick_backbones(name: str) -> None:
    chain = load_backbone(name, 3, pretrained=name == "mini", seed=1)
    check(chain, catalogue()[name].preprocessing.size)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue())
def test_every_backbone(name: str) -> None:
    check(load_backbone(name, 3, pretrained=False, seed=1), catalogue()[name].preprocessing.size)


@pytest.mark.parametrize("name", catalogue())
def test_every_stage_is_read_as_square_maps_or_as_a_vector(name: str) -> None:
    stages = catalogue()[name].stages
    sides = []
    for stage in stages:
        maps = as_maps(torch.empty(1, *stage.shape, device="meta"))
        if maps is None:
            assert len(stage.shape) == 1
            continue
        _, channels, height, width = maps.shape
        assert height == width
        assert channels >= 8
        sides.append(height)
    assert sides == sorted(sides, reverse=True)
    assert sides[0] >= 7
