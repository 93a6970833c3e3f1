"""Measure every backbone and write `measured.json`: `python -m tl_core.backbones.measure`.

Stages are run on torch's meta device, which computes shapes and counts without computing values,
so the whole catalogue takes seconds and no memory. A test fails when the file is out of date.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from tl_core.backbones.card import Card
from tl_core.backbones.catalog import MEASURED, Family, families_by_name
from tl_core.backbones.published import published
from tl_core.backbones.saved import Saved

_EXAMPLES = 2  # BatchNorm cannot learn from one


def measure(card: Card, family: Family) -> dict[str, Any]:
    """Return the measured fields of one card, as plain values for JSON."""
    preprocessing, facts = card.preprocessing, {}
    if card.weights is not None and not card.weights.file:
        entry = published(card.weights.source)
        preprocessing, facts = entry.preprocessing, entry.facts
    with torch.device("meta"):
        chain = family.assemble(family.build(card.name), 2).train()
        x = torch.empty(_EXAMPLES, 3, preprocessing.size, preprocessing.size)
    of_pictures = asdict(preprocessing)
    del of_pictures["white"]  # a fact of the pictures learned from
    stages, counting = [], Saved(chain)
    for name, stage in chain.stages.items():
        with FlopCounterMode(display=False) as counter:
            x, saved = counting.through(stage, x)
        macs = counter.get_total_flops() // 2 // _EXAMPLES
        parameters = sum(parameter.numel() for parameter in stage.parameters())
        stages.append([name, parameters, macs, saved // _EXAMPLES, list(x.shape[1:])])
    return {
        "features": x.shape[1],
        "preprocessing": of_pictures,
        "weights": facts,
        "stages": stages,
    }


def measure_all() -> dict[str, dict[str, Any]]:
    """Measure the whole catalogue."""
    return {
        name: measure(next(card for card in family.CARDS if card.name == name), family)
        for name, family in sorted(families_by_name().items())
    }


def render(measured: dict[str, dict[str, Any]]) -> str:
    """Return the text of `measured.json`, one line per stage, so that a change reads well."""
    text = json.dumps(measured, indent=1)
    flat = r"\[[^\[\]]*\]"
    text = re.sub(flat, lambda found: re.sub(r"\s+", " ", found[0]), text)
    nested = r"\[\s*\"[^\[\]]*\[[^\[\]]*\]\s*\]"
    return re.sub(nested, lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


if __name__ == "__main__":
    MEASURED.write_text(render(measure_all()), encoding="utf-8")
