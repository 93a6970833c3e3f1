"""The freeze line's counters say what is estimated and what was measured, and by which run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tl_core.backbones.catalog import find_card
from tl_core.data.dataset import Dataset
from tl_core.runs.store import Store

Open = Callable[..., AppTest]
MINI = find_card("mini")


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def captions(app: AppTest) -> list[str]:
    return [caption.value for caption in app.caption]


def test_before_a_run_the_counters_are_estimates_and_say_so(
    open_page: Open, dataset: Dataset
) -> None:
    app = open_page("backbone", data=dataset.id, backbone="mini", recipe="fine-tune")
    app.select_slider[0].set_value("none").run()
    every = figures(app)
    app.select_slider[0].set_value("layer4").run()
    assert figures(app)["Parameters that learn"] == f"{MINI.trainable_parameters(5, 2):,}"
    assert figures(app)["An epoch"] == "under 1 second"
    assert figures(app)["Memory"] < every["Memory"]
    assert "estimated" in captions(app)
    assert any("nothing was trained here yet" in said for said in captions(app))


def test_after_a_run_with_this_setting_they_are_measured(
    open_page: Open, dataset: Dataset, store: Store, finished: str
) -> None:
    phase = {"name": "everything", "cut": 0, "epochs": 3, "patience": 4, "views": 0,
             "frozen_share": 0.0, "batch_size": 8, "augment": "light"}  # fmt: skip
    store.learn(finished, recipe="scratch", phases=[phase], memory=900_000_000)
    app = open_page("backbone", data=dataset.id, backbone="small")
    assert figures(app)["An epoch"] == "2 seconds"
    assert figures(app)["Memory"] == "900 MB"
    assert captions(app).count(f"measured in run {finished[:6]}") == 2


def test_without_pictures_what_depends_on_them_says_so(open_page: Open) -> None:
    app = open_page("backbone", backbone="mini")
    assert figures(app)["An epoch"] == figures(app)["Memory"] == "–"
    assert captions(app).count("known once pictures are chosen in step 1") == 2


@pytest.mark.parametrize("page", ["train", "backbone"])
def test_a_run_shows_how_far_its_stages_moved(
    open_page: Open, store: Store, finished: str, page: str
) -> None:
    names = find_card("small").stage_names
    shares = dict.fromkeys(names, 0.0) | {names[-1]: 0.25}
    heading = f"How far its stages moved in run {finished[:6]}"
    store.learn(finished, frozen_stages=list(names[:2]))
    assert heading not in [s.value for s in open_page(page, run=finished).subheader]
    store.learn(finished, moved=shares)
    app = open_page(page, run=finished)
    assert heading in [s.value for s in app.subheader]
    table = next(d.value for d in app.dataframe if "its weights moved by" in d.value)
    assert list(table["it was"]) == ["frozen"] * 2 + ["learning"] * (len(names) - 2)
    assert list(table["its weights moved by"]) == list(shares.values())


def test_another_backbone_does_not_show_that_run(
    open_page: Open, store: Store, dataset: Dataset, finished: str
) -> None:
    store.learn(finished, moved={"stem": 0.1}, frozen_stages=[])
    app = open_page("backbone", run=finished, data=dataset.id, backbone="resnet18")
    assert not any("moved in run" in s.value for s in app.subheader)
