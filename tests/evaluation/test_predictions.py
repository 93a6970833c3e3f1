"""What a model said is kept exactly, and a file that is not whole counts as none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from tl_core.data.dataset import Item
from tl_core.evaluation.predictions import (
    FILE,
    Predictions,
    load_predictions,
    predictions_of,
    save_predictions,
)


@pytest.fixture
def made() -> Predictions:
    names = [hashlib.sha256(bytes([n])).hexdigest() for n in range(5)]
    items = [Item(name, f"{name}.png", n % 3, "test") for n, name in enumerate(names)]
    logits = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    return predictions_of(items, logits)


@pytest.fixture
def file(tmp_path: Path, made: Predictions) -> Path:
    path = tmp_path / FILE
    save_predictions(path, {"validation": made})
    return path


def test_what_was_kept_comes_back(file: Path, made: Predictions) -> None:
    read = load_predictions(file, "validation")
    assert read is not None
    assert read.files == made.files
    assert np.array_equal(read.logits, made.logits)
    assert np.array_equal(read.labels, made.labels)


def test_a_split_that_was_not_kept_is_none(file: Path) -> None:
    assert load_predictions(file, "test") is None
    assert load_predictions(file.with_name("gone"), "validation") is None


def test_damage_counts_as_nothing_kept(file: Path, made: Predictions) -> None:
    whole = file.read_bytes()
    for data in (b"", whole[:40], whole[:-8], b"\xff" * len(whole)):
        file.write_bytes(data)
        assert load_predictions(file, "validation") is None
    logits = made.logits.copy()
    logits[2, 1] = np.nan
    save_predictions(file, {"validation": Predictions(logits, made.labels, made.files)})
    assert load_predictions(file, "validation") is None


def test_no_byte_can_change_what_was_said(file: Path, made: Predictions) -> None:
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        read = load_predictions(file, "validation")
        if read is not None:  # white space of the header
            assert np.array_equal(read.logits, made.logits)
            assert np.array_equal(read.labels, made.labels)
            assert read.files == made.files


def test_what_earlier_versions_kept_is_read(file: Path, made: Predictions) -> None:
    file.write_bytes(save(load_file(file)))
    read = load_predictions(file, "validation")
    assert read is not None
    assert read.files == made.files


def test_what_does_not_belong_together_is_refused(made: Predictions) -> None:
    with pytest.raises(ValueError, match="belong together"):
        Predictions(made.logits[1:], made.labels, made.files)
    with pytest.raises(ValueError, match="no logit"):
        Predictions(made.logits[:, :2], made.labels, made.files)


def test_right_answers(made: Predictions) -> None:
    assert made.answers.tolist() == made.logits.argmax(1).tolist()
    assert made.right.mean() == (made.answers == made.labels).mean()
