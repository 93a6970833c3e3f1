"""The kinds of work beside training: probing frozen stages, and features made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tl_core.backbones.catalog import find_card
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.runs.following import StoppedError
from tl_core.runs.probe_file import FILE, read_probe
from tl_core.runs.probing import probe_run
from tl_core.runs.store import Run, Store
from tl_core.training.events import Event, Preparing
from tl_core.workspace import Workspace

Trained = Callable[..., Run]


def test_a_probe_tells_of_every_stage(
    trained: Trained, dataset: Dataset, workspace: Workspace, store: Store
) -> None:
    run = trained(backbone="mini", work="probe", epochs=None)
    assert (run.state, run.message) == ("finished", "")
    names = list(find_card("mini").stage_names)
    assert [stage["name"] for stage in run.facts["stages"]] == names
    assert run.facts["probed"] == len(dataset.of("train"))
    assert len(run.facts["footprint"]["saved"]) == len(names)
    right = read_probe(workspace.runs / run.id)
    assert list(right) == names
    for stage in run.facts["stages"]:
        marks = right[stage["name"]]
        assert set(marks) == {item.file for item in dataset.of("train")}
        assert sum(marks.values()) / len(marks) == stage["accuracy"]
    assert run.facts["stages"][-1]["accuracy"] > 0.9, "red and blue stripes"
    seconds = [stage["seconds"] for stage in run.facts["stages"]]
    assert seconds == sorted(seconds)
    # The same of the last stage alone, from what was kept: nothing is passed again.
    again = trained(backbone="mini", work="probe", epochs=None, freeze="all")
    assert again.facts["stages"] == run.facts["stages"][-1:]
    assert "footprint" not in again.facts
    told = [told.event for told in store.events(again.id)]
    assert not [e for e in told if isinstance(e, Preparing) and e.what.startswith("Passing")]


def test_a_probe_of_many_pictures_takes_some_of_each_class(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tl_core.runs.probing._MOST", 12)
    run = trained(backbone="mini", work="probe", epochs=None, freeze="stem")
    assert run.facts["probed"] == 12


def test_a_probe_without_weights_is_one_sentence(trained: Trained) -> None:
    run = trained(backbone="small", work="probe", epochs=None)
    assert run.state == "failed"
    assert "no pre-trained weights" in run.message


def test_features_made_by_hand_tell_the_classes_apart(trained: Trained) -> None:
    pytest.importorskip("skimage")
    run = trained(backbone="handmade", work="handmade", epochs=None)
    assert (run.state, run.message) == ("finished", "")
    assert run.facts["validation_accuracy"] == run.facts["test_accuracy"] == 1
    assert run.facts["trainable_parameters"] == 2 * (1764 + 128 + 1)
    few = trained(backbone="handmade", work="handmade", epochs=None, per_class=2)
    assert few.state == "finished", "too few of each class to choose anything from"


def test_by_hand_without_test_pictures_there_is_no_such_figure(
    trained: Trained, workspace: Workspace, photo_folder: Callable[..., Path]
) -> None:
    pytest.importorskip("skimage")
    folder = photo_folder(into=workspace.root.parent / "given" / "train")
    photo_folder({"red": 3, "blue": 3}, into=folder.parent / "val")
    given = import_source(workspace, folder.parent, "Given")
    run = trained(dataset=given.id, backbone="handmade", work="handmade", epochs=None)
    assert run.facts["validation_accuracy"] == 1
    assert run.facts["test_accuracy"] is None


def test_training_on_fewer_pictures(trained: Trained, dataset: Dataset) -> None:
    run = trained(per_class=2)
    assert run.state == "finished"
    assert run.facts["reasons"][0]["why"].startswith("about a tenth of your 4 training pictures")
    assert len(dataset.of("train")) == 14


def test_a_wish_to_stop_ends_the_work(dataset: Dataset, workspace: Workspace) -> None:
    config = RunConfig(dataset.id, "mini", work="probe", device="cpu")
    told: list[Event] = []
    with pytest.raises(StoppedError):
        probe_run(config, dataset, workspace, workspace.root, told.append, wish=lambda: "stop")
    assert told == [Preparing("Opening the pictures", 1, 14)]


@pytest.mark.parametrize("content", [None, "", "[]", '{"files": ["a"], "right": {"stem": "11"}}'])
def test_a_probe_that_cannot_be_read_is_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_text(content)
    assert read_probe(tmp_path) == {}
