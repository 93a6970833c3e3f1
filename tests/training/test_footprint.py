"""What a step costs: counted exactly where it can be, and nothing is changed by it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import Chain, linear_head
from tl_core.errors import UserError
from tl_core.training.device import Device
from tl_core.training.footprint import measure_step

CPU = Device("cpu", "cpu", None, tile=4)


class Numbers:
    """Twelve examples of 5 numbers, on a device that has room for some of them at once."""

    def __init__(self, most: int = 12, said: str = "MPS backend out of memory") -> None:
        self.labels, self.key = torch.arange(12) % 2, ""
        self.most, self.said = most, said

    def batch(self, indices: Tensor, view: int | None) -> Tensor:  # noqa: ARG002
        if len(indices) > self.most:
            raise RuntimeError(self.said)
        return torch.randn(12, 5, generator=torch.Generator().manual_seed(0))[indices]


@pytest.fixture
def chain() -> Chain:
    torch.manual_seed(0)
    stages = {
        "one": nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8)),
        "two": nn.Sequential(nn.Linear(8, 6), nn.Tanh()),
    }
    return Chain(stages, linear_head(6, 2)).freeze("one").eval()


def test_the_memory_is_what_the_backward_pass_keeps(chain: Chain) -> None:
    found = measure_step(chain, Numbers(), CPU)
    # Of 8 examples, 4 bytes a number. One: its input (5) and what BatchNorm normalises (8), beside
    # the batch's mean and deviation (2 × 8 numbers for all). Two: its input (8), tanh's output (6).
    assert found.saved == (4 * 13 + 4 * 16 // 8, 4 * 14)
    assert 0 < found.seconds < 1


@pytest.mark.parametrize("most", [7, 3, 2])
def test_a_full_memory_is_measured_with_fewer_examples(chain: Chain, most: int) -> None:
    two = next(size for size in (4, 2) if size <= most)
    found = measure_step(chain, Numbers(most), CPU)
    assert found.saved == (4 * 13 + 4 * 16 // two, 4 * 14)


def test_a_memory_too_small_for_two_is_one_sentence(chain: Chain) -> None:
    with pytest.raises(UserError, match="too small for a training step of this whole network"):
        measure_step(chain, Numbers(1), CPU)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        measure_step(chain, Numbers(0, "CUDA error: an illegal memory access"), CPU)
    assert chain.frozen == 1


@pytest.mark.parametrize(("most", "examples"), [(12, 3), (2, 8)])
def test_nothing_is_changed(chain: Chain, most: int, examples: int) -> None:
    before = {name: value.clone() for name, value in chain.state_dict().items()}
    measure_step(chain, Numbers(most), CPU, examples)
    assert all(torch.equal(value, before[name]) for name, value in chain.state_dict().items())
    assert not chain.training
    assert chain.frozen == 1
    assert all(parameter.grad is None for parameter in chain.parameters())
