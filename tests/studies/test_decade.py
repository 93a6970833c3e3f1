"""The decade: in the order of the years, and what cannot run is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tl_core.studies.decade import BACKBONES
from tl_core.studies.study import Asked

Begin = Callable[..., Any]


def test_what_is_at_hand_runs_with_one_seed_and_the_rest_is_named(
    asked: Asked, begin: Begin
) -> None:
    plan = begin("decade", replace(asked, weights={"mobilenet_v2": "/m"})).plan
    assert [part.config.backbone for part in plan.parts] == ["handmade", "mini", "mobilenet_v2"]
    assert [part.config.work for part in plan.parts] == ["handmade", "train", "train"]
    assert {part.config.recipe for part in plan.parts[1:]} == {"feature-extraction"}
    assert {part.config.seed for part in plan.parts} == {0}
    assert {m.backbone for m in plan.missing} == set(BACKBONES) - {"mini", "mobilenet_v2"}


def test_the_years_in_order_with_their_figures(asked: Asked, begin: Begin, worker: Any) -> None:
    studied = begin("decade", replace(asked, weights={"mobilenet_v2": "/m"}))
    worker.end(validation_accuracy=0.5, seconds=2.0, trainable_parameters=3784)
    worker.end(state="failed")
    worker.end(validation_accuracy=1.0, seconds=9.0, trainable_parameters=2562,
               frozen_parameters=2_223_872)  # fmt: skip
    reading = studied.reading
    years = [row.year for row in reading.rows]
    assert years == sorted(years)
    assert len(reading.rows) == 1 + len(BACKBONES)
    rows = {row.title: row for row in reading.rows}
    by_hand, mobile = rows["Made by hand"], rows["MobileNetV2"]
    assert (by_hand.year, by_hand.accuracy, by_hand.parameters) == (2010, 0.5, 3784)
    assert mobile.megabytes == pytest.approx(8.91)
    assert mobile.low == pytest.approx(0.61, abs=0.01), "6 pictures are few"
    assert rows["Mini"].missing == "The disk is full."
    assert rows["VGG-16"].missing.endswith("553 MB")
    assert reading.headline == (
        "Made by hand (2010) gets 50% of your validation pictures right, MobileNetV2 (2018) 100%."
    )
    assert reading.why.startswith("Counted on 6 pictures")


def test_the_old_way_may_win(asked: Asked, begin: Begin, worker: Any) -> None:
    studied = begin("decade", asked)
    worker.end(validation_accuracy=1.0, seconds=2.0, trainable_parameters=3784)
    worker.end(validation_accuracy=0.5, seconds=9.0, trainable_parameters=1)
    assert studied.reading.headline.startswith("Nothing has beaten made by hand (2010)")
