"""Curves are read as a teacher would read them, and every suggestion is a run that can start.

`curves.json` holds the curves of real runs of Mini: on ants and bees, those named weather and
gradual on the weather set; "fe" is feature extraction, "ft" fine-tuning, "lr" a rate that was set.
"""

from __future__ import annotations

import json
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any, get_args

import pytest

from tl_core.backbones.catalog import find_card
from tl_core.config import RECIPES, RunConfig
from tl_core.evaluation.reading import Sign, doubt, read_curves, suggest, unfreezing_gained
from tl_core.training.events import EpochEnded
from tl_core.training.phases import Plan, plan

REAL = json.loads(Path(__file__).with_name("curves.json").read_text())
SIGNS: tuple[Sign, ...] = get_args(Sign)


def epochs(losses: list[float], train: float = 0.9, validation: float = 0.9) -> list[EpochEnded]:
    return [
        EpochEnded(0, n, loss, train, loss, validation, 1e-3, 1.0, 10)
        for n, loss in enumerate(losses, 1)
    ]


def real(name: str) -> list[EpochEnded]:
    columns = REAL[name]
    return [
        EpochEnded(
            epoch=n, lr=1e-3, seconds=1.0, examples=10, **dict(zip(columns, row, strict=True))
        )
        for n, row in enumerate(zip(*columns.values(), strict=True), 1)
    ]


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("fe", "memorising"),
        ("fe-lr1", "unsteady"),
        ("fe-lr10", "unsteady"),
        ("fe-lr1e-6", "stuck"),
        ("ft", "learning"),
        ("ft-lr.1", "unsteady"),
        ("scratch", "learning"),
        ("scratch-lr1", "stuck"),
        ("weather-fe", "learning"),
        ("weather-short", "unfinished"),
        ("gradual", "learning"),
    ],
)
def test_real_curves(name: str, sign: Sign) -> None:
    assert read_curves(real(name)).sign == sign


@pytest.mark.parametrize(
    ("told", "sign", "word"),
    [
        (epochs([1.0]), "early", "few more epochs"),
        (epochs([1.0, 0.99, 0.99, 0.98], 0.5, 0.5), "stuck", "50% of the training pictures"),
        (epochs([1.0, 0.99, 0.99, 0.98], 0.99, 0.99), "learning", "is learning"),
        (epochs([1.0, 0.5, 0.2, 0.1], 1.0, 0.6), "memorising", "remembers"),
        (epochs([1.0, 0.5, nan, nan], 0.9, 0.9), "unsteady", "too large"),
        (epochs([1.0, 0.5, 0.2, 0.1], 0.9, 0.9), "unfinished", "still falling"),
        (epochs([1.0, 0.5, 0.2, 0.21], 0.95, 0.93), "learning", "best epoch was 3"),
    ],
)
def test_drawn_curves(told: list[EpochEnded], sign: Sign, word: str) -> None:
    reading = read_curves(told)
    assert reading.sign == sign
    assert word in reading.says


def test_a_new_phase_may_begin_higher_than_the_last_one_ended() -> None:
    told = epochs([1.0, 0.4, 0.1, 0.05])
    told += [
        replace(event, phase=1, epoch=event.epoch + 4) for event in epochs([0.4, 0.2, 0.1, 0.1])
    ]
    assert read_curves(told).sign != "unsteady"


def phases(*losses: list[float], right: tuple[float, ...]) -> list[EpochEnded]:
    told: list[EpochEnded] = []
    for number, (each, share) in enumerate(zip(losses, right, strict=True)):
        told += [
            replace(event, phase=number, epoch=len(told) + event.epoch)
            for event in epochs(each, share, share)
        ]
    return [replace(event, epoch=n) for n, event in enumerate(told, 1)]


def test_a_jump_where_a_phase_begins_is_told() -> None:
    told = phases([1.0, 0.5, 0.2], [0.45, 0.3, 0.25], right=(0.97, 0.96))
    assert "jumped in epoch 4" in read_curves(told).says
    assert "right way" not in read_curves(told).says
    calm = phases([1.0, 0.5, 0.2], [0.2, 0.19, 0.19], right=(0.97, 0.98))
    assert "right way" in read_curves(calm).says


def test_what_the_run_s_own_figures_refute_is_not_suggested() -> None:
    card, config = find_card("mini"), RunConfig("d", "mini", recipe="fine-tune", freeze="2")
    done = plan(config, card, 100, "cpu")
    gained = phases([1.0, 0.5], [0.4, 0.3], right=(0.9, 0.95))
    idle = phases([1.0, 0.5], [0.4, 0.3], right=(0.9, 0.9))
    for told, is_offered in ((gained, True), (idle, False)):
        may = unfreezing_gained(told)
        assert (suggest("learning", config, done, card, more_may_learn=may) is not None) is (
            is_offered
        )


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("backbone", ["mini", "small", "resnet18", "vgg16"])
def test_every_suggestion_can_be_planned_and_is_another_run(backbone: str, sign: Sign) -> None:
    card = find_card(backbone)
    recipes = RECIPES if card.weights else ("scratch",)
    given: list[dict[str, Any]] = [{"recipe": recipe} for recipe in (*recipes, None)]
    given += [{"lr": 1.0, "epochs": 3}, {"augment": "strong"}, {"freeze": "none"}]
    if card.weights:
        given += [{"freeze": str(n)} for n in range(len(card.stages) + 1)]
    if card.convolutions:
        given += [{"recipe": "feature-extraction", "freeze": card.convolutions}]
    for settings in given:
        config = RunConfig("d", backbone, **settings)
        done = plan(config, card, 100, "cpu")
        found = suggest(sign, config, done, card)
        if found is None:
            assert sign in ("memorising", "learning", "stuck")
            continue
        assert found.config != config
        next_ = plan(found.config, card, 100, "cpu")
        assert settled(next_) != settled(done), (settings, found)
        assert found.says[0].isupper()
        assert found.why.endswith(".")


def settled(made: Plan) -> tuple[object, ...]:
    return made.recipe, made.cut, made.phases


@pytest.mark.parametrize(
    ("sign", "settings", "changes"),
    [
        ("early", {"epochs": 2}, {"epochs": None}),
        ("unfinished", {"recipe": "feature-extraction"}, {"epochs": 32}),
        ("unsteady", {"lr": 1.0}, {"lr": None}),
        ("unsteady", {"recipe": "feature-extraction"}, {"lr": 1e-4}),
        ("stuck", {"lr": 1e-6}, {"lr": None}),
        ("stuck", {"recipe": "feature-extraction"}, {"recipe": "fine-tune"}),
        ("memorising", {"recipe": "scratch"}, {"recipe": "feature-extraction"}),
        ("memorising", {"recipe": "fine-tune", "freeze": "2"}, {"freeze": "3"}),
        ("memorising", {"recipe": "feature-extraction"}, {"augment": "light"}),
        ("learning", {"recipe": "feature-extraction"}, {"recipe": "fine-tune"}),
        ("learning", {"recipe": "fine-tune", "freeze": "2"}, {"freeze": "1"}),
    ],
)
def test_what_is_suggested(sign: Sign, settings: dict[str, Any], changes: dict[str, Any]) -> None:
    card, config = find_card("mini"), RunConfig("d", "mini", **settings)
    found = suggest(sign, config, plan(config, card, 100, "cpu"), card)
    assert found is not None
    assert found.config == config.with_(**changes)


def test_against_memorising_more_pictures_are_what_is_left() -> None:
    card = find_card("mini")
    config = RunConfig("d", "mini", recipe="feature-extraction", augment="strong")
    assert suggest("memorising", config, plan(config, card, 100, "cpu"), card) is None


def test_few_pictures_to_check_with_are_told() -> None:
    assert "Only 20 pictures" in doubt(0.9, 20)
    assert doubt(0.9, 153) == ""
    assert doubt(0.0, 0).startswith("Only 0")
