"""The closed-form head: leaving out each one, the strength that suits, and where it begins."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tl_core.training.ridge import PENALTIES, Ridge, decomposed, solve_head
from tl_core.training.standardise import SOLVED_FROM, begin_solved, spread_out


def clouds(count: int, width: int, apart: float = 0.7, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    middles = apart * torch.randn(3, width, generator=generator)
    return middles[labels] + torch.randn(count, width, generator=generator), labels


SHAPES = pytest.mark.parametrize(("count", "width"), [(18, 40), (40, 6)], ids=["wide", "tall"])


@SHAPES
def test_the_solution_is_where_the_penalised_squares_are_least(count: int, width: int) -> None:
    features, labels = clouds(count, width)
    ridge = Ridge(features, labels, 3)
    weight, bias = (part.clone().requires_grad_() for part in ridge.solution(0.1))
    targets = 2 * nn.functional.one_hot(labels, 3).double() - 1
    squares = (features.double() @ weight.T + bias - targets).square().sum()
    (squares + 0.1 * width * weight.square().sum()).backward()
    assert weight.grad is not None
    assert bias.grad is not None
    assert weight.grad.abs().max() < 1e-9
    assert bias.grad.abs().max() < 1e-9


@SHAPES
def test_an_answer_left_out_is_that_of_all_the_others(count: int, width: int) -> None:
    features, labels = clouds(count, width)
    answers = Ridge(features, labels, 3).left_out(1.0)
    one = torch.cat([features.double(), torch.ones(count, 1)], 1)
    # Left out or not, the whole set's middle is where features are counted from.
    held = width * torch.diag(torch.tensor([1.0] * width + [0.0]))
    targets = 2 * nn.functional.one_hot(labels, 3).double() - 1
    for left in range(count):
        rest = torch.arange(count) != left
        weights = torch.linalg.solve(one[rest].T @ one[rest] + held, one[rest].T @ targets[rest])
        assert torch.allclose(answers[left], one[left] @ weights, atol=1e-9)


def test_noise_is_held_back_more_than_what_tells_classes_apart() -> None:
    noise, labels = clouds(30, 200, apart=0.0)
    told, _ = clouds(30, 200, apart=3.0)
    loud, quiet = (solve_head(values, labels, 3)[0] for values in (told, noise))
    assert cross_entropy(noise @ quiet.T.float(), labels) > 0.3  # not learned by heart
    assert cross_entropy(told @ loud.T.float(), labels) < 0.01


def test_it_answers_new_examples_better_than_the_weakest_and_the_strongest() -> None:
    features, labels = clouds(600, 100, apart=0.35)
    known, asked, seen, wanted = features[:60], features[60:], labels[:60], labels[60:]
    ridge = Ridge(known, seen, 3)

    def right(weight: Tensor, bias: Tensor) -> float:
        return float(((asked.double() @ weight.T + bias).argmax(1) == wanted).double().mean())

    chosen = right(*solve_head(known, seen, 3))
    assert chosen > right(*ridge.solution(PENALTIES[0])) + 0.02
    assert chosen > 0.6


def test_what_never_varies_gives_the_classes_shares_and_no_fault() -> None:
    labels = torch.tensor([0, 0, 0, 1])
    weight, bias = solve_head(torch.ones(4, 3), labels, 2)
    assert torch.isfinite(weight).all()
    assert bias[0] > bias[1]


def test_a_class_without_an_example_is_never_the_answer() -> None:
    features, labels = clouds(30, 5)
    weight, bias = solve_head(features, labels, 4)
    assert (features.double() @ weight.T + bias).argmax(1).max() < 3


def test_vectors_that_say_nothing_are_left_out_of_a_tall_set() -> None:
    values = torch.randn(10, 2, generator=torch.Generator().manual_seed(0)).double()
    strengths, vectors = decomposed(torch.cat([values, values], 1))
    assert len(strengths) == 2
    assert torch.allclose(vectors.T @ vectors, torch.eye(2).double(), atol=1e-9)


def test_a_layer_begins_solved() -> None:
    features, labels = clouds(30, 8, apart=3.0)
    layer = nn.Linear(8, 3)
    begin_solved(layer, features, labels)
    assert (layer(features).argmax(1) == labels).all()


def test_of_many_examples_every_class_gives_its_share() -> None:
    labels = (torch.arange(10 * SOLVED_FROM) % 10 == 0).long()
    chosen = spread_out(labels)
    assert len(chosen.unique()) == SOLVED_FROM
    assert labels[chosen].sum() == SOLVED_FROM // 10
    assert (chosen.diff() > 0).all()
