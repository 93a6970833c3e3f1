"""What a phase reads: computed once, never stale, and never different for it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.data import residence
from tl_core.training import cutcache
from tl_core.training.cutcache import CutCache
from tl_core.training.device import Device
from tl_core.training.events import Notice, Preparing
from tl_core.training.keeping import Keeping, Wanted, name_stages
from tl_core.training.sources import Inference, Kept

PLAIN: Wanted = {None: (3,)}


class Counted(nn.Module):
    """A layer that changes nothing and counts the examples that pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0

    def forward(self, x: Tensor) -> Tensor:
        self.passed += len(x)
        return x


@pytest.fixture
def cache(tmp_path: Path) -> CutCache:
    return CutCache(tmp_path / "activations")


def kept(keeping: Keeping, source: Any, wanted: Wanted = PLAIN) -> tuple[Kept, list[Any]]:
    """Return what `keep` returns, and its events."""
    names = name_stages(keeping.chain.body(max(cuts[-1] for cuts in wanted.values())))
    steps: Generator[Any, None, Kept] = keeping.keep(source, wanted, names, "Passing")
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return end.value, events


EVERYTHING = torch.arange(20)


def test_what_is_kept_is_what_would_be_computed(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, cache: CutCache
) -> None:
    chain, source = toy(), vectors(20, varied=True)
    keeping = Keeping(chain, cpu, cache)
    found, events = kept(keeping, source, dict.fromkeys(range(3), (2,)))
    computed = keeping.compute(source, 2)
    indices = torch.tensor([19, 0, 5])
    for view in range(3):
        # Not to the bit: three rows are multiplied in another way than eight.
        expected = computed.batch(indices, view)
        assert torch.allclose(found.batch(indices, view), expected, atol=1e-6)
        assert torch.equal(found.batch(indices, view + 3), found.batch(indices, view)), "in turn"
    assert not torch.equal(found.batch(indices, 0), found.batch(indices, 1))
    assert found.batch(indices, 0).dtype == torch.float32
    assert found.labels is source.labels

    assert {(event.what, event.total) for event in events} == {("Passing", 60)}
    assert [event.done for event in events] == [8, 16, 20, 28, 36, 40, 48, 56, 60]
    assert found.spent > 0
    assert 0 < found.one_pass < found.spent


def test_the_examples_as_they_are(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, cache: CutCache
) -> None:
    source = vectors(20, varied=True)
    found, _ = kept(Keeping(toy(), cpu, cache), source)
    assert {view for _, view in source.asked} == {None}
    for view in (None, 0, 5):
        assert np.array_equal(found.batch(EVERYTHING, view).numpy(), found.exact())


def test_a_second_run_computes_nothing(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, cache: CutCache
) -> None:
    first, _ = kept(Keeping(toy(), cpu, cache), vectors(20))
    counted = Counted()
    chain, source = toy(), vectors(20)
    chain.stages["first"].register_forward_pre_hook(lambda _, inputs: counted(*inputs))
    chain.head = nn.Linear(8, 7)  # another head, for other classes
    again, events = kept(Keeping(chain, cpu, cache), source)
    assert (counted.passed, source.asked, events, again.spent) == (0, [], [], 0.0)
    assert torch.equal(again.batch(EVERYTHING, None), first.batch(EVERYTHING, None))
    assert again.one_pass == first.one_pass, "what it took stands in the entry"


def test_more_variations_begin_with_those_that_are_there(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, cache: CutCache
) -> None:
    kept(Keeping(toy(), cpu, cache), vectors(20, varied=True), dict.fromkeys(range(2), (3,)))
    source = vectors(20, varied=True)
    _, events = kept(Keeping(toy(), cpu, cache), source, dict.fromkeys(range(4), (3,)))
    assert {view for _, view in source.asked} == {2, 3}
    assert {event.total for event in events} == {40}


# --- never stale ------------------------------------------------------------------------------


def nudge(chain: Chain, name: str) -> None:
    with torch.no_grad():
        chain.get_parameter(name).view(-1)[0] += 1e-7


def drift(chain: Chain) -> None:
    chain.stages["first"][1].running_mean[0] += 1e-7


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "one photo": lambda use: setattr(use["source"], "key", "with another photo"),
    "one weight": lambda use: nudge(use["chain"], "stages.second.0.weight"),
    "one statistic of BatchNorm": lambda use: drift(use["chain"]),
    "a layer without weights": lambda use: use["chain"].stages["first"].append(nn.Tanh()),
    "how it is computed": lambda use: use.update(inference=Inference("folded")),
    "the precision": lambda use: use.update(device=replace(use["device"], half=torch.bfloat16)),
    "the batch, and so the last bit": lambda use: use.update(device=replace(use["device"], tile=4)),
    "the cut": lambda use: use.update(wanted={None: (2,)}),
    "the variation": lambda use: use.update(wanted={0: (3,)}),
    "the parts in which it is computed": lambda use: use.update(wanted={None: (2, 3)}),
}
NO_CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda use: use,
    "the head": lambda use: nudge(use["chain"], "head.weight"),
    "its mode": lambda use: use["chain"].train(),
}


@pytest.mark.parametrize("change", [*CHANGES, *NO_CHANGES])
def test_a_change_of_anything_that_matters_is_another_entry(
    change: str,
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    cpu: Device,
    cache: CutCache,
) -> None:
    kept(Keeping(toy(), cpu, cache), vectors(20))
    use: dict[str, Any] = {
        "chain": toy(), "source": vectors(20), "device": cpu, "inference": None, "wanted": PLAIN
    }  # fmt: skip
    (CHANGES | NO_CHANGES)[change](use)
    keeping = Keeping(use["chain"], use["device"], cache, use["inference"])
    kept(keeping, use["source"], use["wanted"])
    assert bool(use["source"].asked) == (change in CHANGES)


def test_stages_after_the_cut_do_not_matter(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, cache: CutCache
) -> None:
    kept(Keeping(toy(), cpu, cache), vectors(20), {None: (2,)})
    chain, source = toy(), vectors(20)
    nudge(chain, "stages.third.0.weight")
    kept(Keeping(chain, cpu, cache), source, {None: (2,)})
    assert not source.asked


def test_names_of_stages(toy: Callable[..., Chain]) -> None:
    body = toy().body(3)
    names = name_stages(body)
    assert len(set(names)) == 3
    assert names[:2] == name_stages(body[:2])
    assert names == name_stages(toy().train().body(3))
    assert names[0] != name_stages(toy(seed=1).body(1))[0]


def test_of_which_nothing_is_known_nothing_is_kept(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, cache: CutCache
) -> None:
    source = vectors(20)
    source.key = ""
    found, events = kept(Keeping(toy(), cpu, cache), source)
    assert (found.entries, events) == ([], [])
    assert not cache.folder.exists()
    assert len(found.batch(EVERYTHING, None)) == 20


# --- one pass for several cuts ------------------------------------------------------------------


def test_one_pass_serves_every_cut(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, cache: CutCache
) -> None:
    chain, source = toy(), vectors(20)
    counted = [Counted() for _ in chain.names]
    for stage, counter in zip(chain.stages.values(), counted, strict=True):
        stage.register_forward_pre_hook(lambda _, inputs, counter=counter: counter(*inputs))
    keeping = Keeping(chain, cpu, cache)
    found = {}
    for cuts in ((1, 2, 3), (1, 2), (1,)):
        found[cuts[-1]], _ = kept(keeping, source, {None: cuts})
    assert [counter.passed for counter in counted] == [20, 20, 20]
    for cut, activations in found.items():
        alone = keeping.compute(vectors(20), cut).batch(EVERYTHING, None)
        assert torch.equal(activations.batch(EVERYTHING, None), alone), cut
    assert found[1].one_pass < found[3].one_pass, "the way to an earlier cut is shorter"


# --- precision ----------------------------------------------------------------------------------


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def extra_repr(self) -> str:
        return f"{self.factor}"

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


@pytest.mark.parametrize(
    ("factor", "dtype"), [(1.0, torch.float16), (1e5, torch.float32), (1e-6, torch.float32)]
)
def test_an_overflow_costs_a_second_pass_and_nothing_else(
    factor: float,
    dtype: torch.dtype,
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    cpu: Device,
    cache: CutCache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cutcache, "_SMALL", 0)
    source = vectors(20)
    source.points[:8] = 0  # a first tile that would fit
    keeping = Keeping(toy(extra=Times(factor)), cpu, cache)
    found, _ = kept(keeping, source, {None: (2, 3)})
    assert [entry.values.dtype for entry in found.entries] == [str(dtype).removeprefix("torch.")]
    expected = keeping.compute(source, 3).batch(EVERYTHING, None)
    exactly = 0 if dtype == torch.float32 else 1e-3
    assert torch.allclose(found.batch(EVERYTHING, None), expected, rtol=exactly, atol=1e-6 * factor)
    assert (found.exact() is not None) == (dtype == torch.float32)
    earlier, events = kept(keeping, source, {None: (2,)})
    assert not events, "the earlier cut was written on the first pass"
    assert earlier.entries[0].values.dtype == "float16"


# --- when it cannot be kept -------------------------------------------------------------------


def test_a_disk_without_room_is_told_once_and_the_run_goes_on(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, tmp_path: Path
) -> None:
    keeping = Keeping(toy(), cpu, CutCache(tmp_path / "activations", budget=100))
    source = vectors(20, varied=True)
    found, events = kept(keeping, source, dict.fromkeys(range(3), (3,)))
    notices = [event for event in events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert "nearly full" in notices[0].text
    assert len(source.asked) == 1, "it does not pass everything to find that out"
    assert found.entries == []
    for view in range(6):
        expected = keeping.compute(source, 3).batch(EVERYTHING, view % 3)
        assert torch.equal(found.batch(EVERYTHING, view), expected), "the same few variations"
    _, events = kept(keeping, vectors(20))
    assert not [event for event in events if isinstance(event, Notice)], "once is enough"
    assert list((tmp_path / "activations").iterdir()) == []


def test_what_there_is_room_for_is_kept(
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    cpu: Device,
    cache: CutCache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept(Keeping(toy(), cpu, cache), vectors(20, varied=True), {0: (3,)})
    monkeypatch.setattr(cache, "budget", 100)
    found, _ = kept(Keeping(toy(), cpu, cache), vectors(20, varied=True), {0: (3,), 1: (3,)})
    assert len(found.entries) == 1
    assert not torch.equal(found.batch(EVERYTHING, 0), found.batch(EVERYTHING, 1))


def test_an_early_cut_that_the_disk_cannot_take_does_not_cost_the_late_one(
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    cpu: Device,
    cache: CutCache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reserve = cache.reserve

    def refuse_first(_: int) -> None:
        monkeypatch.setattr(cache, "reserve", reserve)
        raise OSError

    monkeypatch.setattr(cache, "reserve", refuse_first)
    found, events = kept(Keeping(toy(), cpu, cache), vectors(20), {None: (2, 3)})
    assert len(found.entries) == 1
    assert all(isinstance(event, Preparing) for event in events)


def test_closed_half_way_it_leaves_whole_entries_only(
    toy: Callable[..., Chain], vectors: Callable[..., Any], cpu: Device, cache: CutCache
) -> None:
    keeping, source = Keeping(toy(), cpu, cache), vectors(20, varied=True)
    names = name_stages(keeping.chain.body(3))
    steps = keeping.keep(source, dict.fromkeys(range(3), (3,)), names, "Passing")
    for _ in range(5):
        next(steps)
    assert len(list(cache.folder.iterdir())) == 2
    steps.close()
    (entry,) = cache.folder.iterdir()
    assert entry.suffix == ".npy"


# --- on a GPU -----------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("share", [0.3, 0.0], ids=["resident", "sent in batches"])
def test_a_gpu_reads_what_it_computed(
    share: float,
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    cache: CutCache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(residence, "SHARE", share)
    device = Device("cuda", "a GPU", None, tile=8)
    keeping, source = Keeping(toy().to("cuda"), device, cache), vectors(20, device="cuda")
    found, _ = kept(keeping, source)
    indices = torch.tensor([7, 3, 19], device="cuda")
    batch = found.batch(indices, None)
    assert batch.device.type == "cuda"
    assert torch.allclose(batch, keeping.compute(source, 3).batch(indices, None), atol=1e-5)
    (values,) = found._values
    assert values is not None
    assert values.device.type == ("cuda" if share else "cpu")
    source.asked.clear()
    kept(Keeping(toy().to("cuda"), device, cache), source)
    assert not source.asked
