"""What is shared is made once, however many ask for it at the same moment."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pages.shared.once import Once


def test_thirty_who_ask_at_once_share_one_making() -> None:
    once, made = Once[str, int](most=4), []
    together = threading.Barrier(30)

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    def ask(_: int) -> int:
        together.wait()
        return once.get("curves", make)

    with ThreadPoolExecutor(30) as pool:
        assert set(pool.map(ask, range(30))) == {1}
    assert len(made) == 1


def test_those_who_waited_for_a_new_one_take_it() -> None:
    once, made, wanted = Once[str, int](most=4), [], 2
    made.append(1)
    once.get("run", lambda: 1)
    together = threading.Barrier(8)

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    def ask(_: int) -> int:
        together.wait()
        return once.get("run", make, lambda kept: kept >= wanted)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {2}
    assert len(made) == 2


def test_one_key_does_not_wait_for_another() -> None:
    once, started, go = Once[str, int](most=4), threading.Event(), threading.Event()

    def slow() -> int:
        started.set()
        assert go.wait(10)
        return 1

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(once.get, "slow", slow)
        assert started.wait(10)
        assert once.get("quick", lambda: 2) == 2
        go.set()
        assert first.result() == 1


def test_the_one_asked_for_longest_ago_goes_first() -> None:
    once = Once[int, str](most=2)
    for key in (1, 2, 1, 3):
        once.get(key, lambda: "first")
    assert [once.get(key, lambda: "again") for key in (1, 3, 2)] == ["first", "first", "again"]


def test_what_will_not_do_is_made_anew() -> None:
    once = Once[str, int](most=2)
    assert once.get("run", lambda: 1) == 1
    assert once.get("run", lambda: 2, lambda kept: kept == 1) == 1
    assert once.get("run", lambda: 3, lambda kept: kept > 1) == 3


def test_a_failure_reaches_the_one_who_asked_and_is_not_kept() -> None:
    once = Once[str, int](most=2)
    with pytest.raises(ZeroDivisionError):
        once.get("run", lambda: 1 // 0)
    assert once.get("run", lambda: 5) == 5
