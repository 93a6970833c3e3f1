"""Validate: figures with their worth, the matrix whose cells open their pictures, and mending."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save
from streamlit.testing.v1 import AppTest

from pages.shared import mistakes, quality
from tl_core.backbones.card import Preprocessing
from tl_core.bundles.archive import amend, read_manifest, write_bundle_file
from tl_core.bundles.manifest import WEIGHTS, Manifest
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, Split, find_dataset
from tl_core.data.intake import import_source
from tl_core.evaluation.calibration import coverage_accuracy, reliability
from tl_core.evaluation.metrics import confusion_matrix
from tl_core.evaluation.predictions import FILE, predictions_of, save_predictions
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]
CLASSES = ("**bold**", "<img src=x>")


@pytest.fixture
def dataset(workspace: Workspace, photo_folder: Callable[..., Path]) -> Dataset:
    """Return a dataset with names that a page could take for markup."""
    return import_source(workspace, photo_folder(dict.fromkeys(CLASSES, 30)), "colours")


@pytest.fixture
def judged(workspace: Workspace, finished: str, dataset: Dataset) -> str:
    """Return a finished run that got the first validation and the first test picture wrong."""
    made = {}
    for split in ("train", "validation", "test"):
        items = dataset.of(split)
        logits = np.zeros((len(items), 2), np.float32)
        logits[range(len(items)), [item.label for item in items]] = 2
        logits[0] = logits[0, ::-1] * (split != "train")
        made[split] = predictions_of(items, logits)
    (workspace.runs / finished).mkdir(parents=True, exist_ok=True)
    save_predictions(workspace.runs / finished / FILE, made)
    return finished


def text(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.subheader, *app.info, *app.warning, *app.success]
    return "\n".join(str(part.value) for part in [*parts, *app.error])


def button(app: AppTest, label: str):
    return next(b for b in app.button if label in b.label)


def count(dataset: Dataset, split: Split) -> int:
    return len(dataset.of(split))


def test_without_a_model_it_says_what_to_do(open_page: Open) -> None:
    app = open_page("validate")
    assert "no trained model yet" in text(app)
    assert button(app, "Go to Train")


def test_a_run_whose_answers_were_not_kept(open_page: Open, finished: str) -> None:
    app = open_page("validate", run=finished)
    assert "was not kept" in text(app)
    assert app.code[0].value == f"python -m tl_core evaluate {finished}"


def test_figures_and_what_they_are_worth(open_page: Open, judged: str, dataset: Dataset) -> None:
    app = open_page("validate", run=judged)
    checked = count(dataset, "validation")
    assert f"**{checked - 1} of {checked}** validation pictures" in text(app)
    assert "as well be between" in text(app)
    assert f"Only {checked} pictures check the network" in text(app)
    tested = count(dataset, "test")
    assert f"**{tested - 1} of {tested}** test pictures" in text(app)
    table = app.dataframe[0].value
    assert table["class"].tolist() == list(CLASSES)
    assert table["recall"].min() < 1


def test_the_mistake_is_shown_and_names_are_text(open_page: Open, judged: str) -> None:
    app = open_page("validate", run=judged)
    assert r"is **\*\*bold\*\***, said **\<img src" in text(app)
    assert len([box for box in app.checkbox if box.label == "Choose it"]) == 1
    assert "Choose pictures above first." in text(app)
    assert button(app, "Take the chosen ones out").disabled
    assert button(app, "Relabel the chosen ones").disabled


def test_a_cell_is_opened_from_its_pair_and_by_select_boxes(
    open_page: Open, judged: str, dataset: Dataset
) -> None:
    app = open_page("validate", run=judged)
    button(app, "taken for").click().run()
    boxes = {box.label: box for box in app.selectbox}
    assert (boxes["Pictures of"].value, boxes["that it called"].value) == (0, 1)
    assert len([box for box in app.checkbox if box.label == "Choose it"]) == 1
    boxes["Pictures of"].set_value(1).run()
    wrong = [item for item in dataset.of("validation") if item.label == 1]
    assert len([box for box in app.checkbox if box.label == "Choose it"]) == len(wrong)


def test_chosen_pictures_are_taken_out_and_training_starts_again(
    open_page: Open, judged: str, dataset: Dataset, store: Store, workspace: Workspace
) -> None:
    app = open_page("validate", run=judged)
    next(box for box in app.checkbox if box.label == "Choose it").check().run()
    button(app, "Take 1 picture out").click().run()
    assert "with 59 pictures" in text(app)
    assert not any(box.value for box in app.checkbox), "nothing is chosen any more"
    # A second correction goes on from the first.
    button(app, "taken for").click().run()
    app.selectbox(f"is-{judged}").set_value(1).run()
    next(box for box in app.checkbox if box.label == "Choose it").check().run()
    button(app, "Take 1 picture out").click().run()
    assert "with 58 pictures" in text(app)
    button(app, "Train the same again on it").click().run()
    assert not app.exception
    newest = store.runs()[0]
    assert newest.config == RunConfig(newest.config.dataset, "small")
    assert app.query_params["run"] == newest.id, "the page shows the new run, not the old one"
    made = find_dataset(workspace, newest.config.dataset)
    assert set(made.items) < set(dataset.items)
    assert dataset.of("validation")[0] not in made.items


def test_a_chosen_picture_is_put_into_another_class(
    open_page: Open, judged: str, dataset: Dataset, store: Store, workspace: Workspace
) -> None:
    app = open_page("validate", run=judged)
    next(box for box in app.checkbox if box.label == "Choose it").check().run()
    app.selectbox(f"really-{judged}").set_value(CLASSES[1]).run()
    button(app, "Relabel 1 picture").click().run()
    assert "with 60 pictures" in text(app)
    button(app, "Train the same again on it").click().run()
    made = find_dataset(workspace, store.runs()[0].config.dataset)
    wrong = dataset.of("validation")[0]
    assert [
        made.classes[item.label] for item in made.of("validation") if item.file == wrong.file
    ] == [CLASSES[1]]


def test_another_run_can_be_looked_at(
    open_page: Open, judged: str, store: Store, dataset: Dataset
) -> None:
    other = store.create(RunConfig(dataset.id, "small", seed=1), **store.run(judged).facts)
    store.end(other, "finished")
    app = open_page("validate", run=judged)
    assert app.selectbox[0].value == judged
    app.selectbox[0].set_value(other).run()
    assert app.query_params["run"] == other
    assert "was not kept" in text(app)


def test_the_suggested_run_is_started_once(open_page: Open, judged: str, store: Store) -> None:
    store_events = store.events(judged)
    app = open_page("validate", run=judged)
    assert "Too early to tell" in text(app), f"{len(store_events)} events, three epochs"
    button(app, "Start that run").click().run()
    assert not app.exception
    newest = store.runs()[0]
    assert newest.config.epochs == 80
    again = open_page("validate", run=judged)
    assert not [b for b in again.button if b.label == "Start that run"]


@pytest.mark.parametrize(("kind", "epochs"), [("cpu", 30), ("cuda", 36)])
def test_the_suggested_run_starts_from_what_the_run_s_device_had_got(
    open_page: Open, judged: str, store: Store, grow: Callable[[int], None], kind: str, epochs: int
) -> None:
    grow(1000)
    store.learn(judged, device_kind=kind)
    button(open_page("validate", run=judged), "Start that run").click().run()
    assert store.runs()[0].config.epochs == epochs


def test_the_threshold_counts(open_page: Open, judged: str, dataset: Dataset) -> None:
    app = open_page("validate", run=judged)
    checked = count(dataset, "validation")
    assert f"**{checked} of {checked}** validation pictures, " in text(app)
    app.slider[0].set_value(100).run()
    assert f"**0 of {checked}** validation pictures, that is none." in text(app)


@pytest.fixture
def bundle(judged: str, workspace: Workspace, store: Store) -> Path:
    """Return the run's bundle, whose weights no page reads."""
    path = workspace.runs / judged / "model.headstart"
    manifest = Manifest(
        backbone="small", classes=CLASSES, preprocessing=Preprocessing(), opener="1",
        recipe="scratch", frozen_stages=(), dataset="0" * 16,
    )  # fmt: skip
    write_bundle_file(path, manifest, {WEIGHTS: save({"weights": np.zeros(1)})})
    store.learn(judged, bundle=str(path))
    return path


def test_a_temperature_goes_into_the_model_and_out_again(
    open_page: Open, judged: str, bundle: Path, dataset: Dataset, workspace: Workspace
) -> None:
    items = dataset.of("validation")
    logits = np.zeros((len(items), 2), np.float32)
    said = [item.label if n >= 4 else 1 - item.label for n, item in enumerate(items)]
    logits[range(len(items)), said] = 6  # far surer than right
    made = {"validation": predictions_of(items, logits)}
    save_predictions(workspace.runs / judged / FILE, made)
    amend(bundle, threshold=0.5)
    app = open_page("validate", run=judged)
    button(app, "Predict with it").click().run()
    model = read_manifest(bundle)
    assert model.temperature > 2
    assert model.threshold == 0, "it was chosen for other shares"
    assert f"In use: a temperature of {model.temperature:.2f}" in text(app)
    button(app, "Predict without it again").click().run()
    assert read_manifest(bundle).temperature == 1


def test_a_threshold_goes_into_the_model(open_page: Open, judged: str, bundle: Path) -> None:
    app = open_page("validate", run=judged)
    assert button(app, "Predict with this threshold").disabled
    assert "This is what it predicts with now" in text(app)
    app.slider[0].set_value(70).run()
    button(app, "Predict with this threshold").click().run()
    assert read_manifest(bundle).threshold == 0.7
    assert open_page("validate", run=judged).slider[0].value == 70


def test_without_the_model_nothing_can_go_into_it(open_page: Open, judged: str) -> None:
    app = open_page("validate", run=judged)
    assert "model of this run is gone" in text(app)
    assert not [b for b in app.button if "Predict with" in b.label]


def test_pictures_that_are_gone_are_said(open_page: Open, judged: str, dataset: Dataset) -> None:
    app = open_page("validate", run=judged)
    dataset.path(dataset.of("validation")[0]).unlink()
    assert not app.run().exception
    (dataset.folder / "dataset.json").unlink()
    app = open_page("validate", run=judged)
    assert "no longer here, so they cannot be shown" in text(app)
    assert "no next run is suggested" in text(app)


# --- the figures ------------------------------------------------------------------------------


def test_a_click_names_its_cell() -> None:
    matrix = confusion_matrix([0, 0, 1], [0, 1, 1], 2)
    figure = quality.confusion(matrix, CLASSES)
    handles = figure.data[-1]
    places = set(zip(handles.y.tolist(), handles.x.tolist(), strict=True))
    assert places == {(0, 0), (0, 1), (1, 1)}, "cells without pictures open nothing"
    assert quality.chosen_cell({"points": [{"x": 1, "y": 0}]}) == (0, 1)
    assert quality.chosen_cell({"points": []}) is None
    assert "&lt;img" in figure.layout.xaxis.ticktext[1]


def test_of_many_classes_those_with_mistakes_are_drawn(
    open_page: Open, judged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mistakes, "_DRAWN", 1)
    assert "Drawn are the 1 classes with most mistakes" in text(open_page("validate", run=judged))
    many = coverage_accuracy(np.linspace(0, 1, 5000), np.ones(5000, bool))
    assert len(quality.coverage(many, 0.5).data[0].x) <= 500


def test_figures_of_nothing_can_be_drawn() -> None:
    assert quality.confusion(confusion_matrix([], [], 2), CLASSES)
    assert quality.reliable(reliability([], []))
    assert quality.coverage(coverage_accuracy([], []), 0.5)


def test_what_another_run_has_refuted_is_not_advised(
    open_page: Open, judged: str, store: Store
) -> None:
    button(open_page("validate", run=judged), "Start that run").click().run()
    store.end(store.runs()[0].id, "finished", validation_accuracy=0.1)
    said = text(open_page("validate", run=judged))
    assert "was tried already and brought no more" in said
    assert "Try next" not in said
