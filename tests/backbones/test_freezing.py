"""Rules 1 and 2 of the design, for every backbone: a frozen body never changes.

Every test trains for real, through the chain, with a rate that moves whatever can move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from tests.backbones.conftest import is_slow
from tl_core.backbones.catalog import catalogue, family_of
from tl_core.backbones.chain import Chain

CLASSES = 3


def cuts() -> Iterator[Any]:
    """Yield (backbone, cut): last, middle and first of small networks by default.

    Last first: every test then finds its body as it was built, whatever was trained before.
    """
    for card in catalogue().values():
        stages = len(card.stages)
        for cut in range(stages, -1, -1):
            quick = cut in (stages, stages // 2, 1) and not is_slow(card.name)
            slow = () if quick else (pytest.mark.slow,)
            yield pytest.param(card.name, cut, marks=slow, id=f"{card.name}-{cut}")


_built: dict[str, Chain] = {}


@pytest.fixture
def chain(
    name: str, monkeypatch: pytest.MonkeyPatch, give_memory_back: Callable[[], None]
) -> Chain:
    """The backbone with a new head; kept until another one is asked for, to save building it."""
    if name not in _built:
        _built.clear()
        give_memory_back()
        build_smaller(monkeypatch)
        family = family_of(name)
        _built[name] = family.assemble(family.build(name), CLASSES)
    return _built[name]


def build_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let networks whose input size is built in take 64 pixels."""

    def build_maxvit(**kwargs: Any) -> nn.Module:
        network: nn.Module = maxvit(**{**kwargs, "input_size": (64, 64), "partition_size": 2})
        return network

    maxvit = models.maxvit._maxvit
    monkeypatch.setattr(models.maxvit, "_maxvit", build_maxvit)
    for name in ("vit_b_16", "vit_b_32"):
        monkeypatch.setattr(models, name, partial(getattr(models, name), image_size=64))


@pytest.fixture(scope="module", autouse=True)
def _free() -> Iterator[None]:
    yield
    _built.clear()


@pytest.fixture
def pictures(name: str) -> torch.Tensor:
    size = 128 if name == "inception_v3" else 64
    return torch.randn(2, 3, size, size)


def fingerprint(module: nn.Module) -> tuple[object, ...]:
    """Sum the bits of every parameter and buffer, eight bytes at a time.

    One changed bit changes the sum; a copy to compare with would need gigabytes, a hash seconds.
    """

    def bits(tensor: torch.Tensor) -> tuple[int, bytes]:
        flat = tensor.contiguous().view(-1).view(torch.uint8)
        whole = len(flat) // 8 * 8
        return int(flat[:whole].view(torch.int64).sum()), bytes(flat[whole:])

    return tuple(bits(tensor) for tensor in module.state_dict().values())


def fingerprints(chain: Chain) -> dict[str, object]:
    parts = {**chain.stages, "head": chain.head}
    return {name: fingerprint(part) for name, part in parts.items()}


def train(chain: Chain, x: torch.Tensor) -> torch.Tensor:
    """Take a step of gradient descent and return what the body handed to the tail in it."""

    @torch.no_grad()
    def step(parameter: torch.Tensor) -> None:
        # As soon as a gradient is there: beside VGG's weights, all at once have no room.
        assert parameter.grad is not None
        parameter.add_(parameter.grad, alpha=-0.05 / max(1.0, float(parameter.grad.norm())))
        parameter.grad = None

    handed_over = [x]
    hooks = [
        p.register_post_accumulate_grad_hook(step) for p in chain.parameters() if p.requires_grad
    ]
    if chain.frozen:
        last = chain.stages[chain.names[chain.frozen - 1]]
        hooks.append(last.register_forward_hook(lambda *call: handed_over.append(call[-1])))
    logits = chain.train()(x)
    # What the network believes least: there is always something to learn.
    loss = nn.functional.cross_entropy(logits, logits.argmin(1))
    # Not a number stays not a number: nothing would be seen to change any more.
    assert loss.isfinite()
    loss.backward()
    for hook in hooks:
        hook.remove()
    return handed_over[-1]


@pytest.mark.usefixtures("quick_weights")
@pytest.mark.parametrize(("name", "cut"), list(cuts()))
def test_only_the_tail_changes(cut: int, chain: Chain, pictures: torch.Tensor) -> None:
    chain.freeze(cut)
    before = fingerprints(chain)
    handed_over = train(chain, pictures)
    after = fingerprints(chain)
    changed = [part for part in before if after[part] != before[part]]
    assert changed == [*chain.names[cut:], "head"]
    # The same after training as before, in evaluation mode as in training mode; and the tail
    # has not written into it, so that it may be kept and used again.
    with torch.no_grad():
        assert torch.equal(chain.eval().body(cut)(pictures), handed_over)
