"""Activations at a cut: computed when asked for, in tiles that fit the memory."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.errors import UserError
from tl_core.training import sources
from tl_core.training.device import Device
from tl_core.training.sources import AtCut, Compute, Inference


@pytest.mark.parametrize("tile", [1, 3, 8, 1000])
def test_activations_are_the_bodys_own_whatever_the_tile(
    tile: int, toy: Callable[..., Chain], vectors: Callable[..., Any]
) -> None:
    chain, source = toy().train(), vectors(20)
    at_cut = AtCut(source, chain.body(2), Device("cpu", "", None, tile))
    indices = torch.tensor([7, 3, 3, 19, 0])
    activations = at_cut.batch(indices, None)
    with torch.no_grad():
        expected = chain.eval().body(2)(source.points[indices])
    assert torch.allclose(activations, expected, atol=1e-6)
    assert not activations.requires_grad
    assert at_cut.labels is source.labels
    assert max(len(asked) for asked, _ in source.asked) <= tile


def test_the_body_is_in_evaluation_mode_and_stays_as_it_was(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device
) -> None:
    chain, twin = toy(), toy()
    chain.train()
    at_cut = AtCut(vectors(20), chain.body(3), cpu)
    at_cut.batch(torch.arange(20), 0)
    assert not any(module.training for module in chain.body(3))
    for name, tensor in twin.state_dict().items():
        assert torch.equal(chain.state_dict()[name], tensor), name


def test_several_cuts_in_one_pass(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device
) -> None:
    chain, source = toy(), vectors(20)
    tiles = list(AtCut(source, chain.body(3), cpu, (1, 3)).tiles(torch.arange(20), None))
    assert [[len(part) for part in tile] for tile in tiles] == [[8, 8], [8, 8], [4, 4]]
    for number, cut in enumerate((1, 3)):
        alone = AtCut(source, chain.body(cut), cpu).batch(torch.arange(20), None)
        assert torch.equal(torch.cat([tile[number] for tile in tiles]), alone)


def test_how_the_body_is_computed_can_be_chosen(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device
) -> None:
    built: list[tuple[list[str], tuple[int, ...]]] = []

    def build(stages: nn.Sequential, shape: tuple[int, ...]) -> Compute:
        built.append(([name for name, _ in stages.named_children()], shape))
        return lambda x: 2 * stages(x)

    at_cut = AtCut(vectors(20), toy().body(3), cpu, (2, 3), Inference("doubled", build))
    assert not built, "it may take long, and nothing may be asked for"
    plain = AtCut(vectors(20), toy().body(2), cpu).batch(torch.arange(20), None)
    for _ in range(2):
        first, *_ = at_cut.tiles(torch.arange(20), None)
    assert torch.allclose(first[0], 2 * plain[:8])
    assert built == [(["first", "second"], (8,)), (["third"], (8,))]


class Greedy(nn.Module):
    def __init__(self, most: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.most, self.error = most, error

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            self.last = weakref.ref(x)
            raise self.error("CUDNN_STATUS_ALLOC_FAILED, a test's")
        return x


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_a_full_memory_halves_the_tile_once_and_for_all(
    error: type[Exception],
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    cpu: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, greedy = vectors(20), Greedy(2, error)
    plain = AtCut(source, toy().body(3), cpu).batch(torch.arange(20), None)
    released: list[bool] = []
    monkeypatch.setattr(sources, "release_memory", lambda _: released.append(greedy.last() is None))
    at_cut = AtCut(source, toy(extra=greedy).body(3), cpu)
    for _ in range(2):
        assert torch.allclose(at_cut.batch(torch.arange(20), None), plain, atol=1e-6)
    assert at_cut.tile == 2
    assert released == [True, True], "8 to 4 to 2, each after the attempt has let go"


def test_one_picture_too_many(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device
) -> None:
    at_cut = AtCut(vectors(20), toy(extra=Greedy(0)).body(3), cpu)
    with pytest.raises(UserError, match="even with one picture at a time"):
        at_cut.batch(torch.arange(20), None)
