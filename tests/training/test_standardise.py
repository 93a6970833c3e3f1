"""A new head learns on centred and scaled features, and outside nothing is to be noticed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import linear_head
from tl_core.training.sources import Kept
from tl_core.training.standardise import Standardised, measure_scale, standardised


def features(count: int = 300, width: int = 4, seed: int = 0) -> Tensor:
    """Features of very different places and sizes; the last one is silent."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(count, width, generator=generator)
    return values * torch.tensor([0.01, 1.0, 30.0, 0.0]) + torch.tensor([5.0, 0.0, -80.0, 0.0])


def source(values: Tensor) -> Kept:
    return Kept(torch.zeros(len(values), dtype=torch.int64), values[None])


def test_the_scale_is_half_each_features_own_and_half_that_of_all() -> None:
    values = features()
    scale = measure_scale(source(values))
    variance = values.var(0, unbiased=False)
    assert torch.allclose(scale.mean, values.mean(0), atol=1e-4)
    assert torch.allclose(scale.spread, ((variance + variance.mean()) / 2).sqrt(), rtol=1e-4)


def test_features_that_never_change_are_only_centred() -> None:
    same = torch.full((8, 3), 7.0)
    scale = measure_scale(source(same))
    assert scale.spread.tolist() == [1.0, 1.0, 1.0]
    assert Standardised(source(same), scale).batch(torch.arange(8), 0).abs().max() == 0


def test_the_head_sees_features_around_zero_of_one_size() -> None:
    train, validation = source(features()), source(features(40, seed=1))
    with standardised(nn.Sequential(linear_head(4, 2)), train, validation) as (learnt, measured):
        seen = learnt.batch(torch.arange(300), 0)
        assert seen.mean(0).abs().max() < 1e-4
        # At most sqrt(2); what hardly spreads stays small, and a silent feature silent.
        assert 1 < seen.std(0).max() <= 2**0.5 + 1e-3
        assert seen[:, 3].abs().max() == 0
        assert measured.batch(torch.arange(40), None).abs().max() < 10
        assert learnt.labels is train.labels


def test_going_in_and_coming_out_change_no_answer() -> None:
    values, head = features(), nn.Sequential(linear_head(4, 2))
    before = head(values)
    with standardised(head, source(values), source(values)) as (learnt, _):
        inside = head(learnt.batch(torch.arange(300), 0))
    assert torch.allclose(inside, before, atol=2e-3)
    assert torch.allclose(head(values), before, atol=2e-3)


def test_what_was_learnt_inside_holds_outside() -> None:
    values, head = features(), nn.Sequential(linear_head(4, 2))
    with standardised(head, source(values), source(values)) as (learnt, _):
        with torch.no_grad():
            head[0].linear.weight.normal_()
        inside = head(learnt.batch(torch.arange(300), 0))
    assert torch.allclose(head(values), inside, atol=2e-3)


@pytest.mark.parametrize(
    "other", [nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)), nn.Identity()]
)
def test_any_other_tail_learns_on_what_it_is_given(other: nn.Module) -> None:
    train, validation = source(features()), source(features(40))
    with standardised(nn.Sequential(other), train, validation) as sources:
        assert sources == (train, validation)
