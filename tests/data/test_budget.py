"""Threads share a budget of memory: never more at once, nobody overtaken, nobody for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tl_core.data.budget import MemoryBudget


def test_never_more_at_once_than_there_is():
    budget, lock = MemoryBudget(lambda: 100), threading.Lock()
    held, most = 0, 0

    def work(needed: int) -> None:
        nonlocal held, most
        with budget.hold(needed):
            with lock:
                held += needed
                most = max(most, held)
            time.sleep(0.002)
            with lock:
                held -= needed

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [30, 60, 10, 90, 45] * 20))
    assert 60 < most <= 100


def test_one_that_is_too_large_is_alone():
    budget, alone = MemoryBudget(lambda: 100), threading.Event()
    inside = []

    def large() -> None:
        with budget.hold(500):
            alone.set()
            time.sleep(0.05)
            inside.append("large")

    thread = threading.Thread(target=large)
    thread.start()
    assert alone.wait(5)
    with budget.hold(1):
        inside.append("small")
    thread.join()
    assert inside == ["large", "small"]


def test_a_large_one_is_not_overtaken_for_ever():
    budget, done = MemoryBudget(lambda: 100), threading.Event()

    def small() -> None:
        while not done.is_set():
            with budget.hold(40):
                time.sleep(0.001)

    threads = [threading.Thread(target=small) for _ in range(4)]
    for thread in threads:
        thread.start()
    with budget.hold(90):
        done.set()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_a_thread_does_not_wait_for_itself():
    budget = MemoryBudget(lambda: 100)
    with budget.hold(80), budget.hold(80):
        assert budget._taken == 160
    assert budget._taken == 0


def test_what_fails_gives_back():
    budget = MemoryBudget(lambda: 100)
    try:
        with budget.hold(100):
            raise ValueError
    except ValueError:
        pass
    assert budget._taken == 0
