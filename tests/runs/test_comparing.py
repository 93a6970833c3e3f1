"""What differs between runs, and that they are compared on the pictures they share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.evaluation.predictions import FILE
from tl_core.runs.comparing import (
    FAVOURITE,
    MOST_NOTE,
    NOTE,
    UNKNOWN,
    against,
    annotate,
    differing,
    settings,
)
from tl_core.runs.record import read_record
from tl_core.runs.store import Run, Store
from tl_core.workspace import Workspace


@pytest.fixture
def two(trained: Callable[..., Run]) -> list[Run]:
    return [trained(), trained(seed=1, epochs=3)]


def test_what_differs_and_what_is_the_same(two: list[Run]) -> None:
    different, same = differing(two)
    assert different == {"Epochs": ["2 of 2", "3 of 3"], "Seed": ["0", "1"]}
    assert same["Frozen"] == "nothing"
    assert same["Recipe"] == "scratch"
    assert float(same["Learning rate of the head"]) > 0
    assert differing(two[:1])[0] == {}


def test_what_is_not_known_yet_is_a_dash(store: Store, dataset: Dataset) -> None:
    run = store.run(store.create(RunConfig(dataset.id, "mini", weights="/secret/place")))
    told = settings(run)
    assert told["Frozen"] == told["Epochs"] == told["Recipe"] == UNKNOWN
    assert told["Weights"] == "your own file"
    few = store.run(store.create(RunConfig(dataset.id, "mini", per_class=5, work="probe")))
    assert set(differing([run, few])[0]) == {"Pictures of each class", "Kind of work", "Weights"}


def test_runs_are_compared_on_their_pictures(
    workspace: Workspace, two: list[Run], dataset: Dataset
) -> None:
    first, second = two
    found = against(workspace, first, [first, second])
    checked = len(dataset.of("validation"))
    with_itself = found[first.id]
    assert with_itself is not None
    assert (with_itself.count, with_itself.difference) == (checked, 0)
    other = found[second.id]
    assert other is not None
    gained = second.facts["validation_accuracy"] - first.facts["validation_accuracy"]
    assert other.difference == pytest.approx(gained)
    (workspace.runs / second.id / FILE).unlink()
    assert against(workspace, first, [second]) == {second.id: None}


def test_notes_are_kept_with_the_run(workspace: Workspace, store: Store, dataset: Dataset) -> None:
    run = store.create(RunConfig(dataset.id, "small"))
    annotate(store, store.run(run), "n" * (MOST_NOTE + 5), True)
    kept = read_record(workspace.runs / run)
    assert kept is not None
    assert kept.facts == store.run(run).facts == {NOTE: "n" * MOST_NOTE, FAVOURITE: True}
    other = store.run(store.create(RunConfig(dataset.id, "small")))
    annotate(store, other, "", False)
    assert store.run(other.id).facts == {}, "nothing was changed"
