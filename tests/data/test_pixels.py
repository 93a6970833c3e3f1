"""The cache of decoded pictures."""

from __future__ import annotations

import errno
import hashlib
import json
import os

import numpy as np
import pytest

from tl_core.backbones.card import Preprocessing
from tl_core.data import decode, pixel_file
from tl_core.data import pixels as module
from tl_core.data.decode import fit, open_image
from tl_core.data.pixels import CACHE_BUDGET, Pixels, decode_pixels, pixels_key, trim, why_streamed
from tl_core.data.streamed import Streamed
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
    """The files of decoded pictures, without those that say which pictures they hold."""
    files = [path for path in (cache / "pixels").rglob("*") if path.is_file()]
    return [path for path in files if path.suffix != ".json"]


@pytest.fixture
def opened(monkeypatch):
    """The paths that were opened, in order."""
    paths = []

    def watched(path, *how):
        paths.append(path)
        return open_image(path, *how)

    monkeypatch.setattr(module, "open_image", watched)
    return paths


def test_pixels_are_what_the_opener_gives(stored, cache):
    found = decode_pixels(stored, SMALL, cache)
    assert (found.shape, found[:].dtype) == ((5, 16, 16, 3), np.uint8)
    assert (len(found), found.nbytes, found.note) == (5, 5 * 16 * 16 * 3, "")
    for row, path in zip(found, stored, strict=True):
        assert np.array_equal(row, fit(open_image(path), SMALL))
    assert isinstance(found.rows, np.memmap)
    assert not found[:].flags.writeable


def test_the_order_is_kept_over_tiles(stored, cache, monkeypatch):
    monkeypatch.setattr(module, "_TILE", 2)
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
    assert np.array_equal(decode_pixels(stored, SMALL, cache)[:], first[:])
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
    monkeypatch.setattr(decode, "OPENER", "next")
    decode_pixels(stored, SMALL, cache)
    assert len(cached(cache)) == 2


def flipped(data, place, bits):
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[:40],
        lambda data: data[:-1],
        lambda data: data[::-1],
        lambda data: data.replace(b"|u1", b"|i1"),
        lambda data: data.replace(b"(5, 16, 16, 3)", b"(3, 16, 16, 5)"),
        lambda data: data.replace(b"'fortran_order': False", b"'fortran_order': True "),
        lambda data: flipped(data, len(data) - 1, 0x01),
        lambda data: flipped(data, 1000, 0x80),
        lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
        lambda data: data[:-3072] + data[-1536:] + data[-3072:-1536],
    ],
)
def test_a_damaged_entry_is_made_again(stored, cache, damage):
    good = decode_pixels(stored, SMALL, cache)[:].copy()
    file = cached(cache)[0]
    broken = damage(file.read_bytes())
    file.unlink()
    file.write_bytes(broken)
    assert np.array_equal(decode_pixels(stored, SMALL, cache)[:], good)


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

    monkeypatch.setattr(pixel_file.npy, "write_array_header_1_0", full)
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
    copy = found[:].copy()
    trim(cache, 0)
    assert np.array_equal(found[:], copy)


def another(stored, data):
    """A sixth picture beside the five."""
    path = stored[0].parent / hashlib.sha256(data).hexdigest()
    path.write_bytes(data)
    return path


def test_one_more_picture_is_all_that_is_decoded(stored, cache, opened, picture):
    before = decode_pixels(stored, SMALL, cache)
    new = another(stored, picture(5, (40, 40)))
    opened.clear()
    paths = [*stored[:2], new, *reversed(stored[2:])]
    after = decode_pixels(paths, SMALL, cache)
    assert opened == [new]
    assert after.key != before.key
    for row, path in zip(after, paths, strict=True):
        assert np.array_equal(row, fit(open_image(path), SMALL))


def test_damaged_rows_reach_no_other_set(stored, cache, opened, picture):
    decode_pixels(stored, SMALL, cache)
    file = cached(cache)[0]
    file.write_bytes(flipped(file.read_bytes(), 128 + 3 * 16 * 16 * 3 + 5, 0x10))
    paths = [another(stored, picture(5)), *stored]
    opened.clear()
    after = decode_pixels(paths, SMALL, cache)
    assert sorted(opened) == sorted([paths[0], stored[3]]), "the others are taken as they were"
    for row, path in zip(after, paths, strict=True):
        assert np.array_equal(row, fit(open_image(path), SMALL))


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["names"],  # all that earlier versions wrote
        lambda told: told | {"names": told["names"][1:] + told["names"][:1]},
        lambda told: told | {"checksums": told["checksums"][1:] + told["checksums"][:1]},
        lambda told: told | {"checksums": None},
        lambda told: told | {"names": [1, 2, 3, 4, 5]},
        lambda _: None,
    ],
)
def test_pixels_without_checksums_are_decoded_anew(stored, cache, opened, picture, change, more):
    good = decode_pixels(stored, SMALL, cache)
    index = cached(cache)[0].with_suffix(".json")
    wrong = json.dumps(change(json.loads(index.read_bytes())))
    index.write_text(wrong)
    opened.clear()
    paths = [*stored, another(stored, picture(5))] if more else stored
    after = decode_pixels(paths, SMALL, cache)
    assert np.array_equal(after[:5], good[:])
    assert sorted(opened) == sorted(paths)


def test_the_key_follows_the_values(stored, cache, monkeypatch):
    key = decode_pixels(stored, SMALL, cache).key
    assert decode_pixels(stored, SMALL, cache).key == key
    trim(cache, 0)
    assert decode_pixels(stored, SMALL, cache).key == key, "the same pictures decode to the same"
    trim(cache, 0)
    monkeypatch.setattr(module, "fit", lambda *how: fit(*how) ^ 1)
    assert decode_pixels(stored, SMALL, cache).key != key


@pytest.mark.parametrize("harm", ["no rows", "fewer rows", "no index", "no sense in the index"])
def test_what_an_older_file_no_longer_holds_is_decoded(stored, cache, opened, picture, harm):
    decode_pixels(stored, SMALL, cache)
    file = cached(cache)[0]
    if harm == "no rows":
        file.unlink()
    elif harm == "fewer rows":
        file.write_bytes(file.read_bytes()[:-1])
    elif harm == "no index":
        file.with_suffix(".json").unlink()
    else:
        file.with_suffix(".json").write_bytes(b"\xff{")
    paths = [another(stored, picture(5)), *stored]
    opened.clear()
    after = decode_pixels(paths, SMALL, cache)
    assert sorted(opened) == sorted(paths)
    assert np.array_equal(after[3], fit(open_image(paths[3]), SMALL))


def test_the_key_is_that_of_content_and_fit(stored, monkeypatch):
    key = pixels_key(stored, SMALL)
    moved = [path.parent.parent / path.name for path in stored]
    assert pixels_key(moved, Preprocessing(16, 20, mean=(0, 0, 0))) == key
    others = {
        pixels_key(stored[:4], SMALL),
        pixels_key(stored[::-1], SMALL),
        pixels_key(stored, Preprocessing(16, 21)),
        pixels_key(stored, Preprocessing(15, 20)),
        pixels_key(stored, Preprocessing(16, 20, "bicubic")),
    }
    monkeypatch.setattr(decode, "OPENER", "next")
    assert len(others | {pixels_key(stored, SMALL), key}) == 7


def test_other_arrays_are_named_by_their_values(stored, cache):
    found = decode_pixels(stored, SMALL, cache)
    values = found[:].copy()
    key = Pixels.of(values).key
    assert Pixels.of(found[:]).key == key
    assert Pixels.of(values.reshape(5, 16, 3, 16)).key != key
    values[4, 15, 15, 2] += 1
    assert Pixels.of(values).key != key


def test_a_set_too_large_for_the_disk_is_streamed(stored, cache, opened):
    kept = decode_pixels(stored, SMALL, cache)
    trim(cache, 0)
    opened.clear()
    streamed = decode_pixels(stored, SMALL, cache, budget=2 * kept.nbytes - 1)
    assert isinstance(streamed.rows, Streamed)
    assert opened == cached(cache) == [], "nothing is done before it is asked for"
    assert (streamed.shape, streamed.nbytes) == (kept.shape, kept.nbytes)
    assert streamed.key == decode_pixels(stored, SMALL, cache, budget=0).key
    assert "the cache may take" in streamed.note
    assert np.array_equal(streamed[np.array([3, 0, 3])], kept[np.array([3, 0, 3])])
    assert np.array_equal(streamed[1:3], kept[1:3])
    assert np.array_equal(streamed[-1], kept[-1])
    assert np.array_equal(np.stack(list(streamed)), kept[:])
    assert decode_pixels(stored, SMALL, cache, budget=2 * kept.nbytes).note == ""


def test_a_full_disk_streams_too(stored, cache, monkeypatch):
    usage = module.shutil.disk_usage(cache.parent)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    streamed = decode_pixels(stored, SMALL, cache)
    assert "free on the disk" in streamed.note
    assert np.array_equal(streamed[2], fit(open_image(stored[2]), SMALL))


def test_a_streamed_picture_that_went_bad_is_named(stored, cache):
    streamed = decode_pixels(stored, SMALL, cache, budget=0)
    stored[2].write_bytes(b"")
    with pytest.raises(UserError, match=stored[2].name):
        streamed[2]


def test_how_much_of_the_disk_a_set_may_take():
    shape = (40_000, 224, 224, 3)
    assert why_streamed(shape, 13 << 30, CACHE_BUDGET) == ""
    assert why_streamed(shape, 10 << 30, CACHE_BUDGET) == (
        "Decoded, 40,000 pictures take 6.0 GB, more than 50% of the 10.7 GB that are free on the "
        "disk, so they are opened anew whenever they are needed, which takes longer; free some "
        "space to have them kept."
    )
    assert "of the 10.7 GB that the cache may take" in why_streamed(shape, 99 << 30, 10 << 30)
