"""Pre-training learns, and stopped at any step it goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tl_core.errors import UserError
from tl_core.pretraining import loop
from tl_core.pretraining.loop import Run
from tl_core.pretraining.progress import EpochDone, Progress
from tl_core.pretraining.settings import Settings
from tl_core.training.checkpoint import Checkpoint, write_checkpoint


def finish(run: Run) -> list[EpochDone]:
    return [event for event in run.train() if isinstance(event, EpochDone)]


def assert_same(one: Run, other: Run) -> None:
    state, expected = one.student.state_dict(), other.student.state_dict()
    assert state.keys() == expected.keys()
    assert [name for name in state if not torch.equal(state[name], expected[name])] == []
    assert one.epochs == other.epochs


@pytest.mark.parametrize("writes", [1, 5, 6, 7, 12])
def test_killed_and_started_again_equals_uninterrupted(
    writes: int, start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed right after a checkpoint was written, in an epoch of six steps or at its end."""
    whole = start("whole")
    finish(whole)
    left = iter(range(writes - 1, -1, -1))

    def write_and_die(path: Path, checkpoint: Checkpoint) -> None:
        write_checkpoint(path, checkpoint)
        if next(left) == 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_SAVE_SECONDS", -1.0)  # after every step
        patch.setattr(loop, "write_checkpoint", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            finish(start("killed"))
    again = start("killed")
    assert again.step == writes
    finish(again)
    assert_same(again, whole)


def test_a_finished_run_has_nothing_left_to_do(start: Callable[..., Run]) -> None:
    whole = start("whole")
    finish(whole)
    again = start("whole")
    assert finish(again) == []
    assert_same(again, whole)


@pytest.mark.parametrize("teacher", [True, False])
def test_it_learns(teacher: bool, start: Callable[..., Run], settings: Settings) -> None:
    epochs = finish(start(settings=replace(settings, epochs=6), teacher=teacher))
    assert [epoch.epoch for epoch in epochs] == list(range(1, 7))
    assert epochs[-1].loss < 0.7 * epochs[0].loss
    assert epochs[-1].validation_accuracy is not None
    assert epochs[-1].validation_accuracy > 0.6  # a third by chance


def test_sizes_grow_and_the_time_left_falls(start: Callable[..., Run], settings: Settings) -> None:
    run = start(settings=replace(settings, epochs=3, size=64))
    events = list(run.train())
    assert [event.size for event in events if isinstance(event, EpochDone)] == [48, 56, 64]
    steps = [event for event in events if isinstance(event, Progress)]
    assert [event.done for event in steps] == list(range(1, run.steps + 1))
    assert steps[-1].seconds_left == 0


def test_a_checkpoint_of_another_run_is_refused(
    start: Callable[..., Run], settings: Settings
) -> None:
    finish(start("run"))
    with pytest.raises(UserError, match="other settings or other pictures"):
        start("run", settings=replace(settings, lr=2e-3))
    with pytest.raises(UserError, match="other settings or other pictures"):
        start("run", teacher=False)


def test_too_large_steps_end_in_a_sentence(start: Callable[..., Run]) -> None:
    run = start()
    with torch.no_grad():
        run.student.chain.head.linear.weight.fill_(float("nan"))
    with pytest.raises(UserError, match=r"start again with a smaller --lr, for example 0\.00025"):
        finish(run)
