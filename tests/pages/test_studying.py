"""Studies on the Learn page: started by a button, live while they go on, and used when over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import study_charts, year_charts
from tl_core.data.dataset import Dataset
from tl_core.runs.queue import claim, register
from tl_core.runs.store import Store
from tl_core.studies.columns import columns
from tl_core.studies.decade import Entrant
from tl_core.studies.how_many import Point
from tl_core.studies.kinds import KINDS
from tl_core.studies.race import Racer
from tl_core.studies.study import Study, studies
from tl_core.studies.where_to_cut import Stage
from tl_core.studies.which_backbone import Candidate

Open = Callable[..., AppTest]
ROWS: dict[str, list[Any]] = {
    "race": [
        Racer("transfer", 0, "a", "finished", (1.0, 2.0), (0.7, 0.9)),
        Racer("scratch", 0, "b", "queued", (), ()),
    ],
    "how-many": [
        Point(way, size, 0.5, 0.4, 0.6, 3) for way in ("transfer", "scratch") for size in (1, 5)
    ],
    "where-to-cut": [
        Stage("nothing", 0, None, None, 9, 2.5, 99),
        Stage("stem", 1, 0.5, 0.1, 9, 2.0, 99),
        Stage("last", 2, 0.9, 0.1, 1, 0.0, 9, True),
    ],
    "which-backbone": [
        Candidate("mini", "Mini", 0.9, 0.02, None, None, 0.01),
        Candidate("a", "A<b>", 0.8, 0.02, -10.0, True, 0.01),
        Candidate("b", "B", missing="no weights"),
    ],
    "decade": [
        Entrant(2010, "Made by hand", 0.6, 0.5, 0.7, 2.0, 100, 0.1),
        Entrant(2012, "AlexNet", missing="no weights"),
    ],
}  # fmt: skip


def button(app: AppTest, label: str) -> Any:
    return next((found for found in app.button if found.label == label), None)


def told(app: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*app.markdown, *app.caption, *app.info])


@pytest.fixture
def study(store: Store) -> Callable[[], Study]:
    return lambda: studies(store)[0]


def test_without_pictures_it_says_what_to_do(open_page: Open) -> None:
    app = open_page("learn", chapter="backbone")
    assert "Choose pictures first" in app.info[0].value
    assert button(app, "Try it with the drawn phones and laptops")
    button(app, "Choose pictures").click().run()
    assert app.header[0].value == "Bring pictures, sorted into classes"


def test_from_the_button_to_using_what_was_found(
    open_page: Open, dataset: Dataset, store: Store, study: Callable[[], Study]
) -> None:
    app = open_page("learn", chapter="backbone", data=dataset.id, run="")
    assert "colours · 1 run" in told(app)
    button(app, "Find out").click().run()
    assert not app.exception
    assert study().kind == "which-backbone"
    assert button(app, "Stop")
    assert button(app, "Find out") is None, "one at a time"
    assert "Run 1 of 1" in app.get("progress")[0].proto.text
    register(store, "cpu", ["cpu", "auto"], "a test", 1)
    run = claim(store, "a test")
    assert run is not None
    stage = {"name": "layer4", "accuracy": 0.9, "error": 0.02, "seconds": 0.01}
    store.end(run.id, "finished", holder="a test", stages=[stage], probed=14)
    app = open_page("learn", chapter="backbone", data=dataset.id)
    assert "**Mini tells 90% of 14 pictures apart" in told(app)
    assert button(app, "Ask again")
    assert [given.label for given in app.get("download_button")] == ["Receipt to print"]
    button(app, "Choose this backbone").click().run()
    assert app.query_params["backbone"] == "mini"
    assert app.selectbox[0].value == "mini", "the Backbone page"


def test_stopping_and_what_did_not_finish(
    open_page: Open, dataset: Dataset, study: Callable[[], Study]
) -> None:
    app = open_page("learn", chapter="depth", data=dataset.id)
    button(app, "Find out").click().run()
    button(app, "Stop").click().run()
    assert not app.exception
    assert [run.state for _, run in study().runs] == ["stopped"]
    assert "You stopped this study when 0 of its 1 runs had finished" in told(app)
    assert "did not finish" not in told(app)
    assert not app.get("download_button"), "nothing came of it that a receipt could say"
    assert button(app, "Ask again")


def test_a_question_about_one_backbone_is_answered_for_that_one(
    open_page: Open, dataset: Dataset
) -> None:
    app = open_page("learn", chapter="time", data=dataset.id)
    button(app, "Find out").click().run()
    assert "colours · Mini · 6 runs" not in told(app)
    other = open_page("learn", chapter="time", data=dataset.id, backbone="resnet18")
    assert "has no head start to look at here" in other.error[0].value
    assert button(other, "Stop") is None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_and_has_a_table(kind: str) -> None:
    rows = ROWS[kind]
    drawn = study_charts.figure(kind, rows)
    assert drawn is not None
    assert len(drawn.data) >= 1
    assert drawn is study_charts.figure(kind, list(rows)), "built once"
    assert study_charts.figure(kind, []) is None
    assert set(columns(kind)) <= set(rows[0].__dataclass_fields__)
    assert "A<b>" not in drawn.to_json()


def test_what_has_no_figure_has_no_place_on_the_axis_of_figures() -> None:
    drawn = study_charts.figure("decade", ROWS["decade"])
    assert [trace.name for trace in drawn.data] == ["on your validation pictures"]
    assert "AlexNet" not in drawn.to_json(), "the table says why"


def test_the_imagenet_years_keep_contest_and_single_networks_apart() -> None:
    drawn = year_charts.imagenet_years()
    winners, second, single = drawn.data
    assert dict(zip(winners.x, winners.y, strict=True)) == {
        2010: 28.19, 2011: 25.77, 2012: 16.42, 2013: 11.74, 2014: 6.67, 2015: 3.57, 2016: 2.99
    }  # fmt: skip
    assert (list(second.x), list(second.text)) == ([2014], ["VGG"])
    assert dict(zip(single.text, single.y, strict=True))["ResNet-50"] == pytest.approx(7.14)
    assert drawn.layout.shapes[0].y0 == 5.1
    axis = drawn.layout.xaxis
    named = dict(zip(axis.ticktext, axis.tickvals, strict=True))
    assert named["2016"] == 2016
    assert single.x[list(single.text).index("ConvNeXt tiny")] == named["2022"] == 2018
    assert named["…"] == 2017
