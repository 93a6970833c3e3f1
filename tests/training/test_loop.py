"""The loop on chains of dense stages: it learns, it repeats itself, it survives a full memory."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.errors import UserError
from tl_core.training import loop
from tl_core.training.ahead import Ahead
from tl_core.training.device import Device
from tl_core.training.events import EpochEnded, Event, Notice, Stepped
from tl_core.training.loop import batch_count, evaluate, run_phase
from tl_core.training.phases import Phase


class Greedy(nn.Module):
    """Passes everything on, and is out of memory for more than `most` examples at once."""

    def __init__(self, most: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.most, self.error = most, error
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            raise self.error("MPS backend out of memory (a test's)")
        self.sizes.append(len(x))
        return x


@pytest.fixture
def train(
    vectors: Callable[..., Any], phase: Callable[..., Phase], cpu: Device
) -> Callable[..., list[Event]]:
    """Train a whole chain for one phase and return its events."""

    def run(chain: Chain, count: int = 60, seed: int = 0, **changes: Any) -> list[Event]:
        told = phase(**changes)
        source, validation = vectors(count, seed=1), vectors(30, seed=2)
        return list(run_phase(chain.tail(0), source, validation, told, cpu, seed=seed))

    return run


def epochs(events: list[Event]) -> list[EpochEnded]:
    return [event for event in events if isinstance(event, EpochEnded)]


def same(one: nn.Module, two: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


# --- it learns --------------------------------------------------------------------------------


def test_the_loss_falls(toy: Callable[..., Chain], train: Callable[..., list[Event]]) -> None:
    ended = epochs(train(toy(), epochs=15))
    assert ended[-1].train_loss < 0.5 * ended[0].train_loss
    assert ended[-1].validation_loss < ended[0].validation_loss
    assert ended[-1].validation_accuracy > 0.8


def test_events_tell_every_step(
    toy: Callable[..., Chain], train: Callable[..., list[Event]]
) -> None:
    events = train(toy(), count=35, epochs=2, batch_size=16)
    assert [type(event).__name__ for event in events] == ["Stepped"] * 3 + ["EpochEnded"] + [
        "Stepped"
    ] * 3 + ["EpochEnded"]
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [(s.epoch, s.step, s.steps) for s in steps[:3]] == [(1, 1, 3), (1, 2, 3), (1, 3, 3)]
    assert sum(step.examples for step in steps[:3]) == 35
    ended = epochs(events)
    assert [event.epoch for event in ended] == [1, 2]
    assert all(event.examples == 35 and event.seconds > 0 for event in ended)
    mean = sum(step.loss * step.examples for step in steps[:3]) / 35
    assert ended[0].train_loss == pytest.approx(mean, rel=1e-5)


def test_every_example_is_seen_once_an_epoch_in_another_order(
    toy: Callable[..., Chain], vectors: Callable[..., Any], phase: Callable[..., Phase], cpu: Device
) -> None:
    source = vectors(33)
    list(run_phase(toy().tail(0), source, vectors(9), phase(epochs=3, batch_size=8), cpu))
    orders = []
    for epoch in range(3):
        batches = [indices for indices, view in source.asked if view == epoch]
        orders.append([index for indices in batches for index in indices])
        assert sorted(orders[-1]) == list(range(33))
        assert min(map(len, batches)) >= 6, "batches of nearly one size"
    assert orders[0] != orders[1] != orders[2]


def test_validation_changes_nothing_and_asks_for_the_examples_as_they_are(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device
) -> None:
    chain, twin, source = toy(), toy(), vectors(31)
    chain.train()
    measured = evaluate(chain.tail(0), source, cpu, 4)
    assert same(chain, twin)
    assert {view for _, view in source.asked} == {None}
    with torch.no_grad():
        logits = twin.eval()(source.points)
    assert measured.accuracy == pytest.approx((logits.argmax(1) == source.labels).float().mean())
    expected = float(nn.functional.cross_entropy(logits, source.labels))
    assert measured.loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["cpu", "cuda", "mps"])
def test_every_device_learns(
    kind: str, toy: Callable[..., Chain], vectors: Callable[..., Any], phase: Callable[..., Phase]
) -> None:
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(kind, True):
        pytest.skip(f"no {kind} device")
    device = Device(kind, kind, None, tile=8)
    source, validation = vectors(60, 1, kind), vectors(30, 2, kind)
    chain = toy().to(kind)
    ended = epochs(list(run_phase(chain.tail(0), source, validation, phase(epochs=15), device)))
    assert ended[-1].validation_accuracy > 0.8


# --- it repeats itself ------------------------------------------------------------------------


def test_one_seed_gives_one_result(
    toy: Callable[..., Chain], train: Callable[..., list[Event]]
) -> None:
    def run(seed: int) -> tuple[Chain, list[float]]:
        torch.rand(seed + 3)  # what happened before must not matter
        chain = toy(extra=nn.Dropout(0.3))
        return chain, [event.train_loss for event in epochs(train(chain, seed=seed))]

    (one, losses), (two, again), (other, _) = run(5), run(5), run(6)
    assert losses == again
    assert same(one, two)
    assert not same(one, other)


@pytest.mark.parametrize("memory", [2, 100], ids=["a full memory", "memory enough"])
def test_a_batch_made_ahead_is_the_same_batch(
    memory: int,
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    phase: Callable[..., Phase],
    cpu: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(overlap: bool) -> tuple[Chain, list[float], list[str]]:
        monkeypatch.setattr(loop, "Ahead", partial(Ahead, overlap=overlap))
        chain = toy(norm=memory > 2, extra=nn.Sequential(Greedy(memory), nn.Dropout(0.3)))
        source = vectors(45, varied=True)
        plain, threads = source.batch, []

        def batch(indices: Tensor, view: int | None) -> Tensor:
            threads.append(threading.current_thread().name)
            return plain(indices, view)

        source.batch = batch
        events = list(run_phase(chain.tail(0), source, vectors(9), phase(epochs=3), cpu))
        return chain, [event.train_loss for event in epochs(events)], threads

    (one, losses, here), (two, again, elsewhere) = run(False), run(True)
    assert losses == again
    assert same(one, two)
    assert set(here) == {"MainThread"}
    assert elsewhere[0].startswith("next-batch")
    assert not [t for t in threading.enumerate() if t.name.startswith("next-batch")], "it ended"


# --- what goes wrong --------------------------------------------------------------------------


def test_a_loss_that_is_no_number_ends_the_phase_with_a_sentence(
    toy: Callable[..., Chain], train: Callable[..., list[Event]]
) -> None:
    chain = toy(norm=False)
    with torch.no_grad():
        chain.head.weight.fill_(math.inf)
    with pytest.raises(UserError) as caught:
        train(chain, head_lr=0.5)
    message = str(caught.value)
    assert "epoch 1" in message
    assert "no longer a number" in message
    assert "smaller learning rate, for example 0.05." in message


def test_a_validation_loss_that_is_no_number_ends_the_phase_too(
    toy: Callable[..., Chain], train: Callable[..., list[Event]]
) -> None:
    class OverflowsWhenMeasured(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if self.training else x * math.nan

    with pytest.raises(UserError, match="no longer a number"):
        train(toy(extra=OverflowsWhenMeasured()))


@settings(deadline=None)
@given(st.integers(1, 10_000), st.integers(1, 4096))
def test_no_batch_is_left_with_one_example(examples: int, batch_size: int) -> None:
    batches = [
        len(b) for b in torch.arange(examples).tensor_split(batch_count(examples, batch_size))
    ]
    assert sum(batches) == examples
    if examples > 1:
        assert min(batches) >= 2
        assert max(batches) <= max(batch_size, 3)
    assert max(batches) - min(batches) <= 1


# --- the memory is full -----------------------------------------------------------------------


def test_a_full_memory_halves_the_batch_says_so_and_goes_on(
    toy: Callable[..., Chain], train: Callable[..., list[Event]]
) -> None:
    greedy = Greedy(4)
    small, plain = toy(norm=False, extra=greedy), toy(norm=False)
    events, expected = train(small, batch_size=16), epochs(train(plain, batch_size=16))
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert "4 pieces" in notices[0]
    assert "4 pictures at a time" in notices[0]
    assert "the processor" in notices[0]
    assert max(greedy.sizes) == 4
    for ours, theirs in zip(epochs(events), expected, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-4)
        assert ours.validation_loss == pytest.approx(theirs.validation_loss, rel=1e-4)
        assert ours.train_accuracy == theirs.train_accuracy


def test_more_pieces_than_a_batch_has_examples(
    toy: Callable[..., Chain], train: Callable[..., list[Event]]
) -> None:
    """Batches of 8 and 7, one picture at a time: the second has no eighth piece."""
    small, plain = toy(norm=False, extra=Greedy(1)), toy(norm=False)
    ours = epochs(train(small, count=15, batch_size=8, epochs=2))
    theirs = epochs(train(plain, count=15, batch_size=8, epochs=2))
    assert ours[-1].train_loss == pytest.approx(theirs[-1].train_loss, rel=1e-4)


def test_measuring_fits_into_the_memory_as_well(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device
) -> None:
    greedy, source = Greedy(5), vectors(40)
    measured = evaluate(toy(extra=greedy).tail(0), source, cpu, 32)
    assert measured == evaluate(toy().tail(0), source, cpu, 4)
    assert max(greedy.sizes) == 4


def test_a_batch_too_large_to_be_fetched_is_halved_too(
    toy: Callable[..., Chain], vectors: Callable[..., Any], phase: Callable[..., Phase], cpu: Device
) -> None:
    source = vectors(32)
    whole = source.batch

    def fetch(indices: Tensor, view: int | None) -> Tensor:
        if len(indices) > 4:
            raise torch.OutOfMemoryError
        return whole(indices, view)

    source.batch = fetch
    chain = toy(norm=False)
    events = list(run_phase(chain.tail(0), source, vectors(9), phase(epochs=1), cpu))
    assert sum(isinstance(event, Notice) for event in events) == 1


def test_a_full_memory_is_halved_whatever_a_library_calls_it(
    toy: Callable[..., Chain],
    train: Callable[..., list[Event]],
    vectors: Callable[..., Any],
    cpu: Device,
) -> None:
    """Only CUDA's allocator has an error of its own for it; Metal's is a plain RuntimeError."""
    greedy = Greedy(4, RuntimeError)
    events = train(toy(norm=False, extra=greedy), epochs=1, batch_size=16)
    assert sum(isinstance(event, Notice) for event in events) == 1
    evaluate(toy(extra=greedy).tail(0), vectors(8), cpu, 8)
    assert max(greedy.sizes) == 4


def test_another_error_goes_through_as_it_is(
    toy: Callable[..., Chain],
    train: Callable[..., list[Event]],
    vectors: Callable[..., Any],
    cpu: Device,
) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:  # noqa: ARG002
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with pytest.raises(RuntimeError, match="illegal memory access"):
        train(toy(norm=False, extra=Broken()))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        evaluate(toy(extra=Broken()).tail(0), vectors(8), cpu, 8)


def test_one_picture_too_many(
    toy: Callable[..., Chain],
    train: Callable[..., list[Event]],
    vectors: Callable[..., Any],
    cpu: Device,
) -> None:
    with pytest.raises(UserError, match="even with one picture at a time"):
        train(toy(norm=False, extra=Greedy(0)))
    with pytest.raises(UserError, match="even with one picture at a time"):
        evaluate(toy(extra=Greedy(0)).tail(0), vectors(8), cpu, 8)


def test_memory_is_released_once_the_failed_attempt_holds_none_of_it(
    toy: Callable[..., Chain], train: Callable[..., list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[weakref.ref[Tensor]] = []
    alive: list[bool] = []

    class Watched(Greedy):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(weakref.ref(x))
            return super().forward(x)

    monkeypatch.setattr(loop, "release_memory", lambda _: alive.append(seen[-1]() is not None))
    train(toy(norm=False, extra=Watched(4)), epochs=1, batch_size=16)
    assert alive == [False, False, False]  # twice for the batch, then for the phase


# --- on a GPU -----------------------------------------------------------------------------------


def test_without_a_gpu_the_peak_memory_is_not_known(
    toy: Callable[..., Chain], train: Callable[..., list[Event]]
) -> None:
    assert {event.peak_memory for event in epochs(train(toy(), epochs=1))} == {None}


@pytest.mark.parametrize(("compiles", "steps"), [(True, 12), (True, 11), (False, 12)])
def test_only_long_phases_are_compiled_and_only_on_demand(
    compiles: bool,
    steps: int,
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    phase: Callable[..., Phase],
    cpu: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(torch, "compile", lambda module: compiled.append(module) or module)
    monkeypatch.setattr(loop, "STEPS_TO_COMPILE", 12)
    tail, device = toy().tail(0), replace(cpu, compiles=compiles)
    told = phase(epochs=steps, batch_size=16)
    events = list(run_phase(tail, vectors(16), vectors(9), told, device))
    notices = [event.text for event in events if isinstance(event, Notice)]
    wanted = compiles and steps == 12
    assert compiled == [tail] * wanted
    assert ["compiled" in text for text in notices] == [True] * wanted


@pytest.mark.gpu
def test_no_step_waits_for_the_gpu(
    toy: Callable[..., Chain], vectors: Callable[..., Any], phase: Callable[..., Phase]
) -> None:
    device = Device("cuda", "cuda", torch.bfloat16, tile=8)
    source = vectors(64, 1, "cuda")
    source.batch = lambda indices, _: source.points[indices]
    events = run_phase(toy().cuda().tail(0), source, vectors(30, 2, "cuda"), phase(), device)
    next(events)  # what is allocated once
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert [next(events).loss for _ in range(2)] == [None, None]
    finally:
        torch.cuda.set_sync_debug_mode("default")
        events.close()


@pytest.mark.gpu
def test_the_peak_memory_is_that_of_the_phase(
    toy: Callable[..., Chain], vectors: Callable[..., Any], phase: Callable[..., Phase]
) -> None:
    device = Device("cuda", "cuda", torch.bfloat16, tile=8)
    before = torch.zeros(1 << 30, dtype=torch.uint8, device="cuda")
    del before
    events = run_phase(
        toy().cuda().tail(0), vectors(64, 1, "cuda"), vectors(9, 2, "cuda"), phase(), device
    )
    (first, *_) = epochs(list(events))
    assert first.peak_memory
    assert first.peak_memory < 1 << 28, "cuBLAS alone takes 64 MB on some GPUs"
