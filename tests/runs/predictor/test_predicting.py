"""Predictions for pages: one process with torch, asked by one without."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
import torch
from PIL import Image

from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import write_bundle
from tl_core.bundles.manifest import Manifest
from tl_core.bundles.predict import Model
from tl_core.data.decode import fit, open_image
from tl_core.data.pictures import Pictures
from tl_core.errors import UserError
from tl_core.runs.predictor.predicting import Predictor

WAITED = 12  # all at once; with room for eight the others were turned away
CLASSES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.headstart"
    preprocessing = find_card("small").preprocessing
    chain = load_backbone("small", len(CLASSES), pretrained=False, seed=3)
    write_bundle(path, chain, Manifest("small", CLASSES, preprocessing, "1", "scratch", (), "0"))
    return path


@pytest.fixture
def photos(photo_folder: Callable[..., Path]) -> list[Path]:
    return sorted(photo_folder({"red": 2, "blue": 2}).rglob("*.png"))


needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot suspend a process"
)


def process(predictor: Predictor) -> subprocess.Popen[bytes]:
    assert predictor._quick.process is not None
    return predictor._quick.process


def test_the_page_answers_as_the_terminal(
    predictor: Predictor, bundle: Path, photos: list[Path]
) -> None:
    page, terminal = predictor.predict(bundle, photos), Model(bundle).predict(photos)
    for answer, expected in zip(page, terminal, strict=True):
        shares = list(answer.probabilities.values())
        assert shares == sorted(shares, reverse=True)
        assert next(iter(answer.probabilities)) == expected.best
        for name, share in expected.probabilities.items():
            assert answer.probabilities[name] == pytest.approx(share, abs=1e-4)


def test_an_unreadable_picture_says_why(
    predictor: Predictor, bundle: Path, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "none.png").write_text("not a picture")
    broken, whole = predictor.predict(bundle, [tmp_path / "none.png", photos[0]])
    assert (broken.probabilities, broken.reason) == ({}, "not a picture that can be read")
    assert whole.reason == ""
    assert set(whole.probabilities) == set(CLASSES)


def test_a_model_that_cannot_be_used(
    predictor: Predictor, photos: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.headstart"
    bad.write_bytes(b"no bundle")
    with pytest.raises(UserError, match=r"bad\.headstart is not a whole Headstart bundle"):
        predictor.predict(bad, photos)
    with pytest.raises(UserError, match=r"gone\.headstart is gone; train the run again"):
        predictor.predict(tmp_path / "gone.headstart", photos)


def test_a_model_that_was_trained_again_is_read_again(
    predictor: Predictor, bundle: Path, photos: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "model.headstart"
    preprocessing = find_card("small").preprocessing
    names = []
    for classes in (("a", "b"), ("c", "d")):
        chain = load_backbone("small", 2, pretrained=False)
        write_bundle(path, chain, Manifest("small", classes, preprocessing, "1", "", (), "0"))
        names.append(set(predictor.predict(path, photos[:1])[0].probabilities))
    assert names == [{"a", "b"}, {"c", "d"}]
    assert set(predictor.predict(bundle, photos[:1])[0].probabilities) == set(CLASSES)


@needs_signals
def test_many_at_once_all_wait_for_their_answer(
    predictor: Predictor, bundle: Path, photos: list[Path]
) -> None:
    predictor.predict(bundle, photos[:1])
    answers: Queue[int] = Queue()
    asking = [
        threading.Thread(target=lambda: answers.put(len(predictor.predict(bundle, photos))))
        for _ in range(WAITED)
    ]
    worker = process(predictor)
    worker.send_signal(signal.SIGSTOP)
    try:
        for thread in asking:
            thread.start()
        while len(predictor._turns._line) < WAITED - 1:
            time.sleep(0.01)
    finally:
        worker.send_signal(signal.SIGCONT)
    for thread in asking:
        thread.join(60)
    assert [answers.get(timeout=1) for _ in asking] == [4] * WAITED
    assert len(predictor.predict(bundle, photos)) == 4, "and every place is free again"


def test_the_process_ends_with_the_page_server(
    predictor: Predictor, bundle: Path, photos: list[Path]
) -> None:
    predictor.predict(bundle, photos[:1])
    process(predictor).stdin.close()  # what happens when the server is gone
    assert process(predictor).wait(timeout=30) == 0


def test_a_picture_is_varied_as_in_training(predictor: Predictor, photos: list[Path]) -> None:
    preprocessing = find_card("mini").preprocessing
    views = predictor.views(photos[0], preprocessing, "strong", 3)
    assert len(set(views)) == 3
    pixels = torch.from_numpy(fit(open_image(photos[0]), preprocessing).copy())
    pictures = Pictures(pixels[None].numpy(), [0], preprocessing, torch.device("cpu"), "strong")
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (preprocessing.mean, preprocessing.std))
    for epoch, view in enumerate(views):
        learned = pictures.batch(torch.zeros(1, dtype=torch.int64), epoch)[0] * std + mean
        shown = torch.from_numpy(np.array(Image.open(io.BytesIO(view)))).permute(2, 0, 1) / 255
        assert (learned - shown).abs().max() < 0.6 / 255


def test_a_picture_that_cannot_be_varied_says_why(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="not a picture that can be read"):
        predictor.views(tmp_path / "x.png", find_card("mini").preprocessing, "light", 2)
