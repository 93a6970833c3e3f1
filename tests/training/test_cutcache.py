"""Entries on disk: whole or not there, whatever happens to those who write them."""

from __future__ import annotations

import errno
import math
import os
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.data.pixels import trim
from tl_core.training import cutcache
from tl_core.training.cutcache import CutCache, make_key, stored_bytes

WIDE = (256, 14, 14)  # as a residual network's third layer: too large to be kept in full
KEY = make_key("an entry")


@pytest.fixture
def cache(tmp_path: Path) -> CutCache:
    return CutCache(tmp_path / "cache" / "activations")


def numbers(count: int, shape: tuple[int, ...] = (5,), scale: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(count)
    return (scale * random.standard_normal((count, *shape))).astype(np.float32)


def write(cache: CutCache, values: np.ndarray, key: str = KEY, **how: Any) -> bool:
    with cache.write(key, len(values), **how) as writer:
        for start in range(0, len(values), 2):
            writer.add(values[start : start + 2])
        return writer.finish(1.5)


def files(cache: CutCache) -> list[Path]:
    return sorted(cache.folder.iterdir()) if cache.folder.is_dir() else []


# --- what is kept -----------------------------------------------------------------------------


def test_feature_vectors_come_back_to_the_bit(cache: CutCache) -> None:
    values = numbers(5)
    assert cache.find(KEY, 5) is None
    assert write(cache, values)
    entry = cache.find(KEY, 5)
    assert entry is not None
    assert entry.values.dtype == np.float32
    assert np.array_equal(entry.values, values)
    assert entry.seconds == 1.5
    assert isinstance(entry.values, np.memmap)
    assert np.array_equal(np.load(files(cache)[0]), values), "numpy alone can read it"


def test_large_activations_take_half(cache: CutCache) -> None:
    values = numbers(3, WIDE)
    assert write(cache, values)
    entry = cache.find(KEY, 3)
    assert entry is not None
    assert entry.values.dtype == np.float16
    assert np.allclose(entry.values, values, rtol=1e-3, atol=1e-6)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=3))
def test_the_size_of_an_entry_is_known_before(shape: list[int]) -> None:
    numbers = math.prod(shape)
    assert stored_bytes(shape) in (2 * numbers, 4 * numbers)
    assert stored_bytes(shape) == 4 * numbers or numbers > 4096, "small ones are kept in full"


def test_the_size_that_is_foretold_is_the_size(cache: CutCache) -> None:
    for number, shape in enumerate([(1280,), (8192,), (8193,), WIDE]):
        write(cache, numbers(2, shape), key := make_key(number))
        entry = cache.find(key, 2)
        assert entry is not None
        assert entry.values.nbytes == 2 * stored_bytes(shape)


@pytest.mark.parametrize("where", [0, 4], ids=["at the beginning", "at the end"])
@pytest.mark.parametrize("value", [70_000.0, -40_000.0, float("inf"), float("nan")])
def test_what_half_precision_cannot_hold_is_kept_in_full(
    cache: CutCache, value: float, where: int
) -> None:
    values = numbers(5, WIDE)
    values[where, 3, 2, 1] = value
    if not write(cache, values):
        assert files(cache) == [], "not a trace of the attempt"
        assert write(cache, values, full=True)
    entry = cache.find(KEY, 5)
    assert entry is not None
    assert entry.values.dtype == np.float32
    assert np.array_equal(entry.values, values, equal_nan=True)


def test_so_are_numbers_that_it_would_round_to_zero(cache: CutCache) -> None:
    assert not write(cache, numbers(3, WIDE, scale=1e-7))
    assert write(cache, numbers(3, WIDE, scale=0.1))


def test_a_reader_changes_no_file(cache: CutCache) -> None:
    write(cache, numbers(5))
    entry = cache.find(KEY, 5)
    assert entry is not None
    entry.values[:] = 7
    again = cache.find(KEY, 5)
    assert again is not None
    assert np.array_equal(again.values, numbers(5))


def test_the_format_has_a_part_in_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_key("a", 1, None, [2]) == make_key("a", 1, None, [2])
    assert len({make_key("a", "b"), make_key("ab"), make_key("a", "b", None)}) == 3
    monkeypatch.setattr(cutcache, "VERSION", cutcache.VERSION + 1)
    assert make_key("an entry") != KEY


# --- what is damaged --------------------------------------------------------------------------

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: data[:0],
    "a few bytes": lambda data: data[:9],
    "the header alone": lambda data: data[:128],
    "cut off": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "zeros, as after a power cut": lambda data: data[:128] + bytes(len(data) - 128),
    "all zeros": lambda data: bytes(len(data)),
    "one bit": lambda data: data[:150] + bytes([data[150] ^ 1]) + data[151:],
    "another kind of number": lambda data: data.replace(b"<f4", b"<i4"),
    "another shape": lambda data: data.replace(b"(6, 5)", b"(5, 6)"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_entry_is_none_and_can_be_made_again(
    cache: CutCache, damage: Callable[[bytes], bytes]
) -> None:
    write(cache, numbers(6))
    (file,) = files(cache)
    file.write_bytes(damage(file.read_bytes()))
    assert cache.find(KEY, 6) is None
    assert write(cache, numbers(6))
    assert cache.find(KEY, 6) is not None


def test_an_entry_of_another_number_of_examples_is_none(cache: CutCache) -> None:
    write(cache, numbers(6))
    assert cache.find(KEY, 5) is None


# --- what goes wrong while it is written --------------------------------------------------------


def test_who_gives_up_leaves_nothing(cache: CutCache) -> None:
    with cache.write(KEY, 5) as writer:
        writer.add(numbers(2))
        assert len(files(cache)) == 1
    assert files(cache) == []


def test_who_is_killed_leaves_nothing_that_is_read(cache: CutCache) -> None:
    code = (
        "import os, sys, numpy as np; from pathlib import Path; "
        "from tl_core.training.cutcache import CutCache; "
        "writer = CutCache(Path(sys.argv[1])).write(sys.argv[2], 5); "
        "writer.add(np.ones((2, 9999), np.float32)); os._exit(9)"
    )
    command = [sys.executable, "-c", code, str(cache.folder), KEY]
    assert subprocess.run(command, check=False).returncode == 9
    (part,) = files(cache)
    assert part.stat().st_size > 9999
    assert cache.find(KEY, 5) is None
    assert write(cache, numbers(5))
    assert cache.find(KEY, 5) is not None

    os.utime(part, (time.time() - 48 * 3600,) * 2)
    trim(cache.folder, cache.find(KEY, 5).values.nbytes + 500)
    assert not part.exists(), "what was left behind goes first"
    assert cache.find(KEY, 5) is not None


def test_two_processes_that_build_the_same(cache: CutCache) -> None:
    """Each writes in its own pace, and at every moment there is the whole entry or none."""
    code = (
        "import sys, time, numpy as np; from pathlib import Path; "
        "from tl_core.training.cutcache import CutCache\n"
        "cache = CutCache(Path(sys.argv[1]))\n"
        "for _ in range(20):\n"
        "    with cache.write(sys.argv[2], 60) as writer:\n"
        "        for row in range(60):\n"
        "            writer.add(np.full((1, 500), row, np.float32))\n"
        "        assert writer.finish(1.0)\n"
        "    assert cache.find(sys.argv[2], 60) is not None\n"
    )
    command = [sys.executable, "-c", code, str(cache.folder), KEY]
    both = [subprocess.Popen(command) for _ in range(2)]
    seen = 0
    while any(process.poll() is None for process in both):
        if (cache.folder / f"{KEY}.npy").exists():
            entry = cache.find(KEY, 60)
            assert entry is not None
            assert np.array_equal(entry.values[:, 0], np.arange(60))
            seen += 1
    assert [process.returncode for process in both] == [0, 0]
    assert seen
    assert [path.name for path in files(cache)] == [f"{KEY}.npy"]


def test_a_disk_that_becomes_full_leaves_nothing(
    cache: CutCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with cache.write(KEY, 5) as writer:
        writer.add(numbers(2))
        monkeypatch.setattr(writer, "_put", full)
        with pytest.raises(OSError, match="full"):
            writer.add(numbers(2))
    assert files(cache) == []


# --- how much may be kept ---------------------------------------------------------------------


def test_the_least_recently_used_goes_first(cache: CutCache) -> None:
    one = 4 * 100 * 5
    small = CutCache(
        cache.folder, budget=4 * one, trim=lambda most: trim(cache.folder.parent, most)
    )
    keys = [make_key(number) for number in range(4)]
    for age, key in enumerate(keys[:3]):
        write(small, numbers(100), key)
        os.utime(small.folder / f"{key}.npy", (10_000 + age, 10_000 + age))
    in_use = small.find(keys[0], 100)  # which makes the second the oldest
    write(small, numbers(100), keys[3])
    assert [small.find(key, 100) is not None for key in keys] == [True, False, True, True]

    trim(cache.folder.parent, 0)
    assert files(cache) == []
    assert in_use is not None
    assert np.array_equal(in_use.values, numbers(100)), "who reads it goes on reading"


def test_no_entry_exceeds_the_budget(cache: CutCache) -> None:
    small = CutCache(cache.folder, budget=100)
    with pytest.raises(OSError, match="more than the cache may take"):
        write(small, numbers(6))
    assert files(cache) == []


def test_half_of_the_free_disk_stays_free(cache: CutCache, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(cutcache.shutil, "disk_usage", lambda _: usage(239))
    with pytest.raises(OSError, match="half of the free disk"):
        write(cache, numbers(6))
    assert files(cache) == []
    monkeypatch.setattr(cutcache.shutil, "disk_usage", lambda _: usage(240))
    assert write(cache, numbers(6))
