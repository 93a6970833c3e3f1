"""Whole recipes on chains of dense stages: rules 1 and 2, and the best epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest
import torch
from torch import Tensor

from tl_core.backbones.chain import Chain
from tl_core.training import loop
from tl_core.training.device import Device
from tl_core.training.events import EpochEnded, Event, PhaseStarted, Preparing
from tl_core.training.fit import fit
from tl_core.training.keeping import Keeping
from tl_core.training.loop import Measured
from tl_core.training.phases import Phase, Plan

RECIPES = {
    "feature-extraction": (3,),
    "fine-tune": (3, 1),
    "gradual": (3, 2, 1),
    "scratch": (0,),
}


def copied(chain: Chain) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in chain.state_dict().items()}


def equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def changed_parts(chain: Chain, before: dict[str, Tensor]) -> list[str]:
    parts = [*chain.names, "head"]
    state = chain.state_dict()
    return [
        part
        for part in parts
        if not all(
            torch.equal(state[name], tensor)
            for name, tensor in before.items()
            if name.startswith((f"stages.{part}.", f"{part}."))
        )
    ]


# --- rules 1 and 2 ----------------------------------------------------------------------------


@pytest.mark.parametrize("views", [0, 1])
@pytest.mark.parametrize("cuts", RECIPES.values(), ids=RECIPES)
def test_the_body_is_bit_identical_afterwards(
    cuts: tuple[int, ...],
    views: int,
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
) -> None:
    scripted([(number / 100, 1.0) for number in range(20)])  # every epoch is kept
    chain = toy()
    before = copied(chain)
    chain.train()  # as left by careless hands
    ended = 0
    plan = planned(*cuts, views=views)
    for event in fit(chain, source_of, plan, cpu, keeping=keeping(chain)):
        ended += isinstance(event, EpochEnded)
    assert ended == 5 * len(cuts)
    assert changed_parts(chain, before) == [*chain.names[cuts[-1] :], "head"]
    assert not chain.training


def test_a_phase_lets_go_of_its_examples_before_the_next_computes_its_own(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    cpu: Device,
) -> None:
    chain, held = toy(), []
    keeping = Keeping(chain, cpu)
    compute = keeping.compute

    def watched(source: Any, cut: int) -> Any:
        assert not any(reference() for reference in held[:-1]), "both would have to find room"
        made = compute(source, cut)
        held.append(ref(made))
        return made

    keeping.compute = watched  # type: ignore[method-assign]
    list(fit(chain, source_of, planned(3, 1), cpu, keeping=keeping))
    assert len(held) == 4


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_while_it_trains_the_body_answers_as_when_it_does_not(
    cut: int,
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    vectors: Callable[..., Any],
    cpu: Device,
) -> None:
    chain, x = toy(), vectors(10).points
    with torch.no_grad():
        expected = toy().eval().body(cut)(x)
    events = fit(chain, source_of, planned(cut), cpu)
    for event in events:
        if not isinstance(event, PhaseStarted | Preparing):
            with torch.no_grad():
                assert torch.equal(chain.train().body(cut)(x), expected)
    assert torch.equal(chain.train().body(cut)(x), expected)


@pytest.mark.parametrize("fixed", [True, False])
def test_stages_that_learn_keep_their_statistics_where_the_phase_says_so(
    fixed: bool,
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    cpu: Device,
) -> None:
    scripted([(number / 100, 1.0) for number in range(20)])
    chain = toy()
    before = copied(chain)
    list(fit(chain, source_of, planned(1, fixed_statistics=fixed), cpu))
    after = copied(chain)
    running = [name for name in before if "running_mean" in name and "first" not in name]
    assert len(running) == 2
    assert all(torch.equal(before[name], after[name]) == fixed for name in running)
    assert not torch.equal(before["stages.third.1.weight"], after["stages.third.1.weight"])


def test_a_head_that_begins_solved_is_right_from_its_first_epoch(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    cpu: Device,
) -> None:
    first = {}
    for solve in (True, False):
        events = fit(toy(), source_of, planned(3, solve=solve), cpu)
        first[solve] = next(event for event in events if isinstance(event, EpochEnded))
    assert first[True].train_loss < 0.8 * first[False].train_loss
    assert first[True].train_accuracy > first[False].train_accuracy


# --- the best epoch ---------------------------------------------------------------------------


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[tuple[float, float]]], None]:
    """Let validation measure and then say (accuracy, loss) in this order."""
    measure = loop.evaluate

    def use(figures: list[tuple[float, float]]) -> None:
        said = iter(figures)

        def evaluate(*asked: Any) -> Measured:
            measure(*asked)
            accuracy, loss = next(said)
            return Measured(loss, accuracy)

        monkeypatch.setattr(loop, "evaluate", evaluate)

    return use


def follow(chain: Chain, events: Any) -> tuple[list[EpochEnded], dict[int, dict[str, Tensor]]]:
    """Return the epochs and what the chain was after each."""
    ended, states = [], {}
    for event in events:
        if isinstance(event, EpochEnded):
            ended.append(event)
            states[event.epoch] = copied(chain)
    return ended, states


def test_the_chain_ends_with_the_best_epoch(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    cpu: Device,
) -> None:
    # Higher accuracy first, then lower loss; the fourth equals the third and is not better.
    scripted([(0.5, 0.9), (0.7, 0.8), (0.7, 0.6), (0.7, 0.6), (0.6, 0.1)])
    chain = toy()
    ended, states = follow(chain, fit(chain, source_of, planned(1), cpu))
    assert [event.best for event in ended] == [True, True, True, False, False]
    assert equal(copied(chain), states[3])
    assert not equal(states[3], states[5])


def test_a_head_that_learnt_alone_answers_outside_as_it_was_measured(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    phase: Callable[..., Phase],
    cpu: Device,
) -> None:
    chain = toy()
    events = list(fit(chain, source_of, planned(3), cpu))
    best = [event for event in events if isinstance(event, EpochEnded) and event.best][-1]
    now = loop.evaluate(chain.tail(0), source_of("validation", phase()), cpu, 8)
    assert now.accuracy == best.validation_accuracy
    assert now.loss == pytest.approx(best.validation_loss, rel=1e-5)


def test_a_later_phase_that_is_worse_changes_nothing(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    cpu: Device,
) -> None:
    scripted([(0.5, 1.0), (0.9, 1.0), (0.8, 1.0), (0.7, 1.0)])
    chain = toy()
    ended, states = follow(chain, fit(chain, source_of, planned(2, 1, epochs=2), cpu))
    assert [event.epoch for event in ended] == [1, 2, 3, 4]
    assert [event.phase for event in ended] == [0, 0, 1, 1]
    assert equal(copied(chain), states[2])


def test_a_phase_goes_on_from_the_best_epoch_before_it(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    cpu: Device,
) -> None:
    scripted([(0.9, 1.0), (0.1, 1.0), (0.1, 1.0), (0.1, 1.0)])
    chain = toy()
    states = [
        copied(chain)
        for event in fit(chain, source_of, planned(2, 1, epochs=2), cpu)
        if isinstance(event, EpochEnded | PhaseStarted)
    ]
    _, best, last, second_phase, *_ = states
    assert equal(second_phase, best)
    assert not equal(second_phase, last)


@pytest.mark.parametrize("close_after", [0, 1, 2, 3])
def test_closed_half_way_it_holds_the_best_so_far(
    close_after: int,
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    cpu: Device,
) -> None:
    scripted([(0.5, 1.0), (0.7, 1.0), (0.6, 1.0), (0.6, 1.0)])
    chain = toy()
    states = {0: copied(chain)}
    events = fit(chain, source_of, planned(1), cpu)
    ended = steps = 0
    for event in events:
        steps += 1
        if isinstance(event, EpochEnded):
            ended, steps = ended + 1, 0
            states[ended] = copied(chain)
        if ended == close_after and steps == 2:  # in the middle of the epoch after
            events.close()
    assert equal(copied(chain), states[min(close_after, 2)])
    assert not chain.training


def test_training_stops_when_nothing_improves(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    cpu: Device,
) -> None:
    first = [(0.5, 1.0), (0.6, 1.0), (0.6, 1.0), (0.5, 1.0)]
    second = [(0.5, 1.0), (0.7, 1.0), (0.7, 1.0), (0.7, 1.0)]  # patience starts anew
    scripted(first + second)
    ended, _ = follow(chain := toy(), fit(chain, source_of, planned(3, 1, epochs=50, patience=2),
                                          cpu))  # fmt: skip
    assert [(event.phase, event.epoch) for event in ended] == [
        (0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6), (1, 7), (1, 8),
    ]  # fmt: skip


def test_patience_counts_within_a_phase(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    cpu: Device,
) -> None:
    """A phase that begins below what the head alone had reached is given time to catch up."""
    first = [(0.8, 1.0), (0.8, 1.0), (0.8, 1.0)]
    second = [(0.5, 1.0), (0.6, 1.0), (0.7, 1.0), (0.9, 1.0), (0.9, 1.0), (0.9, 1.0)]
    scripted(first + second)
    ended, _ = follow(chain := toy(), fit(chain, source_of, planned(3, 1, epochs=50, patience=2),
                                          cpu))  # fmt: skip
    assert [event.validation_accuracy for event in ended] == [a for a, _ in first + second]
    assert [event.epoch for event in ended if event.best] == [1, 7]


def test_an_error_leaves_the_best_epoch_too(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    scripted: Callable[..., None],
    cpu: Device,
) -> None:
    scripted([(0.5, 1.0)])  # and then nothing more can be measured
    chain = toy()
    events = fit(chain, source_of, planned(1), cpu)
    assert any(isinstance(event, EpochEnded) for event in events)  # up to the first
    state = copied(chain)
    with pytest.raises(RuntimeError):
        list(events)
    assert equal(copied(chain), state)


def test_the_same_seed_gives_the_same_chain(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    cpu: Device,
) -> None:
    def run(seed: int) -> tuple[dict[str, Tensor], list[Event]]:
        chain = toy()
        return copied(chain), list(fit(chain, source_of, planned(3, 1), cpu, seed=seed))

    def figures(events: list[Event]) -> list[float]:
        return [event.train_loss for event in events if isinstance(event, EpochEnded)]

    (one, first), (two, second), (_, other) = run(1), run(1), run(2)
    assert equal(one, two)
    assert figures(first) == figures(second) != figures(other)
