"""Explanations through the predictor process: the same as computed here, and never in the way."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import Manifest, write_bundle
from tl_core.bundles.predict import Model
from tl_core.config import RunConfig
from tl_core.data.augment import to_input
from tl_core.data.dataset import Dataset, Item
from tl_core.data.decode import fit, open_image
from tl_core.errors import UserError
from tl_core.evaluation.gradcam import gradcam
from tl_core.runs.predictor import explanations as ask
from tl_core.runs.predictor.jobs import Job
from tl_core.runs.predictor.predicting import Predictor

CLASSES = ("blue", "green", "red")
BEGAN = RunConfig("d", "mini", recipe="fine-tune", seed=3)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of Mini whose last stage moved, and whose head says something."""
    chain = load_backbone("mini", len(CLASSES), seed=3)
    with torch.no_grad():
        for parameter in chain.stages["layer4"].parameters():
            parameter *= 1.05
        chain.head.linear.weight.mul_(20)
    manifest = Manifest(
        "mini", CLASSES, find_card("mini").preprocessing, "1", "fine-tune", chain.names[:4], "0"
    )
    path = tmp_path_factory.mktemp("model") / "model.headstart"
    write_bundle(path, chain, manifest)
    return path


@pytest.fixture
def photos(photo_folder: Callable[..., Path]) -> list[Path]:
    return sorted(photo_folder({"blue": 3, "green": 3, "red": 3}, size=96).rglob("*.png"))


def done(job: Job[Any]) -> Any:
    until = time.monotonic() + 60
    while not job.is_over:
        assert time.monotonic() < until
        time.sleep(0.01)
    return job.result()


def test_where_it_looked_is_grad_cam(
    predictor: Predictor, bundle: Path, photos: list[Path]
) -> None:
    model = Model(bundle)
    pixels = model.prepare(photos[0])
    for name in (None, "green"):
        found = done(ask.attention(predictor, bundle, photos[0], name))
        assert np.array_equal(found.picture, pixels)
        np.testing.assert_allclose(found.shares, model.probabilities(pixels[None])[0], atol=1e-5)
        assert found.label == (int(found.shares.argmax()) if name is None else 1)
        p = model.manifest.preprocessing
        x = to_input(torch.from_numpy(pixels.copy())[None], p.mean, p.std)
        expected = gradcam(model.chain, x, found.label)
        np.testing.assert_allclose(found.heat, expected, atol=1e-4)


def test_covering_places_is_the_check(
    predictor: Predictor, bundle: Path, photos: list[Path]
) -> None:
    job = ask.covering(predictor, bundle, photos[0], "green")
    found = done(job)
    assert job.total == job.done == 81
    assert found.heat.shape == (96, 96)
    assert found.heat.min() == 0
    assert 0.9 < found.heat.max() <= 1.001 or found.drop <= 0
    assert found.agreement is None or -1 <= found.agreement <= 1


def test_what_stages_and_filters_see(
    predictor: Predictor, bundle: Path, photos: list[Path]
) -> None:
    seen = done(ask.activations(predictor, bundle, photos[0], "layer2"))
    assert seen.strongest.shape == (12, 24, 24)
    assert seen.numbers.dtype == np.int64
    assert done(ask.first_filters(predictor, bundle)).shape == (32, 3, 3, 3)
    last = done(ask.activations(predictor, bundle, photos[0], "layer4"))
    assert last.mean.size == 0
    assert last.values.shape == (512,)


def test_a_map_of_pictures_passes_over_what_cannot_be_read(
    predictor: Predictor, bundle: Path, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "none.png").write_text("no picture")
    asked = [*photos[:4], tmp_path / "none.png", *photos[4:]]
    job = ask.picture_map(predictor, bundle, BEGAN, asked, [0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
    found = done(job)
    assert found.found.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert found.points.shape == (2, 2, 9, 2)
    assert np.isfinite(found.points).all()
    assert not np.array_equal(found.points[0], found.points[1]), "the last stage moved"
    assert found.alike == [1, 1], "colours are told apart"
    assert (job.done, job.total) == (10, 10)


def test_what_cannot_be_explained_says_why(
    predictor: Predictor, bundle: Path, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "none.png").write_text("no picture")
    gone = tmp_path / "gone.headstart"
    brought = BEGAN.with_(weights=str(tmp_path / "gone.safetensors"))
    for job, sentence in (
        (ask.attention(predictor, bundle, tmp_path / "none.png"), "cannot be shown"),
        (ask.attention(predictor, gone, photos[0]), "gone.headstart is gone"),
        (ask.activations(predictor, bundle, photos[0], "nowhere"), "no stage called 'nowhere'"),
        (ask.picture_map(predictor, bundle, brought, photos[:2], [0, 1]),
         "no longer on this machine"),
        (ask.picture_map(predictor, bundle, BEGAN, [gone, gone], [0, 1]), "can be read any more"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=sentence):
            done(job)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot suspend a process")
def test_an_explanation_that_takes_long_blocks_no_prediction(
    predictor: Predictor, bundle: Path, photos: list[Path]
) -> None:
    done(ask.first_filters(predictor, bundle))
    slow = predictor._slow.process
    assert slow is not None
    slow.send_signal(signal.SIGSTOP)
    try:
        job = ask.covering(predictor, bundle, photos[1], "red")
        assert len(predictor.predict(bundle, photos)) == 9
        quick = predictor._quick.process
        assert quick is not None
        niceness = [os.getpriority(os.PRIO_PROCESS, process.pid) for process in (quick, slow)]
        assert niceness[0] < niceness[1], "and it gives way on the processor"
        assert not job.is_over
    finally:
        slow.send_signal(signal.SIGCONT)
    assert done(job)


@pytest.mark.parametrize(("most", "held", "learned"), [(100, 12, 30), (20, 10, 10), (36, 12, 24)])
def test_a_map_shows_both_splits_of_every_class(
    tmp_path: Path, most: int, held: int, learned: int
) -> None:
    items = [
        Item(f"{label}{split}{number}", "", label, split)
        for split, count in (("train", 10), ("validation", 4), ("test", 5))
        for label in range(3)
        for number in range(count)
    ]
    dataset = Dataset("d", "d", ("a", "b", "c"), tuple(items), False, "local", tmp_path)
    chosen = ask.items_on_map(dataset, most)
    splits = [item.split for item in chosen]
    assert (splits.count("validation"), splits.count("train")) == (held, learned)
    assert len(chosen) == len(set(chosen)) == held + learned
    for label in range(3):
        assert sum(item.label == label for item in chosen) >= len(chosen) // 3 - 1


def test_a_backbone_as_it_comes_can_be_looked_into(
    predictor: Predictor, photos: list[Path]
) -> None:
    chain, card = load_backbone("mini").eval(), find_card("mini")
    assert done(ask.backbone_filters(predictor, "mini")).shape == (32, 3, 3, 3)
    seen = done(ask.backbone_activations(predictor, "mini", photos[0], "layer2"))
    pixels = torch.from_numpy(np.array(fit(open_image(photos[0]), card.preprocessing)))
    with torch.no_grad():
        x = to_input(pixels[None], card.preprocessing.mean, card.preprocessing.std)
        made = chain.body(3)(x)[0]
    assert seen.mean == pytest.approx(made.mean(0).numpy(), abs=1e-5)
    gone = ask.backbone_activations(predictor, "mini", photos[0].with_name("gone.png"), "stem")
    with pytest.raises(UserError, match="choose another one"):
        done(gone)
