"""The chain and its cut, on a toy that has nothing to do with pictures."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import Chain, FixedStatistics, linear_head, pooled
from tl_core.errors import UserError

CUTS = range(4)


def toy() -> Chain:
    """Words in, two classes out; dropout and batch normalisation in every stage that can."""

    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1)

    stages = {
        "embed": nn.Sequential(nn.Embedding(20, 6), Mean(), nn.BatchNorm1d(6)),
        "middle": nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.5)),
        "last": nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)),
    }
    return Chain(stages, linear_head(4, 2, dropout=0.5))


def words(batch: int = 8) -> Tensor:
    return torch.randint(0, 20, (batch, 7))


def train_for(chain: Chain, steps: int) -> None:
    optimizer = torch.optim.SGD(chain.parameters(), lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(chain(words()), torch.randint(0, 2, (8,)))
        loss.backward()
        optimizer.step()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("cut", CUTS)
def test_body_then_tail_is_the_whole_chain(cut: int) -> None:
    chain, x = toy().eval(), words()
    assert torch.equal(chain.tail(cut)(chain.body(cut)(x)), chain(x))


@pytest.mark.parametrize("cut", CUTS)
def test_body_and_tail_share_the_weights(cut: int) -> None:
    chain = toy()
    parts = [*chain.body(cut).parameters(), *chain.tail(cut).parameters()]
    assert [id(p) for p in parts] == [id(p) for p in chain.parameters()]


def test_a_cut_is_a_number_a_name_all_or_none() -> None:
    chain = toy()
    assert chain.names == ("embed", "middle", "last")
    assert [chain.cut(where) for where in (2, "2", "middle", "all", "none")] == [2, 2, 2, 3, 0]


def test_an_unknown_stage_is_refused_with_the_nearest_names_and_nothing_changes() -> None:
    chain = toy().freeze("embed")
    with pytest.raises(UserError, match=r"no stage called 'midle'.*middle"):
        chain.freeze("midle")
    assert chain.frozen == 1


@pytest.mark.parametrize("cut", CUTS)
def test_freeze_stops_gradients_and_training_mode_before_the_cut_only(cut: int) -> None:
    chain = toy().freeze(cut).train()
    for index, stage in enumerate(chain.stages.values()):
        assert {p.requires_grad for p in stage.parameters()} == {index >= cut}
        assert {module.training for module in stage.modules()} == {index >= cut}
    assert all(p.requires_grad for p in chain.head.parameters())
    assert chain.training
    assert chain.head.training


@pytest.mark.parametrize("cut", CUTS)
def test_the_body_is_bit_identical_after_training_and_the_tail_is_not(cut: int) -> None:
    chain = toy().freeze(cut).train()
    body = copy.deepcopy(chain.body(cut).state_dict())
    tail = copy.deepcopy(chain.tail(cut).state_dict())
    for _ in range(2):  # what a loop does between epochs
        train_for(chain, 2)
        chain.eval()
        chain.train()
    assert same(chain.body(cut).state_dict(), body)
    after = chain.tail(cut).state_dict()
    assert all(not torch.equal(after[key], tail[key]) for key in after)


@pytest.mark.parametrize("cut", CUTS)
def test_the_body_computes_the_same_in_training_and_evaluation_mode(cut: int) -> None:
    chain, x = toy().freeze(cut), words()
    assert torch.equal(chain.train().body(cut)(x), chain.eval().body(cut)(x))


def test_gradients_off_alone_would_let_batch_norm_drift() -> None:
    """The trap that `freeze` exists for; if torch ever mends it, `Chain.train` can go."""
    chain = toy().train().requires_grad_(False)
    before = copy.deepcopy(chain.state_dict())
    chain(words())
    assert not same(chain.state_dict(), before)


def test_freezing_in_evaluation_mode_stays_in_evaluation_mode() -> None:
    chain = toy().eval().freeze(1)
    assert not any(module.training for module in chain.modules())


def test_a_cut_can_move_back_and_forth() -> None:
    chain = toy().train().freeze("all").freeze("none")
    assert all(p.requires_grad for p in chain.parameters())
    assert all(module.training for module in chain.modules())
    chain.freeze("embed")
    assert chain.frozen == 1


def test_every_parameter_learns_where_nothing_is_frozen() -> None:
    chain = toy().train()
    chain(words()).sum().backward()
    assert all(p.grad is not None for p in chain.parameters())


def test_pooled_ends_in_a_vector_and_a_new_head_in_logits() -> None:
    features = pooled(nn.Conv2d(3, 6, 3))(torch.randn(2, 3, 8, 9))
    assert features.shape == (2, 6)
    assert linear_head(6, 4)(features).shape == (2, 4)


def test_with_fixed_statistics_batch_norm_learns_its_weights_and_keeps_its_statistics() -> None:
    norm, dropout = nn.BatchNorm1d(3), nn.Dropout(0.5)
    tail = FixedStatistics(nn.Sequential(norm, dropout)).train()
    assert tail.training
    assert dropout.training
    before = {name: tensor.clone() for name, tensor in norm.named_buffers()}
    tail(5 + torch.randn(8, 3)).sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.named_buffers())
    assert norm.weight.grad is not None
    assert not tail.eval().training
