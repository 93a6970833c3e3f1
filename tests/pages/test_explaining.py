"""Why a model says so: what pages ask the predictor, what they show, and while it is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import insides_figures as figures
from tl_core.backbones.catalog import find_card
from tl_core.data.dataset import Dataset
from tl_core.errors import HeadstartError
from tl_core.evaluation.predictions import FILE, predictions_of, save_predictions
from tl_core.runs.predictor.jobs import Job
from tl_core.runs.predictor.predicting import Answer, Predictor
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]
SIDE = 32


class Asked:
    """Stands for the predictor: remembers what was asked, and answers at once or not yet."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.pending = False
        self.fails: HeadstartError | None = None
        self.forgotten = 0
        self.learned = True

    def later(self, _: Predictor, request: dict[str, Any], read: Callable[..., Any]) -> Job[Any]:
        self.requests.append(request)
        job = Job(request, read)
        job.answer = self.fails or (None if self.pending else self.answer(request))
        return job

    def forget(self, *_: object) -> None:
        self.forgotten += 1
        self.fails = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        heat = np.zeros((SIDE, SIDE), np.float32)
        heat[4:9, 4:9] = 1
        shares = np.array([0.3, 0.7], np.float32)
        if request["do"] == "attend":
            label = {None: 1, "blue": 0, "red": 1}[request["class"]]
            return {"picture": np.zeros((SIDE, SIDE, 3), np.uint8), "heat": heat * label,
                    "label": label, "shares": shares}  # fmt: skip
        if request["do"] == "cover":
            return {"heat": heat, "drop": 0.4, "agreement": 0.7}
        if request["do"] == "activate":
            has_places = request["stage"] != find_card("small").stage_names[-1]
            maps = np.random.default_rng(0).random((12, 8, 8)).astype("f4")
            return {"mean": maps[0] if has_places else np.zeros((0, 0), "f4"), "strongest": maps,
                    "numbers": np.arange(12), "values": np.ones(64, "f4")}  # fmt: skip
        if request["do"] == "filters":
            return {"filters": np.ones((32, 3, 3, 3), np.float32)}
        count = len(request["pictures"])
        points = np.random.default_rng(1).random((2, 2, count, 2)).astype("f4")
        return {"found": np.arange(count), "points": points, "shown": [0.5, 0.75],
                "alike": [0.6, 0.9]}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    stand_in = Asked()
    monkeypatch.setattr(Predictor, "later", lambda *values: stand_in.later(*values))
    monkeypatch.setattr(Predictor, "forget", stand_in.forget)
    answer = Answer({"red": 0.7, "blue": 0.3})
    monkeypatch.setattr(Predictor, "predict", lambda *values: [answer] * len(values[2]))
    return stand_in


@pytest.fixture
def judged(workspace: Workspace, store: Store, finished: str, dataset: Dataset) -> str:
    """Return a finished run that got its first validation picture wrong."""
    made = {}
    for split in ("train", "validation", "test"):
        items = dataset.of(split)
        logits = np.eye(2, dtype=np.float32)[[item.label for item in items]]
        logits[0] = logits[0, ::-1]
        made[split] = predictions_of(items, logits)
    (workspace.runs / finished).mkdir(parents=True, exist_ok=True)
    save_predictions(workspace.runs / finished / FILE, made)
    store.learn(finished, frozen_stages=["stem", "layer1", "layer2", "layer3"])
    return finished


def text(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.subheader, *app.info, *app.error]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def look(app: AppTest, view: str) -> AppTest:
    group = next(g for g in app.button_group if view in g.options)
    return group.set_value([view] if isinstance(group.value, list) else view).run()


def test_nothing_is_computed_before_somebody_asks(
    open_page: Open, finished: str, asked: Asked
) -> None:
    app = open_page("predict", run=finished)
    assert "Why does it say so?" in text(app)
    assert "computed when you ask" in text(app)
    assert asked.requests == []


def test_where_it_looked_and_the_check(open_page: Open, finished: str, asked: Asked) -> None:
    app = look(open_page("predict", run=finished), "Where it looked")
    assert not app.exception
    assert "Where it looked for red" in text(app), "the likeliest class"
    assert "It tells where the network looked, and not what it saw" in text(app)
    assert [request["do"] for request in asked.requests] == ["attend"] * len(asked.requests)
    app.toggle[0].set_value(True).run()
    assert asked.requests[-1]["do"] == "cover"
    assert asked.requests[-1]["class"] == "red"
    assert "Both ways point to the same places" in text(app)
    assert "It cannot tell when two places" in text(app)
    speaks = next(s for s in app.selectbox if s.label == "What speaks for")
    assert speaks.options == ["red (70.0%)", "blue (30.0%)"]
    speaks.set_value(0).run()
    assert "No place speaks for this class" in text(app)
    assert asked.requests[-1]["class"] == "blue"


def test_what_a_stage_makes_of_it(open_page: Open, finished: str, asked: Asked) -> None:
    app = look(open_page("predict", run=finished), "What a stage makes of it")
    assert "The mean of all 64 channels of stem" in text(app)
    assert "What a channel looks for cannot be read off" in text(app)
    app.select_slider[0].set_value("layer4").run()
    assert asked.requests[-1]["stage"] == "layer4"
    assert "No place is left" in text(app)


def test_while_it_is_computed_the_page_stays_usable(
    open_page: Open, finished: str, asked: Asked
) -> None:
    asked.pending = True
    app = look(open_page("predict", run=finished), "Where it looked")
    assert not app.exception
    assert "Where it looked for" not in text(app)
    look(app, "What a stage makes of it")
    asked.pending = False
    assert "The mean of all" in text(app.run())


def test_a_failure_is_a_sentence_with_another_try(
    open_page: Open, finished: str, asked: Asked
) -> None:
    asked.fails = HeadstartError("Its process ended.")
    app = look(open_page("predict", run=finished), "Where it looked")
    assert "Its process ended." in text(app)
    next(b for b in app.button if b.label == "Try again").click().run()
    assert asked.forgotten == 1
    assert "Where it looked for red" in text(app)


def test_mistakes_can_be_explained(
    open_page: Open, judged: str, dataset: Dataset, asked: Asked
) -> None:
    look(open_page("validate", run=judged), "Where it looked")
    wrong = dataset.of("validation")[0]
    assert asked.requests[0]["picture"] == str(dataset.path(wrong))


def test_how_far_stages_moved_and_first_filters(
    open_page: Open, judged: str, store: Store, asked: Asked
) -> None:
    app = look(open_page("validate", run=judged), "How far each stage moved")
    assert "was not noted" in text(app), "a run of an earlier version"
    names = find_card("small").stage_names
    shares = dict.fromkeys(names, 0.0) | {names[-1]: 0.004}
    store.learn(judged, moved=shares, frozen_stages=list(names[:4]))
    app = look(open_page("validate", run=judged), "How far each stage moved")
    assert "4 of 5 stages were frozen" in text(app)
    assert "layer4 moved most, by 0.4%" in text(app)
    assert "It cannot tell what a change was good for" in text(app)
    look(app, "Its first filters")
    assert [request["do"] for request in asked.requests] == ["filters"]
    assert "What later stages look for cannot be drawn" in text(app)


def test_a_map_of_the_pictures(
    open_page: Open, judged: str, dataset: Dataset, asked: Asked
) -> None:
    app = look(open_page("validate", run=judged), "A map of your pictures")
    assert not app.exception
    items = [*dataset.of("validation"), *dataset.of("train")]
    assert asked.requests[0]["pictures"] == [str(dataset.path(item)) for item in items]
    assert "For 90% of the pictures" in text(app)
    assert "before training, 60%" in text(app)
    assert "t-SNE" in text(app)
    picture = next(s for s in app.selectbox if s.label == "Picture" and s.value is None)
    picture.set_value(0).run()
    assert "validation picture" in text(app)
    look(app, "Largest differences (PCA)")
    assert "50% before and 75% after" in text(app)


def test_a_map_without_its_pictures_says_so(
    open_page: Open, judged: str, workspace: Workspace, asked: Asked
) -> None:
    for folder in workspace.datasets.iterdir():
        folder.rename(workspace.root / folder.name)
    app = look(open_page("validate", run=judged), "A map of your pictures")
    assert "no longer here, so there is no map" in text(app)
    assert asked.requests == []


def test_points_carry_their_pictures(dataset: Dataset) -> None:
    items = [*dataset.of("validation"), *dataset.of("train")]
    points = np.random.default_rng(0).random((len(items), 2)).astype("f4")
    figure = figures.picture_map(points, items, ["<b>red</b>", "blue"])
    assert [trace.name for trace in figure.data] == ["&lt;b&gt;red&lt;/b&gt;", "blue"]
    for trace in figure.data:
        for place, x, symbol in zip(trace.customdata, trace.x, trace.marker.symbol, strict=True):
            assert points[place, 0] == x
            assert symbol.endswith("-open") == (items[place].split == "train")
    assert len({trace.marker.symbol[0] for trace in figure.data}) == 2
    assert figures.chosen_point({"points": [{"customdata": 3}]}) == 3
    assert figures.chosen_point({"points": [{"customdata": [3]}]}) == 3
    assert figures.chosen_point({"points": []}) is None


def test_bars_tell_frozen_from_learned() -> None:
    figure = figures.movement({"a": 0.0, "b": 0.0, "c": 0.0123}, 2)
    frozen, learned = figure.data
    assert (list(frozen.y), list(learned.y)) == (["a", "b"], ["c"])
    assert learned.text == ("1.2%",)
    assert frozen.marker.pattern.shape != learned.marker.pattern.shape
