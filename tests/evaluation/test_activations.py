"""What stages make of a picture: maps of known content, on every layout."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from tl_core.backbones.catalog import catalogue, family_of
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.errors import UserError
from tl_core.evaluation.activations import STRONGEST, activations, first_filters

pytestmark = pytest.mark.usefixtures("one_thread")


class Channels(nn.Module):
    """Channel k holds k times the picture's first colour; channel 3 its negative, tenfold."""

    def forward(self, x: Tensor) -> Tensor:
        made = torch.stack([k * x[:, 0] for k in range(20)], 1)
        made[:, 3] *= -10
        return made


def test_the_strongest_channels_come_first() -> None:
    chain = Chain({"one": Channels(), "two": nn.Flatten(1)}, nn.Identity()).eval()
    x = torch.rand(1, 3, 8, 8)
    seen = activations(chain, x, "one")
    assert seen.numbers.tolist() == [3, *range(19, 19 - STRONGEST + 1, -1)]
    np.testing.assert_allclose(seen.strongest[0], -30 * x[0, 0], rtol=1e-6)
    np.testing.assert_allclose(seen.mean, x[0, 0] * (190 - 33) / 20, rtol=1e-5)
    assert seen.values.shape == (20,)
    vector = activations(chain, x, "two")
    assert vector.mean.size == vector.strongest.size == len(vector.numbers) == 0
    assert vector.values.shape == (20 * 64,)


def test_large_maps_are_shown_smaller() -> None:
    chain = Chain({"one": Channels()}, nn.Identity())
    seen = activations(chain, torch.ones(1, 3, 300, 300), "one")
    assert seen.mean.shape == (64, 64)


def test_tokens_are_maps() -> None:
    network = VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
    chain = family_of("vit_b_16").assemble(network, 3).eval()
    assert activations(chain, torch.rand(1, 3, 32, 32), "block1").strongest.shape == (12, 4, 4)
    assert first_filters(chain).shape == (16, 8, 8, 3)


def test_an_unknown_stage_is_a_sentence() -> None:
    with pytest.raises(UserError, match="There is no stage called 'layer9'"):
        activations(load_backbone("small", 2, pretrained=False), torch.ones(1, 3, 64, 64), "layer9")


def test_filters_are_pictures() -> None:
    chain = load_backbone("mini", 2)
    shown = first_filters(chain)
    assert shown.shape == (32, 3, 3, 3)
    assert 0 <= shown.min() < 0.4 < 0.6 < shown.max() <= 1
    kernel = chain.stages["stem"][0].weight.detach().numpy()
    order = [np.corrcoef(a.ravel(), b.transpose(1, 2, 0).ravel())[0, 1] for a, b in
             zip(shown, kernel, strict=True)]  # fmt: skip
    assert min(order) > 0.999, "each as it is, in their own order"
    assert len(first_filters(chain, most=5)) == 5


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue())
def test_every_stage_of_every_backbone(name: str) -> None:
    card = catalogue()[name]
    chain = load_backbone(name, 2, pretrained=False).eval()
    x = torch.rand(1, 3, card.preprocessing.size, card.preprocessing.size)
    for stage in (card.stages[0], card.stages[len(card.stages) // 2], card.stages[-1]):
        seen = activations(chain, x, stage.name)
        channels = stage.shape[-1] if len(stage.shape) < 3 or "swin" in name else stage.shape[0]
        assert seen.values.shape == (channels,)
        assert np.isfinite(seen.values).all()
    shown = first_filters(chain)
    assert shown.ndim == 4
    assert shown.shape[3] == 3
