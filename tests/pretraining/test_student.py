"""The network that learns: what it exports, what the average is, what the loss adds up to."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from tl_core.backbones.load import load_backbone
from tl_core.errors import UserError
from tl_core.pretraining.student import Student, lesson


@pytest.mark.parametrize("backbone", ["mini", "squeezenet1_1", "shufflenet_v2_x0_5"])
def test_what_it_publishes_is_loaded_as_a_backbone(backbone: str, tmp_path: Path) -> None:
    student = Student(backbone, 3, logits=7, features=5, seed=1).eval()
    path = tmp_path / "made.safetensors"
    save_file(student.published(), path)
    chain = load_backbone(backbone, 4, weights=path).eval()
    x = torch.randn(2, 3, 64, 64)
    stages = len(chain.names)
    with torch.no_grad():
        made, own = chain.body(stages)(x), student.average.body(stages)(x)
    assert {tensor.dtype for tensor in chain.parameters()} == {torch.float32}
    assert (made - own).abs().max() <= 5e-3 * own.abs().max()  # stored in half precision


def test_the_published_file_holds_no_head_and_nothing_of_the_teacher() -> None:
    state = Student("mini", 201, logits=1000, features=1280, seed=0).published()
    assert {name.split(".")[0] for name in state} == {"stem", *(f"layer{n}" for n in "1234")}
    assert {t.dtype for t in state.values() if t.is_floating_point()} == {torch.float16}


def test_the_seed_makes_the_first_weights() -> None:
    one, two, other = (Student("mini", 3, 7, 5, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["logits.weight"], other["logits.weight"])


def test_it_may_begin_with_weights_that_were_made_before() -> None:
    made = Student("mini", 3, 7, 5, seed=1).published()
    begun = Student("mini", 4, 0, 0, seed=2, start=made)
    for network in (begun.chain, begun.average):
        assert torch.equal(network.stages["stem"][0].weight, made["stem.0.weight"].float())
    with pytest.raises(UserError, match="These weights are not SqueezeNet"):
        Student("squeezenet1_1", 3, 0, 0, seed=1, start=made)


def test_the_average_follows_the_weights() -> None:
    student = Student("mini", 3, 0, 0, 0)
    before = student.average.head.linear.weight.clone()
    with torch.no_grad():
        student.chain.head.linear.weight.add_(1)
    student.follow(step=100_000)
    moved = student.average.head.linear.weight - before
    assert torch.allclose(moved, torch.full_like(moved, 0.002), atol=1e-6)
    student.follow(step=0)
    moved = student.average.head.linear.weight - before
    assert (moved > 0.85).all(), "the first weights, which are random, are left quickly"


def test_training_leaves_the_average_in_evaluation_mode() -> None:
    student = Student("mini", 3, 7, 5, 0).train()
    assert student.chain.training
    assert not any(module.training for module in student.average.modules())
    assert not any(p.requires_grad for p in student.average.parameters())


def test_without_a_teacher_the_loss_is_that_of_the_classes() -> None:
    own, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    loss, of_classes = lesson((own, None, None), labels, None, None)
    assert loss == of_classes == F.cross_entropy(own, labels)


def test_agreeing_with_the_teacher_costs_nothing_more() -> None:
    own, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    logits, features = torch.randn(4, 7), torch.randn(4, 5)
    loss, of_classes = lesson((own, logits, 3 * features), labels, logits, features)
    assert torch.allclose(loss, of_classes, atol=1e-5)
    for wrong in ((own, -logits, features), (own, logits, -features)):
        assert lesson(wrong, labels, logits, features)[0] > of_classes + 0.5
