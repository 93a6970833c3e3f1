"""Compare: the table with its filters, notes and favourites, and runs beside each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import quality
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.evaluation.predictions import FILE, predictions_of, save_predictions
from tl_core.runs.comparing import FAVOURITE, annotate
from tl_core.runs.queue import claim
from tl_core.runs.store import Store, Told
from tl_core.training.events import EpochEnded
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]


@pytest.fixture
def pair(workspace: Workspace, store: Store, finished: str, dataset: Dataset) -> tuple[str, str]:
    """Return a run that knows nothing and a newer one, with another seed, that knows everything."""
    newer = store.create(RunConfig(dataset.id, "small", seed=7), dataset_name="**x**")
    claim(store, "token")
    store.append(newer, [EpochEnded(0, 1, 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0, 14, True)])
    facts = store.run(finished).facts | {"dataset_name": "**x**", "validation_accuracy": 1.0}
    store.learn(newer, **facts)
    store.end(newer, "finished")
    items = dataset.of("validation")
    for run, right in ((finished, False), (newer, True)):
        logits = np.zeros((len(items), 2), np.float32)
        said = [item.label if right else 1 - item.label for item in items]
        logits[range(len(items)), said] = 1
        (workspace.runs / run).mkdir(parents=True, exist_ok=True)
        save_predictions(workspace.runs / run / FILE, {"validation": predictions_of(items, logits)})
    return finished, newer


def text(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.subheader, *app.info, *app.error]
    return "\n".join(str(part.value) for part in parts)


def test_without_runs_it_says_what_to_do(open_page: Open) -> None:
    assert "Nothing was trained here yet" in text(open_page("compare"))


def test_one_run_is_not_enough(open_page: Open, finished: str) -> None:
    app = open_page("compare")
    assert finished[:4] in app.dataframe[0].value["run"].tolist()
    assert "the only run so far" in text(app)


def test_two_runs_are_compared_on_the_same_pictures(
    open_page: Open, pair: tuple[str, str], dataset: Dataset
) -> None:
    app = open_page("compare")
    checked = len(dataset.of("validation"))
    row = app.dataframe[1].value.iloc[0]
    assert pair[0][:4] in row["run"]
    assert row["on the same pictures"].startswith(f"worse by {checked} of {checked}")
    assert (row["only this one right"], row["only the other right"]) == (0, checked)
    assert row["at least"] < row["at most"]
    assert "| **Seed** | 7 | 0 |" in text(app)
    assert r"**x**" not in text(app).replace(r"\*\*x\*\*", ""), "what people named is text"


def test_filters_narrow_the_table(open_page: Open, pair: tuple[str, str], store: Store) -> None:
    app = open_page("compare")
    assert len(app.dataframe[0].value) == 2
    app.multiselect[0].set_value(["**x**"]).run()
    assert app.dataframe[0].value["run"].tolist() == [pair[1][:4]]
    app.multiselect[0].set_value([]).run()
    app.toggle[0].set_value(True).run()
    assert "widen the filters" in text(app)
    store.learn(pair[0], **{FAVOURITE: True})
    assert app.run().dataframe[0].value["run"].tolist() == [pair[0][:4]]


def test_notes_and_favourites_are_shown_and_stay(
    open_page: Open, pair: tuple[str, str], store: Store
) -> None:
    annotate(store, store.run(pair[0]), "the best so far", True)
    for _ in range(2):
        shown = open_page("compare").dataframe[0].value
        assert shown["★"].tolist() == [False, True]
        assert shown["note"].tolist() == ["", "the best so far"]


def test_every_measure_can_be_drawn() -> None:
    told = [Told(1, 0.0, EpochEnded(0, 1, 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0, 14))]
    for measure in quality.MEASURES:
        figure = quality.overlaid({"a": told, "<b>": told, "c": []}, measure)
        looks = {(line.line.color, line.line.dash, line.marker.symbol) for line in figure.data}
        assert len(looks) == 3
        assert figure.data[1].name == "&lt;b&gt;"
