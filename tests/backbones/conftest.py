"""Settings of torch for the tests of backbones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import torch

from tl_core.backbones.catalog import catalogue, families_by_name

QUICK = 12e6  # parameters


def is_slow(name: str) -> bool:
    """Say whether a backbone is large and a smaller one of its family stands for it."""
    cards, family = catalogue(), families_by_name()
    smallest = min(cards[card.name].parameters for card in family[name].CARDS)
    return cards[name].parameters > max(QUICK, smallest)


def each(names: Iterable[str]) -> list[Any]:
    """Return parameters for a test of these backbones; those that take long are marked slow."""
    return [
        pytest.param(name, marks=(pytest.mark.slow,) if is_slow(name) else ()) for name in names
    ]


@pytest.fixture(autouse=True)
def _seeded_on_one_thread() -> Iterator[None]:
    # At these sizes a second thread gains little; on a busy machine, waiting for it costs tenfold.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", autouse=True)
def _module_keeps_no_memory(give_memory_back: Callable[[], None]) -> Iterator[None]:
    yield
    give_memory_back()


@pytest.fixture
def quick_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill what would start at random from one pool of random numbers: VGG in 0.2 s, not 3.

    Of He et al.'s scale, so that the signal reaches the logits. The pool's length is prime:
    rows of a matrix are then not the same numbers again.
    """
    pool = torch.randn(1_000_003)

    @torch.no_grad()
    def fill(tensor: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        if tensor.ndim > 1:
            for part in tensor.view(-1).split(len(pool)):
                part.copy_(pool[: len(part)])
            tensor *= (2 / tensor[0].numel()) ** 0.5
        return tensor

    for name in ("kaiming_uniform_", "kaiming_normal_", "normal_"):
        monkeypatch.setattr(torch.nn.init, name, fill)
