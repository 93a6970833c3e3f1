"""Batches made ahead: the expected ones come from the thread, others are made when asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tl_core.training.ahead import Ahead
from tl_core.training.device import Device


class Recorded:
    """Gives indices back as floats, and remembers who asked for what."""

    def __init__(self, count: int = 12, fails: int = -1) -> None:
        self.labels, self.key = torch.zeros(count, dtype=torch.int64), ""
        self.asked: list[tuple[str, list[int]]] = []
        self.fails = fails

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        self.asked.append((threading.current_thread().name.split("_")[0], indices.tolist()))
        if self.fails in indices:
            raise torch.OutOfMemoryError
        return indices + (view or 0) * 100.0


@pytest.fixture
def ahead(cpu: Device) -> Iterator[Callable[..., Ahead]]:
    """Make an `Ahead` that works ahead on the CPU too; it is closed after the test."""
    made: list[Ahead] = []

    def make(source: Any, overlap: bool = True) -> Ahead:
        made.append(Ahead(source, cpu, overlap))
        return made[-1]

    yield make
    for each in made:
        each.__exit__(None, None, None)


BATCHES = torch.arange(12).split(4)


def test_expected_batches_come_in_order_and_each_is_made_once(
    ahead: Callable[..., Ahead],
) -> None:
    source = Recorded()
    with ahead(source) as given:
        for epoch in range(2):
            given.expect(BATCHES, epoch)
            for indices in BATCHES:
                assert given.batch(indices, epoch).equal(indices + epoch * 100.0)
    assert source.asked == [("next-batch", indices.tolist()) for indices in BATCHES] * 2


def test_the_next_batch_is_under_way_before_it_is_asked_for(ahead: Callable[..., Ahead]) -> None:
    second = threading.Event()

    class Waits(Recorded):
        def batch(self, indices: Tensor, view: int | None) -> Tensor:
            if 4 in indices:
                second.set()
            return super().batch(indices, view)

    given = ahead(Waits())
    given.expect(BATCHES, 0)
    given.batch(BATCHES[0], 0)
    assert second.wait(10)


def test_a_batch_that_was_not_expected_is_made_here_and_ends_the_plan(
    ahead: Callable[..., Ahead],
) -> None:
    source = Recorded()
    given = ahead(source)
    given.expect(BATCHES, 0)
    for piece in BATCHES[0].split(2):
        assert given.batch(piece, 0).equal(piece * 1.0)
    assert source.asked[1:] == [("MainThread", [0, 1]), ("MainThread", [2, 3])]


def test_what_goes_wrong_in_the_thread_is_raised_where_the_batch_is_asked_for(
    ahead: Callable[..., Ahead],
) -> None:
    given = ahead(Recorded(fails=5))
    given.expect(BATCHES, 0)
    given.batch(BATCHES[0], 0)
    with pytest.raises(torch.OutOfMemoryError):
        given.batch(BATCHES[1], 0)
    piece = BATCHES[1][2:]
    assert given.batch(piece, 0).equal(piece * 1.0)


def test_on_a_cpu_nothing_is_made_ahead(cpu: Device) -> None:
    source = Recorded()
    with Ahead(source, cpu) as given:
        given.expect(BATCHES, 0)
        assert source.asked == []
        given.batch(BATCHES[0], 0)
    assert [thread for thread, _ in source.asked] == ["MainThread"]


@pytest.mark.gpu
def test_on_cuda_a_batch_made_on_another_stream_is_whole() -> None:
    """Many batches, each used at once by a long computation on the training's own stream."""
    device = Device("cuda", "cuda", None, tile=8)

    class Pixels:
        key = ""
        labels = torch.zeros(640, dtype=torch.int64, device="cuda")
        values = torch.arange(640.0, device="cuda")

        def batch(self, indices: Tensor, _: int | None) -> Tensor:
            rows = self.values[indices].unsqueeze(1).expand(-1, 100_000)
            torch.cuda._sleep(2_000_000)  # about a millisecond: what is not waited for is not there
            return rows * 2

    order = torch.randperm(640).cuda().split(32)
    with Ahead(Pixels(), device) as given:
        given.expect(order, 0)
        means = []
        for indices in order:
            inputs = given.batch(indices, 0)
            torch.cuda._sleep(4_000_000)  # it is read late, when the next one may take its memory
            means.append((inputs.double().mean(1) / 2).round().long())
            del inputs
    assert torch.cat(means).equal(torch.cat(order))
