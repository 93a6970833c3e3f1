"""Every page: what it shows, what it asks for, and what it says when something is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from tl_core.backbones.catalog import find_card
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.runs.queue import register
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]


def text(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.header, *app.title, *app.info, *app.subheader]
    return "\n".join(str(p.value) for p in [*parts, *app.error, *app.warning, *app.success])


def button(app: AppTest, label: str):
    return next(b for b in app.button if b.label == label)


def test_start_says_what_this_is(open_page: Open) -> None:
    app = open_page()
    assert "transfer learning" in text(app)
    assert "stay on this machine" in text(app)


def test_the_sample_leads_to_the_train_page_in_one_click(open_page: Open) -> None:
    app = open_page()
    button(app, "Start with the sample").click().run()
    assert not app.exception
    assert "Phones and laptops" in text(app)
    assert not button(app, "Start training").disabled


def test_data_without_pictures_says_what_to_do(open_page: Open) -> None:
    app = open_page("data")
    assert button(app, "Next: choose a backbone").disabled
    assert "First choose pictures above." in text(app)


def test_data_shows_a_dataset(open_page: Open, dataset: Dataset) -> None:
    app = open_page("data", data=dataset.id)
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Pictures"] == "20"
    splits = dataset.split_counts()
    assert figures["To learn from"] == str(splits["train"])
    assert "15 %" not in text(app), "of few pictures no share would be true"
    assert not button(app, "Next: choose a backbone").disabled


def test_class_names_are_text(
    open_page: Open, workspace: Workspace, photo_folder: Callable[..., Path]
) -> None:
    folder = photo_folder({"**bold** :red[x]": 4, "<img src=x>": 4})
    hostile = import_source(workspace, folder, "$a$ [link](http://x)")
    app = open_page("data", data=hostile.id)
    assert r"\$a\$ \[link\]" in text(app)


@pytest.mark.parametrize("stage", ["none", "stem", "layer3", "layer4"])
def test_counts_follow_the_freeze_line(open_page: Open, dataset: Dataset, stage: str) -> None:
    app = open_page("backbone", data=dataset.id, backbone="resnet18", recipe="fine-tune")
    app.select_slider[0].set_value(stage).run()
    card = find_card("resnet18")
    cut = 0 if stage == "none" else card.stage_names.index(stage) + 1
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Frozen parameters"] == f"{card.frozen_parameters(cut):,}"
    assert figures["Parameters that learn"] == f"{card.trainable_parameters(cut, 2):,}"
    assert app.query_params.get("freeze", "layer3") == stage


def test_the_notes_drawing_is_a_named_choice(open_page: Open, dataset: Dataset) -> None:
    app = open_page("backbone", data=dataset.id, backbone="vgg16", recipe="feature-extraction")
    card = find_card("vgg16")
    app.button_group[-1].set_value(5).run()
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Frozen parameters"] == f"{card.frozen_parameters(5):,}"


def test_the_network_that_comes_with_the_app_says_so(open_page: Open) -> None:
    app = open_page("backbone", backbone="mini")
    assert app.selectbox[0].value == "mini"
    assert any(line.endswith("comes with the app") for line in app.selectbox[0].options)
    assert "non-commercial" in text(app).replace("\\", "")


def test_a_network_without_weights_offers_only_scratch(open_page: Open, dataset: Dataset) -> None:
    app = open_page("backbone", data=dataset.id, backbone="small")
    assert "nothing to freeze" in text(app)
    assert not app.select_slider


def test_backbone_without_pictures_says_why_it_cannot_go_on(open_page: Open) -> None:
    app = open_page("backbone", backbone="resnet18")
    assert button(app, "Next: train").disabled
    assert "First choose pictures in step 1." in text(app)


def test_the_steps_name_the_backbone_that_the_page_shows(open_page: Open) -> None:
    app = open_page("backbone")
    captions = [caption.value for caption in app.caption]
    assert "MobileNetV2" in captions
    app.selectbox[0].set_value("squeezenet1_1").run()
    assert "SqueezeNet 1.1" in [caption.value for caption in app.caption]


def test_a_weights_file_is_taken_in_and_can_be_left_out_again(
    open_page: Open, workspace: Workspace
) -> None:
    app = open_page("backbone", backbone="resnet18")
    weights = save({"weight": torch.zeros(2)})
    app.file_uploader[0].set_value(("mine.safetensors", weights, "")).run()
    assert "Your weights file is used" in text(app)
    (file,) = workspace.weights.iterdir()
    assert file.read_bytes() == weights
    assert app.query_params["weights"] == file.name
    assert not app.file_uploader[0].value, "the server's memory is let go"
    button(app, "Leave my weights file out").click().run()
    assert "Your weights file is used" not in text(app)
    assert "weights" not in app.query_params


@pytest.mark.parametrize("name", ["../headstart.db", "/etc/passwd", "0123456789abcdef.safetensors"])
def test_a_weights_file_in_the_address_is_one_of_ours_or_none(open_page: Open, name: str) -> None:
    app = open_page("backbone", backbone="small", weights=name)
    assert "no pre-trained weights" in text(app)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [({}, "Choose pictures first"), ({"data": "gone"}, "Choose pictures first")],
)
def test_train_without_choices_says_what_to_do(
    open_page: Open, query: dict[str, str], sentence: str
) -> None:
    assert sentence in text(open_page("train", **query))


def test_where_nothing_is_frozen_no_last_stages_are_spoken_of(
    open_page: Open, dataset: Dataset
) -> None:
    app = open_page("train", data=dataset.id, backbone="mini", recipe="fine-tune", freeze="none")
    assert "nothing frozen" in text(app)
    assert "nothing stays frozen" in text(app)
    assert "the last stages learn" not in text(app)


def test_train_queues_a_run_and_writes_it_into_the_address(
    open_page: Open, dataset: Dataset, store: Store
) -> None:
    app = open_page("train", data=dataset.id, backbone="small")
    button(app, "Start training").click().run()
    (run,) = store.runs()
    assert run.state == "queued"
    assert run.config == RunConfig(dataset.id, "small", recipe="scratch", freeze="0")
    assert run.facts == {"dataset_name": "colours"}, "so that a list can name it while it waits"
    assert app.query_params["run"] == run.id
    assert not [b for b in app.button if b.label == "Start training"]
    button(app, "Stop").click().run()
    assert store.run(run.id).state == "stopped"


@pytest.mark.parametrize(
    ("kind", "place", "batch", "epochs"),
    [("cpu", "the processor", "32", "5, then 6"), ("cuda", "an NVIDIA GPU", "64", "5, then 10")],
)
def test_what_was_chosen_is_what_the_worker_s_device_will_get(
    open_page: Open,
    dataset: Dataset,
    grow: Callable[[int], None],
    store: Store,
    kind: str,
    place: str,
    batch: str,
    epochs: str,
) -> None:
    grow(1000 - len(dataset.of("train")))
    register(store, kind, [kind, "auto"], "token", 1)
    app = open_page("train", data=dataset.id, backbone="resnet18")
    said = text(app)
    assert f"For training on {place}." in said
    assert f"**Pictures per step: {batch}**" in said
    assert f"**Epochs at most: {epochs}**" in said
    where = next(box for box in app.selectbox if box.label == "Where to train")
    assert "**Pictures per step: 32**" in text(where.set_value("cpu").run())


def test_a_finished_run_is_found_by_its_address(open_page: Open, finished: str) -> None:
    app = open_page("train", run=finished)
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Validation pictures right"] == "75.0%"
    assert figures["Test pictures right"] == "–"
    assert "Finished: colours" in text(app)
    assert "4 variations" in text(app)
    assert "98 MB kept on disk): about 35 seconds saved" in text(app), "three epochs, one pass"
    assert button(app, "Start training"), "the run's pictures and backbone are taken over"


def test_a_failed_run_shows_its_sentence(open_page: Open, dataset: Dataset, store: Store) -> None:
    run = store.create(RunConfig(dataset.id, "small"))
    store.end(run, "failed", "The steps were too large.")
    assert r"The steps were too large" in text(open_page("train", run=run))


def test_an_unknown_run_in_the_address_is_no_error(open_page: Open) -> None:
    app = open_page("train", run="nonsense", data="nonsense")
    assert "Choose pictures first" in text(app)
    assert "The run that this address names is not here" in text(app)
    assert "The pictures that this address names are not here" in text(app)
    assert not app.query_params.get("run")
    assert "this address names" not in text(app.run()), "said once"


def test_predict_without_a_model_says_what_to_do(open_page: Open) -> None:
    app = open_page("predict")
    assert "no trained model yet" in text(app)
    assert button(app, "Go to Train")


def test_predict_with_a_lost_model_says_so(open_page: Open, finished: str) -> None:
    app = open_page("predict", run=finished)
    assert "The model is gone" in text(app)


def test_the_page_process_never_imports_torch(dataset: Dataset) -> None:
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
from tl_core.runs import launch
launch.has_worker = lambda *_: True
app = AppTest.from_file({str(Path("pages/main.py").resolve())!r}, default_timeout=60)
app.query_params["data"] = {dataset.id!r}
app.query_params["backbone"] = "resnet18"
app.run()
for page in ("data", "backbone", "train", "validate", "predict", "compare", "learn"):
    app.switch_page(page + ".py").run()
    assert not app.exception, app.exception
    assert "torch" not in sys.modules, page
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_a_finished_run_says_what_its_figure_is_worth(open_page: Open, finished: str) -> None:
    app = open_page("train", run=finished)
    assert "may as well be between" in text(app)
