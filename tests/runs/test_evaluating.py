"""Answers are read as they were kept; asked anew they are the same, or it is said why not."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest

from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.errors import UserError
from tl_core.evaluation.predictions import FILE, Predictions, save_predictions
from tl_core.runs.evaluating import kept_predictions, names_of, predictions
from tl_core.runs.store import Run, Store
from tl_core.workspace import Workspace


@pytest.fixture
def run(trained: Callable[..., Run]) -> Run:
    return trained()


def forget(workspace: Workspace, run: Run) -> None:
    (workspace.runs / run.id / FILE).unlink()


def test_asked_anew_the_answers_are_those_that_were_kept(
    workspace: Workspace, run: Run, dataset: Dataset
) -> None:
    kept = {split: predictions(workspace, run, split) for split in ("validation", "test")}
    assert kept["validation"].right.mean() == run.facts["validation_accuracy"]
    forget(workspace, run)
    assert kept_predictions(workspace, run, "validation") is None
    told: list[tuple[int, int]] = []
    anew = predictions(workspace, run, "validation", lambda *counted: told.append(counted))
    assert told[-1] == (20, 20)
    assert anew.files == kept["validation"].files
    np.testing.assert_allclose(anew.logits, kept["validation"].logits, rtol=1e-5, atol=1e-5)
    assert kept_predictions(workspace, run, "test") is not None, "all splits, and kept"
    assert names_of(workspace, run, anew) == [item.name for item in dataset.of("validation")]


def test_kept_answers_need_neither_the_pictures_nor_the_model(
    workspace: Workspace, run: Run, dataset: Dataset
) -> None:
    shutil.rmtree(dataset.folder)
    (workspace.runs / run.id / "model.headstart").unlink()
    made = predictions(workspace, run, "validation")
    assert names_of(workspace, run, made) == list(made.files)


def test_changed_or_erased_pictures_are_told(
    workspace: Workspace, run: Run, dataset: Dataset
) -> None:
    forget(workspace, run)
    first, second = dataset.items[:2]
    dataset.path(first).unlink()
    data = dataset.path(second).read_bytes()
    dataset.path(second).unlink()  # the source may be a second name of the same file
    dataset.path(second).write_bytes(data + b" ")
    with pytest.raises(UserError, match=rf"2 of the 20 pictures .* were changed .*{first.name}"):
        predictions(workspace, run, "validation")
    shutil.rmtree(dataset.folder)
    with pytest.raises(UserError, match="no longer here"):
        predictions(workspace, run, "validation")


def test_a_split_without_pictures(workspace: Workspace, run: Run, dataset: Dataset) -> None:
    made = predictions(workspace, run, "validation")
    save_predictions(workspace.runs / run.id / FILE, {"validation": made})
    assert predictions(workspace, run, "test").files, "asked anew, because there are some"
    assert dataset.of("test")


def test_answers_about_other_classes_are_not_taken(workspace: Workspace, run: Run) -> None:
    made = predictions(workspace, run, "validation")
    wider = Predictions(np.pad(made.logits, ((0, 0), (0, 1))), made.labels, made.files)
    save_predictions(workspace.runs / run.id / FILE, {"validation": wider})
    assert kept_predictions(workspace, run, "validation") is None


def test_a_run_without_a_model(workspace: Workspace, store: Store, dataset: Dataset) -> None:
    run = store.run(store.create(RunConfig(dataset.id, "small")))
    with pytest.raises(UserError, match="queued and has no model"):
        predictions(workspace, run, "validation")
