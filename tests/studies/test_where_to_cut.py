"""Where to cut: the curve of a probe, what each cut costs, and a choice with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tl_core.backbones.catalog import find_card
from tl_core.studies.study import Asked
from tl_core.studies.where_to_cut import suggest

Begin = Callable[..., Any]
MINI, RESNET = find_card("mini"), find_card("resnet18")


def test_one_run_probes_every_stage(asked: Asked, begin: Begin) -> None:
    (part,) = begin("where-to-cut", asked).plan.parts
    assert (part.config.work, part.config.freeze, part.config.backbone) == ("probe", None, "mini")


def test_the_curve_with_what_each_cut_costs(asked: Asked, begin: Begin, worker: Any) -> None:
    studied = begin("where-to-cut", asked)
    right = {
        name: "1" * share + "0" * (100 - share)
        for name, share in zip(MINI.stage_names, (50, 60, 70, 90, 99), strict=True)
    }
    footprint = {"seconds": 0.02, "saved": [700, 1200, 700, 600, 300]}
    worker.probe(right, footprint=footprint, classes=["red", "blue"])
    reading = studied.reading
    assert reading.headline == "Freeze all of Mini and train a new head alone."
    assert reading.suggestion == {
        "backbone": "mini", "freeze": "all", "recipe": "feature-extraction"
    }  # fmt: skip
    rows = reading.rows
    assert [row.stage for row in rows] == ["nothing", *MINI.stage_names]
    assert [row.accuracy for row in rows] == [None, 0.5, 0.6, 0.7, 0.9, 0.99]
    assert [row.suggested for row in rows] == [False] * 5 + [True]
    assert [row.frozen for row in rows] == list(range(6))
    assert [row.trainable for row in rows][-1] == 2 * (512 + 1)
    for cheaper in ("trainable", "epoch_seconds", "memory"):
        costs = [getattr(row, cheaper) for row in rows]
        assert costs == sorted(costs, reverse=True)
        assert len(set(costs)) == len(costs)
    # 100 pictures of 0.02 s, 1 % of the work in the stem.
    assert rows[1].epoch_seconds == pytest.approx(2 * (1 - MINI.frozen_share(1)))
    assert rows[0].epoch_seconds == pytest.approx(2)


def test_the_memory_is_that_of_a_step_on_the_device_that_was_asked(
    asked: Asked, begin: Begin, worker: Any
) -> None:
    """Of many pictures a GPU takes more at a time, and what they leave in memory grows with it."""
    right = dict.fromkeys(MINI.stage_names, "1" * 1000)
    footprint = {"seconds": 0.02, "saved": [1 << 20] * 5}
    found = {}
    for kind in ("cpu", "cuda"):
        studied = begin("where-to-cut", asked)
        worker.probe(right, footprint=footprint, classes=["red", "blue"], device_kind=kind)
        found[kind] = studied.reading.rows[0].memory
    assert found["cuda"] - found["cpu"] == (64 - 32) * 5 << 20


def test_a_probe_that_failed_has_no_answer(asked: Asked, begin: Begin, worker: Any) -> None:
    studied = begin("where-to-cut", asked)
    worker.end(state="failed")
    assert (studied.reading.headline, studied.reading.rows) == ("", ())


def probed(*shares: float, error: float = 0.02) -> Sequence[tuple[float, float]]:
    return [(share, error) for share in shares]


def test_little_is_left_to_gain() -> None:
    cut, why = suggest(RESNET, probed(0.5, 0.6, 0.8, 0.9, 0.97))
    assert cut == 5
    assert "97% of the pictures" in why


def test_a_curve_that_falls_is_cut_at_its_best() -> None:
    cut, why = suggest(RESNET, probed(0.5, 0.7, 0.88, 0.86, 0.75))
    assert cut == 3
    assert "at its best after layer2 (88%) and falls to 75%" in why


def test_a_network_that_does_not_know_enough_learns_as_it_usually_does() -> None:
    cut, why = suggest(RESNET, probed(0.5, 0.6, 0.7, 0.8, 0.82))
    assert cut == 4
    assert "tells only 82% of the pictures apart" in why
    assert suggest(MINI, probed(0.5, 0.6, 0.7, 0.8, 0.82))[0] == 0


def test_what_is_suggested_can_be_trained(asked: Asked, begin: Begin, worker: Any) -> None:
    from tl_core.training.phases import plan

    for last in (99, 50):
        studied = begin("where-to-cut", asked)
        right = dict.fromkeys(MINI.stage_names, "1" * last + "0" * (100 - last))
        worker.probe(right, footprint={"seconds": 0.02, "saved": [1] * 5}, classes=["a", "b"])
        suggestion = studied.reading.suggestion
        config = asked.config(**suggestion)
        assert plan(config, MINI, 100, "cpu").cut == {99: 5, 50: 0}[last]
