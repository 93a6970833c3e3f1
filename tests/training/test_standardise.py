"""A new head learns on centred and scaled features, and outside nothing is to be noticed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import linear_head
from tl_core.training.events import Preparing
from tl_core.training.standardise import Scale, Standardised, measure_scale, standardised

HEAD = nn.Sequential(linear_head(4, 2))


class Features:
    """Vectors that do not vary."""

    def __init__(self, values: Tensor) -> None:
        self.values, self.key = values, ""
        self.labels = torch.zeros(len(values), dtype=torch.int64)

    def batch(self, indices: Tensor, view: int | None) -> Tensor:  # noqa: ARG002
        return self.values[indices]


def features(count: int = 300, width: int = 4, seed: int = 0) -> Tensor:
    """Features of very different places and sizes; the last one is silent."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(count, width, generator=generator)
    return values * torch.tensor([0.01, 1.0, 30.0, 0.0]) + torch.tensor([5.0, 0.0, -80.0, 0.0])


def scale_of(tail: nn.Sequential, source: Features) -> tuple[Scale | None, list[Preparing]]:
    """Run the measuring to its end."""
    steps, told = measure_scale(tail, source), []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return end.value, told


def test_the_scale_is_half_each_features_own_and_half_that_of_all() -> None:
    values = features()
    scale, told = scale_of(HEAD, Features(values))
    assert scale is not None
    assert [event.done for event in told][-2:] == [288, 300]
    assert told[-1].total == 300
    variance = values.var(0, unbiased=False)
    assert torch.allclose(scale.mean, values.mean(0), atol=1e-4)
    assert torch.allclose(scale.spread, ((variance + variance.mean()) / 2).sqrt(), rtol=1e-4)


def test_features_that_never_change_are_only_centred() -> None:
    # 0.1 is no sum of powers of two, so rounding gives these features a variance of their own.
    same = torch.full((31, 4), 0.1) * torch.tensor([1.0, 7.0, 1000.0, 3.0])
    scale, _ = scale_of(HEAD, Features(same))
    assert scale is not None
    assert scale.spread.tolist() == [1.0] * 4
    assert Standardised(Features(same), scale).batch(torch.arange(31), 0).abs().max() < 1e-4


def test_the_head_sees_features_around_zero_of_one_size() -> None:
    train, validation = Features(features()), Features(features(40, seed=1))
    with standardised(HEAD, scale_of(HEAD, train)[0], train, validation) as (learnt, measured):
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
    train = Features(values)
    with standardised(head, scale_of(head, train)[0], train, train) as (learnt, _):
        inside = head(learnt.batch(torch.arange(300), 0))
    assert torch.allclose(inside, before, atol=2e-3)
    assert torch.allclose(head(values), before, atol=2e-3)


def test_what_was_learnt_inside_holds_outside() -> None:
    values, head = features(), nn.Sequential(linear_head(4, 2))
    train = Features(values)
    with standardised(head, scale_of(head, train)[0], train, train) as (learnt, _):
        with torch.no_grad():
            head[0].linear.weight.normal_()
        inside = head(learnt.batch(torch.arange(300), 0))
    assert torch.allclose(head(values), inside, atol=2e-3)


@pytest.mark.parametrize(
    "other", [nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)), nn.Identity()]
)
def test_any_other_tail_learns_on_what_it_is_given(other: nn.Module) -> None:
    train, validation = Features(features()), Features(features(40))
    tail = nn.Sequential(other)
    scale, told = scale_of(tail, train)
    assert (scale, told) == (None, [])
    with standardised(tail, scale, train, validation) as sources:
        assert sources == (train, validation)
