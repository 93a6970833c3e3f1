"""The averages of every stage: from one pass, kept, and read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import Chain, linear_head, pooled
from tl_core.training.averaged import averages
from tl_core.training.cutcache import CutCache
from tl_core.training.device import Device
from tl_core.training.sources import Inference

CPU = Device("cpu", "cpu", None, tile=4)


class Noise:
    """Ten examples of noise, which count how often they are asked for."""

    def __init__(self, key: str = "noise") -> None:
        self.labels, self.key, self.asked = torch.arange(10) % 2, key, 0

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        assert view is None
        self.asked += len(indices)
        return torch.randn(10, 3, 16, 16, generator=torch.Generator().manual_seed(0))[indices]


@pytest.fixture
def chain() -> Chain:
    torch.manual_seed(0)
    stages = {
        "one": nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU()),
        "two": pooled(nn.Conv2d(4, 6, 3, 2, 1)),
    }
    return Chain(stages, linear_head(6, 2)).eval()


def test_one_pass_gives_the_averages_at_every_cut(chain: Chain) -> None:
    source = Noise()
    told: list[tuple[int, int]] = []
    found = averages(
        chain, source, [1, 2], CPU, Inference(), None, lambda *count: told.append(count)
    )
    with torch.no_grad():
        x = source.batch(torch.arange(10), None)
        maps = chain.body(1)(x)
        last = chain.body(2)(x)
    assert np.allclose(found.features[0], maps.mean((2, 3)), atol=1e-6)
    assert np.allclose(found.features[1], last, atol=1e-6)
    assert found.seconds[0] <= found.seconds[1] <= found.spent
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_what_is_kept_is_not_computed_again(chain: Chain, tmp_path: Path) -> None:
    cache, source = CutCache(tmp_path), Noise()
    first = averages(chain, source, [1, 2], CPU, Inference(), cache)
    again = averages(chain, source, [1, 2], CPU, Inference(), cache)
    assert source.asked == 10
    assert (again.spent, again.seconds) == (0.0, first.seconds)
    for one, other in zip(first.features, again.features, strict=True):
        assert one.dtype == np.float32
        assert (one == other).all()
    averages(chain, source, [2], CPU, Inference(), cache)
    assert source.asked == 10, "one of several cuts is known as well"


def test_other_pictures_weights_or_ways_are_passed_anew(chain: Chain, tmp_path: Path) -> None:
    cache, source = CutCache(tmp_path), Noise()
    averages(chain, source, [1, 2], CPU, Inference(), cache)
    other = Noise("other")
    averages(chain, other, [1, 2], CPU, Inference(), cache)
    assert other.asked == 10
    averages(chain, source, [1, 2], CPU, Inference("folded"), cache)
    assert source.asked == 20
    with torch.no_grad():
        next(chain.body(1).parameters()).add_(1)
    averages(chain, source, [1, 2], CPU, Inference(), cache)
    assert source.asked == 30


def test_what_has_no_name_and_what_finds_no_room_is_computed(chain: Chain, tmp_path: Path) -> None:
    nameless = Noise("")
    averages(chain, nameless, [2], CPU, Inference(), CutCache(tmp_path))
    found = averages(chain, Noise(), [2], CPU, Inference(), CutCache(tmp_path, 10))
    assert found.features[0].shape == (10, 6)
    assert list(tmp_path.iterdir()) == []
