"""Activations at a cut: computed, kept, and never different for it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.errors import UserError
from tl_core.training import sources
from tl_core.training.device import Device
from tl_core.training.events import Preparing
from tl_core.training.sources import AtCut, Kept, keep


def drained(steps: Generator[Preparing, None, Kept]) -> tuple[list[Preparing], Kept]:
    events = []
    try:
        while True:
            events.append(next(steps))
    except StopIteration as end:
        return events, end.value


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


def test_what_is_kept_is_what_would_be_computed(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device
) -> None:
    at_cut = AtCut(vectors(70, varied=True), toy().body(2), cpu)
    events, kept = drained(keep(at_cut, 3, "Looking"))
    assert kept.views.shape == (3, 70, 8)
    indices = torch.tensor([69, 0, 5])
    for view in range(3):
        assert torch.allclose(kept.batch(indices, view), at_cut.batch(indices, view), atol=1e-6)
        assert torch.equal(kept.batch(indices, view + 3), kept.batch(indices, view)), "in turn"
    assert not torch.equal(kept.batch(indices, 0), kept.batch(indices, 1))

    assert {(event.what, event.total) for event in events} == {("Looking", 210)}
    assert [event.done for event in events] == [64, 70, 134, 140, 204, 210]


def test_without_views_the_examples_are_kept_as_they_are(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device
) -> None:
    source = vectors(10, varied=True)
    at_cut = AtCut(source, toy().body(1), cpu)
    _, kept = drained(keep(at_cut, 0, ""))
    assert {view for _, view in source.asked} == {None}
    everything = torch.arange(10)
    for view in (None, 0, 5):
        assert torch.allclose(kept.batch(everything, view), at_cut.batch(everything, None))


class Greedy(nn.Module):
    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            self.last = weakref.ref(x)
            raise torch.OutOfMemoryError("a test's memory")
        return x


def test_a_full_memory_halves_the_tile_once_and_for_all(
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    cpu: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, greedy = vectors(20), Greedy(2)
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
