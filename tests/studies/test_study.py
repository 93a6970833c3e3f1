"""A study is its runs: queued together, found again, stopped together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tl_core.config import RunConfig
from tl_core.errors import UserError
from tl_core.runs.engines.local import LocalEngine
from tl_core.runs.store import Store
from tl_core.studies.kinds import KINDS, find_kind
from tl_core.studies.study import (
    Asked,
    Missing,
    Part,
    Plan,
    Reading,
    find_study,
    start,
    stop,
    studies,
)

Begin = Callable[..., Any]


@pytest.fixture
def plan(asked: Asked) -> Plan:
    parts = [Part(f"part {k}", asked.config("mini", seed=k)) for k in range(3)]
    return Plan(tuple(parts), (Missing("resnet18", "too large"),))


def test_it_is_found_again_from_its_runs_alone(
    store: Store, engine: LocalEngine, plan: Plan
) -> None:
    store.create(RunConfig("other", "mini"))
    first = start(engine, "race", plan, "Colours")
    second = start(engine, "race", plan, "Colours")
    assert [one.id for one in studies(store)] == [second, first]
    found = find_study(Store(store.path), first)
    assert [label for label, _ in found.runs] == ["part 0", "part 1", "part 2"]
    assert [run.config for _, run in found.runs] == [part.config for part in plan.parts]
    assert found.missing == plan.missing
    assert found.first == plan.parts[0].config
    assert (found.kind, found.is_over, found.finished) == ("race", False, ())


def test_stopping_it_stops_what_waits(
    store: Store, engine: LocalEngine, plan: Plan, worker: Any
) -> None:
    study = start(engine, "race", plan, "Colours")
    worker.end()
    stop(engine, find_study(store, study))
    found = find_study(store, study)
    assert [run.state for _, run in found.runs] == ["finished", "stopped", "stopped"]
    assert found.is_over
    assert [label for label, _ in found.finished] == ["part 0"]


def test_one_that_is_not_there_is_one_sentence(store: Store) -> None:
    with pytest.raises(UserError, match="no study 'gone'"):
        find_study(store, "gone")
    with pytest.raises(UserError, match="the nearest are race"):
        find_kind("rage")


def test_weights_that_were_brought_are_not_given_to_a_run_from_scratch(asked: Asked) -> None:
    brought = replace(asked, weights={"mini": "/my.safetensors"})
    assert brought.config("mini").weights == "/my.safetensors"
    assert brought.config("mini", recipe="scratch").weights is None
    assert brought.config("resnet18").weights is None


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_plans_and_reads_before_anything_has_run(
    name: str, asked: Asked, begin: Begin
) -> None:
    kind = KINDS[name]
    assert kind.TITLE
    assert kind.QUESTION.endswith("?")
    studied = begin(name, asked)
    assert studied.plan.parts
    assert studied.plan == kind.plan(asked), "a plan is a pure function"
    reading = studied.reading
    assert isinstance(reading, Reading)
    assert (reading.headline, reading.suggestion) == ("", {})
    assert reading.to_dict()["headline"] == ""


@pytest.mark.parametrize("name", ["race", "how-many", "where-to-cut"])
def test_a_backbone_without_a_head_start_is_refused(name: str, asked: Asked) -> None:
    for backbone, reason in (("small", "nobody has pre-trained it"), ("resnet18", "47 MB")):
        with pytest.raises(UserError, match=reason):
            KINDS[name].plan(replace(asked, backbone=backbone))
    downloaded = replace(asked, backbone="resnet18", download=True)
    assert KINDS[name].plan(downloaded).parts


@pytest.mark.parametrize("name", ["race", "how-many", "decade"])
def test_without_validation_pictures_nothing_is_counted(name: str, asked: Asked) -> None:
    items = tuple(replace(item, split="train") for item in asked.dataset.items)
    with pytest.raises(UserError, match="no validation pictures"):
        KINDS[name].plan(replace(asked, dataset=replace(asked.dataset, items=items)))
