"""The one predicting path: training's pixels, the bundle's classes, the same answer every time."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tl_core.backbones.chain import Chain
from tl_core.bundles.bundle import Manifest
from tl_core.bundles.predict import Model, Prediction
from tl_core.data.pictures import Pictures
from tl_core.data.pixels import decode_pixels
from tl_core.errors import UnreadableImageError


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
    pixels = decode_pixels(photos, manifest.preprocessing, tmp_path)
    for photo, expected in zip(photos, pixels, strict=True):
        assert np.array_equal(model.prepare(photo), expected)
    source = Pictures(pixels, [0] * 9, manifest.preprocessing, torch.device("cpu"))
    with torch.no_grad():
        trained = chain(source.batch(torch.arange(9), None)).softmax(1).numpy()
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


def test_accuracy_counts_right_answers(model: Model, photos: list[Path]) -> None:
    pixels = np.stack([model.prepare(photo) for photo in photos])
    best = model.probabilities(pixels).argmax(1)
    assert model.accuracy(pixels, best) == 1
    wrong = [*best[:6], *((best[6:] + 1) % 3)]
    assert model.accuracy(pixels, wrong) == pytest.approx(6 / 9)
    assert model.accuracy(pixels[:0], []) is None


def test_features_and_head_are_the_predicting_path_in_two_steps(
    model: Model, photos: list[Path]
) -> None:
    pixels = np.stack([model.prepare(path) for path in photos])
    features = model.features(pixels)
    shares = model.probabilities(pixels)
    assert features.shape == (len(photos), model.chain.head.linear.in_features)
    assert np.allclose(model.classify(features), shares, atol=1e-6)
    labels = shares.argmax(1)
    assert model.accuracy(pixels, labels, features) == 1
    assert model.accuracy(pixels[:0], labels, features) == 1, "pixels are not looked at"


def test_predicting_is_exact_and_leaves_the_settings_alone(
    model: Model, photos: list[Path]
) -> None:
    """TF32, which training may use, rounds to 10 bits."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    seen = []

    def watched(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        (x,) = inputs
        tf32 = torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32
        seen.append((tf32, x.dtype, torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")))

    watching = [
        part.register_forward_pre_hook(watched)
        for part in (model.chain.stages["stem"], model.chain.head)
    ]
    try:
        model.predict(photos[:1])
        assert seen == [(False, torch.float32, False, False)] * 2
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32
    finally:
        for hook in watching:
            hook.remove()
        torch.backends.cuda.matmul.allow_tf32 = False
