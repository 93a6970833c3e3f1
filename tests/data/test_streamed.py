"""Rows that are made when they are asked for."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from tl_core.data import streamed as module
from tl_core.data.streamed import Streamed

COUNT = 50


class Maker:
    """Makes rows of four numbers and remembers which."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.lock = threading.Lock()

    def __call__(self, row: int) -> np.ndarray:
        with self.lock:
            self.made.append(row)
        return np.full(4, row, np.uint8)

    def settled(self, count: int) -> list[int]:
        """What was made, once there are `count` and no more come."""
        until = time.monotonic() + 10
        while len(self.made) < count and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.02)
        return sorted(self.made)


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(module, "AHEAD", 6)
    return Maker()


@pytest.fixture
def rows(make):
    return Streamed((COUNT, 4), make)


@pytest.mark.parametrize(
    "index",
    [0, 49, -1, slice(3, 9), slice(48, 99), slice(None, None, 7), np.array([5, 5, 0, -2])],
    ids=str,
)
def test_it_is_indexed_like_an_array(rows, index):
    whole = np.repeat(np.arange(COUNT, dtype=np.uint8)[:, None], 4, axis=1)
    for _ in range(2):
        assert np.array_equal(rows[index], whole[index])


@pytest.mark.parametrize("index", [50, -51, np.array([0, 50])], ids=str)
def test_rows_that_are_not_there(rows, index):
    with pytest.raises(IndexError):
        rows[index]


def test_in_order_the_next_rows_are_begun_already(rows, make):
    rows[0:4]
    assert make.settled(10) == list(range(10)), "four, and six ahead"
    rows[4:8]
    assert make.settled(14) == list(range(14)), "none of them twice"


def test_the_end_is_the_end(rows, make):
    for start in range(0, COUNT, 8):
        rows[start : start + 8]
    assert make.settled(COUNT) == list(range(COUNT))


def test_in_any_other_order_nothing_is_guessed(rows, make):
    rows[np.array([7, 3, 20])]
    assert make.settled(3) == [3, 7, 20]


def test_a_reader_who_jumps_leaves_little_behind(rows, make):
    for start in (0, 20, 40, 10):
        rows[start : start + 2]
    assert len(rows._begun) <= 6
    assert len(make.settled(0)) <= 4 * (2 + 6)


def test_what_goes_wrong_is_raised_where_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(module, "AHEAD", 6)

    def make(row: int) -> np.ndarray:
        if row == 3:
            raise ValueError("three")
        return np.zeros(4, np.uint8)

    rows = Streamed((COUNT, 4), make)
    assert rows[0:3].shape == (3, 4)
    with pytest.raises(ValueError, match="three"):
        rows[3:6]
    assert rows[4:6].shape == (2, 4)


def test_several_are_made_at_a_time(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    both = threading.Barrier(2, timeout=10)

    def make(_row: int) -> np.ndarray:
        both.wait()
        return np.zeros(4, np.uint8)

    assert Streamed((2, 4), make)[:].shape == (2, 4)


def test_closed_it_makes_no_more(make):
    gate = threading.Event()

    def slow(row: int) -> np.ndarray:
        gate.wait(10)
        return make(row)

    rows = Streamed((COUNT, 4), slow)
    waiting = threading.Thread(target=rows._look_ahead, args=([0],))
    waiting.start()
    waiting.join()
    rows.close()
    gate.set()
    assert len(make.settled(0)) <= (module.os.cpu_count() or 1)
