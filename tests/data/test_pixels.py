"""The cache of decoded pictures."""

from __future__ import annotations

import errno
import hashlib
import os

import numpy as np
import pytest

from tl_core.backbones.card import Preprocessing
from tl_core.data import pixels as module
from tl_core.data.decode import fit, open_image
from tl_core.data.pixels import decode_pixels, trim
from tl_core.errors import UserError

SMALL = Preprocessing(16, 20, "bilinear")


@pytest.fixture
def stored(tmp_path, picture):
    """Five pictures, each under the hash of its content."""
    paths = []
    for seed in range(5):
        data = picture(seed, (30, 20 + seed))
        path = tmp_path / "files" / hashlib.sha256(data).hexdigest()
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    return paths


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def cached(cache):
    return list((cache / "pixels").iterdir())


def test_pixels_are_what_the_opener_gives(stored, cache):
    found = decode_pixels(stored, SMALL, cache)
    assert (found.shape, found.dtype) == ((5, 16, 16, 3), np.uint8)
    for row, path in zip(found, stored, strict=True):
        assert np.array_equal(row, fit(open_image(path), SMALL))
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable


def test_the_order_is_kept_over_chunks(stored, cache, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    steps = []
    found = decode_pixels(stored, SMALL, cache, progress=lambda *step: steps.append(step))
    assert np.array_equal(found[4], fit(open_image(stored[4]), SMALL))
    assert steps == [(n, 5) for n in range(1, 6)]


def test_a_later_run_decodes_nothing(stored, cache):
    first = decode_pixels(stored, SMALL, cache)
    for path in stored:
        path.unlink()
    old = cached(cache)[0]
    os.utime(old, (1000, 1000))
    assert np.array_equal(decode_pixels(stored, SMALL, cache), first)
    assert old.stat().st_mtime > 1000, "using it counts as recent"


@pytest.mark.parametrize(
    "other",
    [Preprocessing(15, 20), Preprocessing(16, 21), Preprocessing(16, 20, "bicubic")],
    ids=str,
)
def test_other_preprocessing_is_another_entry(stored, cache, other):
    decode_pixels(stored, SMALL, cache)
    decode_pixels(stored, other, cache)
    assert len(cached(cache)) == 2


def test_mean_and_deviation_do_not_matter(stored, cache):
    decode_pixels(stored, SMALL, cache)
    decode_pixels(stored, Preprocessing(16, 20, mean=(0, 0, 0), std=(1, 1, 1)), cache)
    assert len(cached(cache)) == 1


def test_another_opener_is_another_entry(stored, cache, monkeypatch):
    decode_pixels(stored, SMALL, cache)
    monkeypatch.setattr(module, "OPENER", "next")
    decode_pixels(stored, SMALL, cache)
    assert len(cached(cache)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[:40],
        lambda data: data[:-1],
        lambda data: data[::-1],
        lambda data: data.replace(b"|u1", b"|i1"),
        lambda data: data.replace(b"(5, 16, 16, 3)", b"(3, 16, 16, 5)"),
    ],
)
def test_a_damaged_entry_is_made_again(stored, cache, damage):
    good = decode_pixels(stored, SMALL, cache).copy()
    file = cached(cache)[0]
    broken = damage(file.read_bytes())
    file.unlink()
    file.write_bytes(broken)
    assert np.array_equal(decode_pixels(stored, SMALL, cache), good)


def test_no_pictures(cache):
    assert decode_pixels([], SMALL, cache).shape == (0, 16, 16, 3)


def test_a_stored_picture_that_went_bad_is_named(stored, cache):
    stored[2].write_bytes(b"")
    with pytest.raises(UserError, match=stored[2].name):
        decode_pixels(stored, SMALL, cache)
    assert cached(cache) == []


def test_a_full_disk_leaves_nothing(stored, cache, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.npy, "write_array_header_1_0", full)
    with pytest.raises(UserError, match="disk became full"):
        decode_pixels(stored, SMALL, cache)
    assert cached(cache) == []


def test_trim_drops_the_least_recently_used(cache):
    (cache / "pixels").mkdir(parents=True)
    for age, name in enumerate(("new", "middle", "old")):
        file = cache / "pixels" / name
        file.write_bytes(bytes(100))
        os.utime(file, (10_000 - age, 10_000 - age))
    part = cache / "pixels" / ".x.part"
    part.write_bytes(bytes(1000))
    assert trim(cache, 1000) == 0
    assert trim(cache, 250) == 100
    assert sorted(path.name for path in cached(cache)) == [".x.part", "middle", "new"]
    assert trim(cache, 0) == 200
    assert cached(cache) == [part], "somebody is still writing it"
    os.utime(part, (0, 0))
    assert trim(cache, 0) == 1000
    assert trim(cache / "missing", 0) == 0


def test_pixels_outlive_their_trimmed_file(stored, cache):
    found = decode_pixels(stored, SMALL, cache)
    copy = found.copy()
    trim(cache, 0)
    assert np.array_equal(found, copy)
