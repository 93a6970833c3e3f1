"""The one predicting path: training's pixels, the bundle's classes, the same answer every time."""

from __future__ import annotations

import hashlib
import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tl_core.backbones.chain import Chain
from tl_core.bundles.archive import FAMILIAR, amend
from tl_core.bundles.bundle import write_bundle
from tl_core.bundles.manifest import Manifest
from tl_core.bundles.predict import AHEAD, Model, Prediction, ahead
from tl_core.config import BODY_PATHS
from tl_core.data.augment import to_input
from tl_core.data.pictures import Pictures
from tl_core.data.pixels import decode_pixels
from tl_core.errors import UnreadableImageError, UserError
from tl_core.evaluation.familiar import Familiar


@pytest.fixture(scope="module")
def model(bundle: Path) -> Model:
    return Model(bundle)


@pytest.fixture
def photos(photo_folder: Callable[..., Path]) -> list[Path]:
    """Nine pictures, one of them lying on its side as a camera writes it."""
    files = sorted(photo_folder({"red": 4, "blue": 5}, size=90).rglob("*.png"))
    with Image.open(files[0]) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.crop((0, 0, 90, 60)).save(files[0], exif=exif)
    return files


def as_array(predictions: list[Prediction | UnreadableImageError]) -> np.ndarray:
    return np.array([list(p.probabilities.values()) for p in predictions])


def test_a_prediction_is_what_training_saw(
    model: Model, photos: list[Path], chain: Chain, manifest: Manifest, tmp_path: Path
) -> None:
    stored = [tmp_path / hashlib.sha256(photo.read_bytes()).hexdigest() for photo in photos]
    for photo, copy in zip(photos, stored, strict=True):
        copy.write_bytes(photo.read_bytes())
    pixels = decode_pixels(stored, manifest.preprocessing, tmp_path)
    for photo, expected in zip(photos, pixels, strict=True):
        assert np.array_equal(model.prepare(photo), expected)
    source = Pictures(pixels, [0] * 9, manifest.preprocessing, torch.device("cpu"))
    with torch.no_grad():
        logits = chain(source.batch(torch.arange(9), None))
        trained = (logits / manifest.temperature).softmax(1).numpy()
    assert np.abs(as_array(model.predict(photos)) - trained).max() <= 1e-5


def test_one_picture_is_answered_as_among_nine(model: Model, photos: list[Path]) -> None:
    pixels = np.stack([model.prepare(photo) for photo in photos])
    together = model.probabilities(pixels)
    alone = np.concatenate([model.probabilities(picture[None]) for picture in pixels])
    assert together.shape == (9, 3)
    assert np.abs(together - alone).max() <= 1e-5
    assert np.ptp(together, axis=0).max() > 0.01, "the pictures are not all the same to it"


def test_shares_add_up_and_the_best_is_the_largest(model: Model, photos: list[Path]) -> None:
    for prediction in model.predict(photos):
        shares = prediction.probabilities
        assert tuple(shares) == model.classes
        assert sum(shares.values()) == pytest.approx(1, abs=1e-6)
        assert prediction.probability == max(shares.values()) == shares[prediction.best]


def test_however_a_picture_arrives_it_is_the_same(model: Model, photos: list[Path]) -> None:
    data = photos[0].read_bytes()
    ways = [photos[0], str(photos[0]), data, io.BytesIO(data)]
    answers = as_array(model.predict(ways))
    assert np.array_equal(answers, answers[:1].repeat(4, axis=0))


def test_an_unreadable_picture_says_why_and_stops_nothing(
    model: Model, photos: list[Path], tmp_path: Path
) -> None:
    broken, empty = tmp_path / "broken.png", tmp_path / "empty.png"
    broken.write_bytes(photos[1].read_bytes()[:100])
    empty.touch()
    answers = model.predict([broken, photos[1], empty, tmp_path / "nowhere.png"])
    assert isinstance(answers[1], Prediction)
    reasons = [str(answer) for answer in answers if isinstance(answer, UnreadableImageError)]
    assert reasons[0] == "the file is cut off"
    assert reasons[1] == "the file is empty"
    assert "cannot be opened" in reasons[2]


def test_weights_that_give_no_numbers_are_said_and_not_answered(
    chain: Chain, manifest: Manifest, tmp_path: Path
) -> None:
    broken = deepcopy(chain)
    broken.head.linear.bias.data.fill_(float("inf"))
    write_bundle(tmp_path / "model.headstart", broken, manifest)
    with pytest.raises(UserError, match="give no numbers"):
        Model(tmp_path / "model.headstart").predict([Image.new("RGB", (64, 64))])


def test_an_answer_that_is_better_not_believed_says_why(
    model: Model, photos: list[Path], bundle: Path, tmp_path: Path
) -> None:
    shares = [p.probability for p in model.predict(photos)]
    features = model.features(np.stack([model.prepare(photo) for photo in photos]))
    familiar = Familiar.learn(features[:4], np.zeros(4, np.int64), features[:4].repeat(5, axis=0))
    path = tmp_path / "model.headstart"
    shutil.copy(bundle, path)
    amend(path, {FAMILIAR: familiar.to_bytes()}, threshold=float(np.median(shares)))
    made = Model(path).predict(photos)
    assert ["unsure" in p.doubts for p in made] == [s < float(np.median(shares)) for s in shares]
    strange = familiar.is_strange(features)
    assert ["strange" in p.doubts for p in made] == strange.tolist()
    assert strange.tolist()[:4] == [False] * 4
    assert strange.any(), "the other class was not taught"


def test_a_bundle_that_does_not_say_what_it_has_seen_doubts_nothing(
    chain: Chain, manifest: Manifest, photos: list[Path], tmp_path: Path
) -> None:
    write_bundle(tmp_path / "model.headstart", chain, replace(manifest, threshold=0.0))
    assert [p.doubts for p in Model(tmp_path / "model.headstart").predict(photos)] == [()] * 9


def test_features_and_head_are_the_predicting_path_in_two_steps(
    model: Model, photos: list[Path]
) -> None:
    pixels = np.stack([model.prepare(path) for path in photos])
    features = model.features(pixels)
    shares = model.probabilities(pixels)
    assert features.shape == (len(photos), model.chain.head.linear.in_features)
    assert np.allclose(model.classify(features), shares, atol=1e-6)
    logits = torch.from_numpy(model.logits(features)) / model.manifest.temperature
    assert np.array_equal(logits.softmax(1).numpy(), model.classify(features))
    assert model.logits(features[:0]).shape == (0, len(model.classes))


def greedy(
    whole: Callable[[torch.Tensor], torch.Tensor],
    most: int,
    said: str = "MPS backend out of memory",
) -> Any:
    """Compute as before, on a device whose memory is full with more than `most` pictures."""

    def compute(x: torch.Tensor) -> torch.Tensor:
        if len(x) > most:
            raise RuntimeError(said)
        return whole(x)

    return compute


def test_a_full_memory_halves_the_tile_and_loses_no_picture(
    bundle: Path, photos: list[Path]
) -> None:
    model = Model(bundle)
    pixels = np.stack([model.prepare(photo) for photo in photos])
    expected, answers = model.features(pixels), as_array(model.predict(photos))
    model.body = greedy(model.body, 2)
    assert np.allclose(model.features(pixels), expected, atol=1e-5)
    assert model.tile == 2
    assert np.abs(as_array(model.predict(photos)) - answers).max() <= 1e-5


def test_one_picture_too_many_is_one_sentence_and_another_error_none(
    bundle: Path, photos: list[Path]
) -> None:
    model = Model(bundle)
    whole, pixels = model.body, model.prepare(photos[0])[None]
    model.body = greedy(whole, 0)
    with pytest.raises(UserError, match="even with one picture at a time"):
        model.features(pixels)
    model.body = greedy(whole, 0, "CUDA error: an illegal memory access was encountered")
    with pytest.raises(RuntimeError, match="illegal memory access"):
        model.features(pixels)


def test_predicting_is_exact_and_leaves_the_settings_alone(
    model: Model, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TF32, which training may use, rounds to 10 bits."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    seen = []
    parts = {"body": model.body, "head": model.chain.head.forward}

    def watched(name: str, x: torch.Tensor) -> torch.Tensor:
        tf32 = torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32
        seen.append((tf32, x.dtype, torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")))
        return parts[name](x)

    monkeypatch.setattr(model, "body", partial(watched, "body"))
    monkeypatch.setattr(model.chain.head, "forward", partial(watched, "head"))
    try:
        model.predict(photos[:1])
        assert seen == [(False, torch.float32, False, False)] * 2
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


@pytest.mark.parametrize("path", BODY_PATHS)
def test_every_way_to_compute_the_stages_answers_the_same(
    bundle: Path, chain: Chain, photos: list[Path], path: str
) -> None:
    model = Model(bundle, body=path)
    pixels = np.stack([model.prepare(photo) for photo in photos])
    p = model.manifest.preprocessing
    with torch.no_grad():
        logits = chain(to_input(torch.from_numpy(pixels), p.mean, p.std))
    expected = (logits / model.manifest.temperature).softmax(1).numpy()
    assert np.abs(model.probabilities(pixels) - expected).max() <= 1e-5


def test_onnxruntime_answers_bit_for_bit_the_same_alone_and_together(
    bundle: Path, photos: list[Path]
) -> None:
    model = Model(bundle, body="onnxruntime")
    if model.body.path != "onnxruntime":
        pytest.skip("onnx and onnxruntime are not installed, or not for this processor")
    together = as_array(model.predict(photos))
    alone = np.concatenate([as_array(model.predict([photo])) for photo in photos])
    assert np.array_equal(together, alone)


def test_answers_keep_the_order_with_unreadable_pictures_in_every_batch(
    model: Model, photos: list[Path]
) -> None:
    pictures: list[Path | bytes] = [photos[i % 9] if i % 5 else b"no picture" for i in range(70)]
    answers = model.predict(pictures)
    whole = [answers[i] for i in range(70) if i % 5]
    assert all(isinstance(answers[i], UnreadableImageError) for i in range(0, 70, 5))
    known = as_array(model.predict(photos))
    numbers = [i % 9 for i in range(70) if i % 5]
    assert np.abs(as_array(whole) - known[numbers]).max() <= 1e-5
    assert len({tuple(row) for row in known}) == 9, "no two pictures have the same answer"
    assert not any(isinstance(a, Prediction) for a in model.predict([b"", b"no picture"]))
    assert model.predict([]) == []


def test_only_a_few_pictures_are_opened_before_they_are_asked_for(
    model: Model, photos: list[Path]
) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield photos[0]

    answers = model.stream(endless())
    for count in range(1, 100):
        next(answers)
        assert taken <= count + AHEAD + 8
    answers.close()  # type: ignore[attr-defined]


def test_ahead_keeps_the_order_and_bounds_what_waits() -> None:
    begun, threads = [], set()

    def work(number: int) -> int:
        begun.append(number)
        threads.add(threading.get_ident())
        time.sleep(0.002 * (number % 3))
        return -number

    made = []
    for result in ahead(work, range(20), threads=3, most=4):
        assert len(begun) <= len(made) + 4
        made.append(result)
    assert made == [-number for number in range(20)]
    assert len(threads) > 1


def test_a_failure_of_ours_is_not_taken_for_an_unreadable_picture(
    model: Model, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_picture: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(model, "prepare", broken)
    with pytest.raises(RuntimeError, match="ours"):
        model.predict(photos)


def test_slips_of_the_hand(bundle: Path, tmp_path: Path) -> None:
    model, path = Model(bundle), tmp_path / "new.png"
    pixels = np.random.default_rng(5).integers(0, 256, (70, 90, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    (expected,) = model.predict([path])
    for one in (path, str(path), path.read_bytes(), pixels, Image.fromarray(pixels)):
        assert model.predict(one) == [expected]
    for wrong in (None, 3, [None], [3], pixels.astype(np.float32), pixels[..., 0]):
        with pytest.raises(UserError, match="give a path"):
            model.predict(wrong)  # type: ignore[arg-type]
