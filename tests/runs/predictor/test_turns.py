"""Who waits before the predictor, how long, and who is next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tl_core.errors import UserError
from tl_core.runs.predictor.turns import Turns


class Line:
    """People who ask, each in a thread; while the first one's turn lasts, nobody else has one."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.had, self.go = turns, list[str](), threading.Event()
        self.threads: list[threading.Thread] = []

    def ask(self, name: str, seconds: float = 0.0) -> None:
        self.threads.append(threading.Thread(target=self._ask, args=(name, seconds)))
        self.threads[-1].start()
        waiting = len(self.threads) - 1
        until(lambda: len(self.turns._line) == waiting and self.turns._busy)

    def _ask(self, name: str, seconds: float) -> None:
        with self.turns.turn(name):
            assert self.go.wait(20)
            time.sleep(seconds)
            self.had.append(name)

    def end(self) -> list[str]:
        self.go.set()
        for thread in self.threads:
            thread.join(20)
        return self.had


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_forty_who_ask_at_once_all_have_their_turn() -> None:
    line = Line(Turns())
    for n in range(40):
        line.ask(f"tab {n}")
    assert line.end() == [f"tab {n}" for n in range(40)]
    assert line.turns._line == []


def test_a_line_that_takes_too_long_lets_nobody_else_in() -> None:
    turns = Turns(patience=1)
    turns._lasted.extend([0.6] * 9)
    line = Line(turns)
    line.ask("a")
    line.ask("b")
    with pytest.raises(UserError, match="2 questions are waiting before"), turns.turn("c"):
        pass
    assert line.end() == ["a", "b"]
    with turns.turn("c"):
        pass


def test_a_cold_start_does_not_turn_people_away() -> None:
    turns = Turns()
    turns._lasted.append(9.0)
    line = Line(turns)
    for n in range(40):
        line.ask(str(n))
    assert len(line.end()) == 40


def test_the_line_is_bounded_however_quick_it_is() -> None:
    turns = Turns(most=2)
    turns._lasted.extend([0.0] * 9)
    line = Line(turns)
    for n in range(3):
        line.ask(str(n))
    with pytest.raises(UserError, match="try again in a moment"), turns.turn():
        pass
    assert len(line.end()) == 3


def test_whoever_asks_for_much_does_not_stand_before_the_others() -> None:
    line = Line(Turns())
    for name in ("a", "a", "a", "a", "b", "c", "b"):
        line.ask(name)
    assert line.end() == ["a", "a", "b", "c", "a", "b", "a"]


def test_nobody_waits_for_ever() -> None:
    line = Line(Turns(patience=0.6))
    line.ask("a")
    with pytest.raises(UserError, match="was given up; try again"), line.turns.turn("b"):
        pass
    line.ask("c")
    assert line.end() == ["a", "c"]
    assert not line.turns._busy


def test_a_failure_ends_the_turn() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="x"), turns.turn():
        raise ValueError("x")
    with turns.turn():
        pass
