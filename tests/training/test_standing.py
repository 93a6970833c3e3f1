"""Rule 4: interrupted anywhere and taken up again, a training ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.training.checkpoint import read_checkpoint, write_checkpoint
from tl_core.training.device import Device
from tl_core.training.events import EpochEnded, Event, Preparing, Stepped
from tl_core.training.fit import fit, is_over
from tl_core.training.keeping import Keeping
from tl_core.training.phases import Phase, Plan
from tl_core.training.standing import Standing

Start = Callable[[Standing | None], tuple[Chain, Iterator[Event]]]


@pytest.fixture
def start(
    toy: Callable[..., Chain],
    vectors: Callable[..., Any],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
) -> Callable[[Plan], Start]:
    """Make what begins a training anew, or takes it up, on a chain that knows nothing of it."""

    def prepare(plan: Plan) -> Start:
        def source_of(split: str, _: Phase) -> Any:
            count = 60 if split == "train" else 30
            return vectors(count, seed=len(split), varied=split == "train")

        def begin(at: Standing | None) -> tuple[Chain, Iterator[Event]]:
            chain = toy(extra=nn.Dropout(0.3))
            torch.seed()  # whatever the process has drawn before
            kept = keeping(chain) if any(phase.views for phase in plan.phases) else None
            return chain, fit(chain, source_of, plan, cpu, seed=3, keeping=kept, at=at)

        return begin

    return prepare


def plain(events: list[Event]) -> list[Event]:
    """Return what has to be the same: all but preparing, and all but the time that it took."""
    return [
        replace(event, seconds=0.0) if isinstance(event, EpochEnded) else event
        for event in events
        if not isinstance(event, Preparing)
    ]


def state(chain: Chain) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in chain.state_dict().items()}


def captures(
    begin: Start, plan: Plan, folder: Path, cpu: Device
) -> tuple[list[Event], list[tuple[int, Path]], dict[str, Tensor]]:
    """Train once; keep a checkpoint wherever one can be taken, with the events told before."""
    at, events, files = Standing(), [], []
    chain, told = begin(at)
    for event in told:
        events.append(event)
        if isinstance(event, Stepped | EpochEnded):
            ended = isinstance(event, EpochEnded) and is_over(at, plan.phases[at.phase])
            path = folder / f"{len(files)}.safetensors"
            write_checkpoint(path, at.capture(ended=ended, device=cpu))
            files.append((len(plain(events)), path))
    return events, files, state(chain)


@pytest.mark.parametrize("views", [0, 2])
@pytest.mark.parametrize("cuts", [(3, 1), (3, 2, 1), (0,)], ids=str)
def test_taken_up_anywhere_it_ends_as_if_nothing_had_happened(
    cuts: tuple[int, ...],
    views: int,
    start: Callable[[Plan], Start],
    planned: Callable[..., Plan],
    cpu: Device,
    tmp_path: Path,
) -> None:
    plan = planned(*cuts, epochs=3, patience=2, views=views, augment="light")
    begin = start(plan)
    events, files, expected = captures(begin, plan, tmp_path, cpu)
    assert len(files) >= 12 * len(cuts) - 4
    for told, path in files:
        checkpoint = read_checkpoint(path)
        assert checkpoint is not None
        chain, rest = begin(Standing.of(checkpoint))
        assert plain(list(rest)) == plain(events)[told:], path.name
        for name, tensor in state(chain).items():
            assert torch.equal(tensor, expected[name]), (path.name, name)


def test_it_may_be_interrupted_again_and_again(
    start: Callable[[Plan], Start], planned: Callable[..., Plan], cpu: Device, tmp_path: Path
) -> None:
    plan, path = planned(3, 1, epochs=3), tmp_path / "checkpoint.safetensors"
    begin = start(plan)
    events, _, expected = captures(begin, plan, tmp_path, cpu)
    told: list[Event] = []
    at, lives, interrupted = Standing(), 0, True
    while interrupted:
        chain, rest = begin(at)
        interrupted = False
        for taken, event in enumerate(rest, 1):
            told.append(event)
            if taken > 4 + lives % 3 and at.can_be_captured:
                ended = is_over(at, plan.phases[at.phase])
                write_checkpoint(path, at.capture(ended=ended, device=cpu))
                checkpoint = read_checkpoint(path)
                assert checkpoint is not None
                at, interrupted = Standing.of(checkpoint), True
                break
        lives += 1
    assert lives > 5
    assert plain(told) == plain(events)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in state(chain).items())
