"""A collection is decoded once, in any of the layouts that the app reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tl_core.backbones.card import Preprocessing
from tl_core.data.decode import fit, open_image
from tl_core.errors import UserError
from tl_core.pretraining.collection import Collection, read_collection


def read(source: Path, work: Path, side: int = 32) -> tuple[Collection, list[tuple[str, int, int]]]:
    told: list[tuple[str, int, int]] = []
    return read_collection(source, side, work, lambda *what: told.append(what)), told


def test_pixels_labels_and_splits_are_those_of_the_folders(source: Path, tmp_path: Path) -> None:
    found, told = read(source, tmp_path / "work")
    assert found.classes == ("blue", "green", "red")
    assert found.train.labels.tolist() == [0] * 16 + [1] * 16 + [2] * 16
    assert found.validation.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    square = Preprocessing(size=32, resize=32)
    first = fit(open_image(source / "train" / "green" / "000.png"), square)
    assert np.array_equal(found.train.pixels[16], first)
    assert [what[1:] for what in told] == [(48, 48), (12, 12)]


def test_a_zip_is_the_same_collection_as_its_folder(source: Path, tmp_path: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", source))
    folder, zipped = read(source, tmp_path / "a")[0], read(packed, tmp_path / "b")[0]
    assert zipped.classes == folder.classes
    order = np.argsort(zipped.train.labels, kind="stable")
    assert sorted(zipped.train.labels) == sorted(folder.train.labels)
    assert {p.tobytes() for p in zipped.train.pixels[order]} == {
        p.tobytes() for p in folder.train.pixels
    }


def test_a_second_start_finds_the_pixels(source: Path, tmp_path: Path) -> None:
    first, _ = read(source, tmp_path / "work")
    again, told = read(source, tmp_path / "work")
    assert told == []
    assert np.array_equal(first.train.pixels, again.train.pixels)
    assert again.train.key == first.train.key


def test_other_pictures_or_another_side_are_another_collection(
    source: Path, tmp_path: Path
) -> None:
    key = read(source, tmp_path / "work")[0].train.key
    assert read(source, tmp_path / "work", side=40)[0].train.key != key
    (source / "train" / "red" / "000.png").unlink()
    assert read(source, tmp_path / "work")[0].train.key != key


def test_without_a_split_everything_is_learned_from(source: Path, tmp_path: Path) -> None:
    found, _ = read(source / "train", tmp_path / "work")
    assert len(found.train.labels) == 48
    assert found.validation.pixels.shape == (0, 32, 32, 3)


def test_what_cannot_be_used_is_said_in_a_sentence(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no folder or \.zip called .*nowhere"):
        read(tmp_path / "nowhere", tmp_path / "work")
    (source / "val" / "red" / "broken.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(UserError, match=r"val/red/broken\.png cannot be used \(.+\); take it out"):
        read(source, tmp_path / "work")
