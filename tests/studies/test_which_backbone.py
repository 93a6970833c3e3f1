"""Which backbone: ranked by probes, compared on the same pictures, and what is missing is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tl_core.backbones.catalog import catalogue
from tl_core.studies.study import Asked

Begin = Callable[..., Any]


@pytest.fixture
def brought(asked: Asked) -> Asked:
    return replace(asked, weights={"mobilenet_v2": "/m.safetensors", "squeezenet1_1": "/s.st"})


def test_it_asks_what_is_at_hand_the_quickest_first(brought: Asked, begin: Begin) -> None:
    plan = begin("which-backbone", brought).plan
    assert [p.config.backbone for p in plan.parts] == ["mini", "squeezenet1_1", "mobilenet_v2"]
    assert {(p.config.work, p.config.freeze) for p in plan.parts} == {("probe", "all")}
    assert plan.parts[2].config.weights == "/m.safetensors"
    known = {name for name, card in catalogue().items() if card.weights}
    named = {part.config.backbone for part in plan.parts} | {m.backbone for m in plan.missing}
    assert named == known, "nothing is dropped, and what nobody trained is no candidate"
    assert next(m for m in plan.missing if m.backbone == "resnet18").reason.endswith("47 MB")
    everything = begin("which-backbone", replace(brought, download=True)).plan
    assert len(everything.parts) == len(known)


def test_a_clear_winner(brought: Asked, begin: Begin, worker: Any) -> None:
    studied = begin("which-backbone", brought)
    worker.probe({"layer4": "0" * 60 + "1" * 140})
    worker.probe({"fire9": "0" * 30 + "1" * 170})
    partly = studied.reading
    assert partly.suggestion == {"backbone": "squeezenet1_1"}
    assert [row.missing for row in partly.rows[:3]] == ["", "", "it has not run yet"]
    worker.probe({"last": "0" * 4 + "1" * 196})
    reading = studied.reading
    assert [row.backbone for row in reading.rows[:3]] == ["mobilenet_v2", "squeezenet1_1", "mini"]
    assert reading.headline.startswith("MobileNetV2 tells 98% of 200 pictures apart")
    assert reading.why == ("It is 13 points ahead of SqueezeNet 1.1, which is more than luck.")
    assert reading.rows[1].behind == pytest.approx(-13)
    assert (reading.rows[0].clear, reading.rows[1].clear, reading.rows[2].clear) == (
        None, True, True
    )  # fmt: skip
    assert len(reading.rows) == 3 + len(studied.plan.missing)
    assert reading.rows[3].missing.startswith("its weights are not on this machine")
    assert reading.rows[3].parameters


def test_too_close_to_tell(brought: Asked, begin: Begin, worker: Any) -> None:
    studied = begin("which-backbone", brought)
    worker.probe({"layer4": "0" * 10 + "1" * 90})
    worker.probe({"fire9": "1" * 60 + "0" * 40})
    worker.probe({"last": "1" * 92 + "0" * 8})
    reading = studied.reading
    assert reading.suggestion == {"backbone": "mobilenet_v2"}
    assert reading.why == (
        "It is too close to tell from Mini and 32 points ahead of SqueezeNet 1.1, which is more "
        "than luck. Mini needs 2 times less computing for a picture."
    )


def test_of_equal_ones_the_quicker(brought: Asked, begin: Begin, worker: Any) -> None:
    studied = begin("which-backbone", brought)
    for stage in ("layer4", "fire9", "last"):
        worker.probe({stage: "1" * 20})
    assert studied.reading.suggestion == {"backbone": "mini"}


def test_one_that_failed_says_why(asked: Asked, begin: Begin, worker: Any) -> None:
    studied = begin("which-backbone", replace(asked, weights={"mobilenet_v2": "/m"}))
    worker.probe({"layer4": "110"})
    worker.end(state="failed")
    reading = studied.reading
    assert reading.rows[1].missing == "The disk is full."
    assert reading.why.startswith("No other backbone has its weights")
