"""The receipt of a run and of a study: what stands in it, and that it is only paper."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.receipts.conftest import Read
from tests.studies.conftest import Studied, Worker, epoch
from tl_core import cli
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.errors import UserError
from tl_core.evaluation.predictions import FILE, predictions_of, save_predictions
from tl_core.runs.store import Run, Store
from tl_core.studies.command import command_of
from tl_core.studies.kinds import KINDS
from tl_core.studies.receipt import receipt
from tl_core.studies.study import Asked, find_study
from tl_core.workspace import Workspace

HOSTILE = "<script>alert(1)"


def parsed(html: str) -> Read:
    read = Read()
    read.feed(html)
    read.assert_harmless()
    return read


@pytest.fixture
def hostile(workspace: Workspace, photo_folder: Callable[..., Path]) -> Dataset:
    """Return pictures whose dataset and classes are called what nobody should be called."""
    return import_source(workspace, photo_folder({HOSTILE: 12, '"><b onload=x>': 12}), "<i>&amp;")


@pytest.fixture
def ended(workspace: Workspace, store: Store, worker: Worker) -> Callable[[Dataset], Run]:
    """Return a function that ends a run on a dataset, with one wrong answer."""

    def end(dataset: Dataset) -> Run:
        store.create(RunConfig(dataset.id, "small"), dataset_name=dataset.name)
        run = worker.end(
            [epoch(1, 0.5), epoch(2, 0.75)], classes=list(dataset.classes), seconds=12.3,
            validation_accuracy=0.75, test_accuracy=0.5, best_epoch=2, epochs=2, recipe="scratch",
            frozen_stages=[], device_kind="cpu", moved={"stem": 0.25}, versions={"python": "3.11"},
        )  # fmt: skip
        items = dataset.of("validation")
        logits = np.zeros((len(items), 2), np.float32)
        logits[range(len(items)), [item.label for item in items]] = 3
        logits[0] = (0, 4) if items[0].label == 0 else (4, 0)
        made = {"validation": predictions_of(items, logits)}
        save_predictions(workspace.runs / run.id / FILE, made)
        return run

    return end


def test_a_runs_receipt_says_what_was_done(
    workspace: Workspace, store: Store, dataset: Dataset, ended: Callable[[Dataset], Run]
) -> None:
    run = ended(dataset)
    html = receipt(workspace, store, run.id)
    read = parsed(html)
    wrong = dataset.of("validation")[0]
    names = ("red", "blue") if dataset.classes[wrong.label] == "red" else ("blue", "red")
    for said in (
        "Colours", dataset.id, run.id, "it answers 75.0% right", "until the end: 50.0%", "Seed 0",
        "12 seconds (12.3 s)", "python 3.11", f"is {names[0]}, said {names[1]} (98% sure)",
        wrong.name, "stem moved most, by 25%", "Right answers (higher is better)",
    ):  # fmt: skip
        assert said in read.text, said
    assert read.text.count("red") >= 2
    images = [attributes for tag, attributes in read.tags if tag == "img"]
    assert [image["alt"] for image in images] == [wrong.name]
    assert html.count("<polyline") >= 4
    (command,) = read.typed
    args = cli.build_parser().parse_args(shlex.split(command)[3:])
    assert (args.data, args.backbone, args.seed) == (dataset.id, "small", 0)


def test_names_are_text(
    workspace: Workspace, store: Store, hostile: Dataset, ended: Callable[[Dataset], Run]
) -> None:
    read = parsed(receipt(workspace, store, ended(hostile).id))
    assert HOSTILE in read.text
    assert '"><b onload=x>' in read.text
    assert "<i>&amp;" in read.text


def test_pictures_that_are_gone_leave_a_receipt(
    workspace: Workspace, store: Store, dataset: Dataset, ended: Callable[[Dataset], Run]
) -> None:
    run = ended(dataset)
    dataset.folder.rename(workspace.root / "elsewhere")
    read = parsed(receipt(workspace, store, run.id))
    assert "They are no longer here." in read.text
    assert "The picture is gone." in read.text


def test_what_is_not_over_or_not_there_has_no_receipt(
    workspace: Workspace, store: Store, asked: Asked, begin: Callable[[str, Asked], Studied],
    worker: Worker,
) -> None:  # fmt: skip
    run = store.create(RunConfig(asked.dataset.id, "small"))
    with pytest.raises(UserError, match="wait until it has"):
        receipt(workspace, store, run)
    with pytest.raises(UserError, match="no run called 'nothing'"):
        receipt(workspace, store, "nothing")
    store.ask_to_stop(run)
    assert "Stopped before it began." in parsed(receipt(workspace, store, run)).text
    study = begin("where-to-cut", asked)
    with pytest.raises(UserError, match="still going on"):
        receipt(workspace, store, study.id)
    worker.end(state="failed")
    with pytest.raises(UserError, match="nothing to attest"):
        receipt(workspace, store, study.id)


@pytest.mark.parametrize("kind", KINDS)
def test_a_studys_receipt_says_what_it_came_to_and_how_to_ask_again(
    workspace: Workspace, store: Store, asked: Asked, begin: Callable[[str, Asked], Studied],
    worker: Worker, kind: str,
) -> None:  # fmt: skip
    studied = begin(kind, asked)
    names = ["stem", "layer1", "layer2", "layer3", "layer4"]
    footprint = {"seconds": 0.1, "saved": [1] * 5}
    for part in studied.plan.parts:
        common: dict[str, Any] = {"seconds": 2.0, "device": "the processor", "classes": ["a", "b"]}
        if part.config.work == "probe":
            right = dict.fromkeys(names if not part.config.freeze else names[-1:], "1101")
            worker.probe(right, footprint=footprint, **common)
        else:
            worker.end(
                [epoch(1, 0.7), epoch(2, 0.9)],
                validation_accuracy=0.9,
                trainable_parameters=99,
                **common,
            )
    study = find_study(store, studied.id)
    read = parsed(receipt(workspace, store, studied.id))
    for said in (studied.reading.headline, KINDS[kind].QUESTION, asked.dataset.id, study.id,
                 study.runs[0][0], "the processor"):  # fmt: skip
        assert said in read.text, said
    (command,) = read.typed
    assert command == command_of(study)
    args = cli.build_parser().parse_args(shlex.split(command)[3:])
    again = Asked(asked.dataset, args.backbone, args.seeds, device=args.device)
    assert KINDS[args.name].plan(again).parts == studied.plan.parts, "the same runs"
