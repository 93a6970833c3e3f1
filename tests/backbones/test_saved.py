"""What the backward pass keeps of a stage is the same on the meta device and on this processor."""

from __future__ import annotations

import pytest
import torch

from tl_core.backbones.catalog import family_of, find_card
from tl_core.backbones.saved import Saved


@pytest.mark.parametrize("name", ["mini", "squeezenet1_1", "shufflenet_v2_x0_5"])
def test_the_catalogue_knows_it_without_computing(name: str) -> None:
    card, family = find_card(name), family_of(name)
    chain = family.assemble(family.build(name), 2).train()
    counting, x = Saved(chain), torch.zeros(2, 3, card.preprocessing.size, card.preprocessing.size)
    for known, stage in zip(card.stages, chain.stages.values(), strict=True):
        x, kept = counting.through(stage, x)
        assert kept // 2 == known.saved, known.name


def test_parameters_and_what_was_counted_already_do_not_count_again() -> None:
    layer, x = torch.nn.Linear(5, 3), torch.zeros(4, 5)
    counting = Saved(layer)
    out, kept = counting.through(layer, x)
    assert kept == 4 * 4 * 5, "its input alone, four bytes a number"
    assert counting.through(layer, x)[1] == 0
    assert out.shape == (4, 3)
