"""Learning rates: the schedules against their papers, the optimizer's groups against the phase."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tl_core.backbones.chain import Chain
from tl_core.training.phases import Phase
from tl_core.training.schedule import build_optimizer, rate, set_rate

STEPS = st.integers(1, 2000)


@settings(deadline=None)
@given(st.sampled_from(["cosine", "slanted"]), STEPS)
def test_a_rate_rises_once_and_then_falls(schedule: str, steps: int) -> None:
    factors = [rate(schedule, step, steps) for step in range(steps)]
    peak = factors.index(max(factors))
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert peak <= max(1, steps // 10)
    assert any(factor > 0 for factor in factors), "even a single step learns"


@settings(deadline=None)
@given(STEPS.filter(lambda steps: steps >= 20))
def test_a_rate_ends_near_nothing(steps: int) -> None:
    assert rate("cosine", steps - 1, steps) == pytest.approx(0, abs=1e-9)
    assert rate("slanted", steps - 1, steps) < 1 / 32 + 2 / steps


def test_slanted_is_the_formula_of_the_paper() -> None:
    steps, fraction, ratio = 200, 0.1, 32
    cut = math.floor(steps * fraction)
    for step in range(steps):
        p = step / cut if step < cut else 1 - (step - cut) / (cut * (1 / fraction - 1))
        assert rate("slanted", step, steps) == pytest.approx((1 + p * (ratio - 1)) / ratio)


def test_cosine_is_torchs_own() -> None:
    steps, warm = 100, 10
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - warm)
    for step in range(warm, steps):
        optimizer.step()
        theirs.step()
        assert rate("cosine", step, steps) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)


@pytest.mark.parametrize("cut", [0, 1, 3])
def test_each_stage_further_back_moves_less(
    cut: int, toy: Callable[..., Chain], phase: Callable[..., Phase]
) -> None:
    chain = toy()
    told = phase(cut=cut, head_lr=0.1, stage_lr=0.02, stage_decay=0.5, weight_decay=0.01)
    optimizer = build_optimizer(chain.tail(cut), told, fused=False)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {rates[id(p)] for p in chain.head.parameters()} == {0.1}
    for distance, name in enumerate(reversed(chain.names[cut:])):
        for parameter in chain.stages[name].parameters():
            assert rates[id(parameter)] == pytest.approx(0.02 * 0.5**distance)
    for name in chain.names[:cut]:
        assert not {id(p) for p in chain.stages[name].parameters()} & set(rates)


def test_every_parameter_is_in_one_group_and_only_weights_decay(
    toy: Callable[..., Chain], phase: Callable[..., Phase]
) -> None:
    chain = toy()
    optimizer = build_optimizer(chain.tail(0), phase(weight_decay=0.3), fused=False)
    grouped = [p for group in optimizer.param_groups for p in group["params"]]
    assert sorted(map(id, grouped)) == sorted(map(id, chain.parameters()))
    for group in optimizer.param_groups:
        assert {p.ndim > 1 for p in group["params"]} == {group["weight_decay"] == 0.3}


def test_setting_the_rate_keeps_the_ratios(
    toy: Callable[..., Chain], phase: Callable[..., Phase]
) -> None:
    optimizer = build_optimizer(toy().tail(0), phase(head_lr=0.1, stage_lr=0.02), fused=False)
    for factor in (0.5, 0.25, 1.0):  # of the peak, not of the rate before
        set_rate(optimizer, factor)
        rates = {round(group["lr"], 9) for group in optimizer.param_groups}
        assert rates == {round(0.1 * factor, 9), round(0.02 * factor, 9)}
