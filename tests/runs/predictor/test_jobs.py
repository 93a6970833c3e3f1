"""Answers that take a while: in order, once each, bounded, and not for nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tl_core.errors import HeadstartError, UserError
from tl_core.runs.predictor import jobs
from tl_core.runs.predictor.jobs import KEPT, WAITING, Job, Jobs


class Slow:
    """Answers when it is let go; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.go = threading.Event()
        self.jobs = Jobs(self.answer)

    def answer(self, request: dict, tell: Callable[[int, int], None]) -> dict:
        self.asked.append(request["n"])
        tell(1, 2)
        assert self.go.wait(20)
        if request["n"] == "error":
            raise HeadstartError("Its process ended.")
        if request["n"] == "bug":
            raise KeyError
        return {"error": "Not this one."} if request["n"] == "refused" else {"n": request["n"]}

    def ask(self, n: Any) -> Job[Any]:
        return self.jobs.ask({"n": n}, lambda answer: answer["n"])


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_jobs_are_done_in_order_once_each() -> None:
    slow = Slow()
    first, second = slow.ask(1), slow.ask(2)
    assert slow.ask(1) is first
    until(lambda: first.total == 2)
    assert (first.done, first.is_over, second.total) == (1, False, 0)
    slow.go.set()
    until(lambda: second.is_over)
    assert (first.result(), second.result(), slow.asked) == (1, 2, [1, 2])
    assert slow.ask(1) is first, "and kept"
    slow.jobs.forget(first)
    until(lambda: slow.ask(1).is_over)
    assert slow.asked == [1, 2, 1]


@pytest.mark.parametrize(
    ("n", "kind", "sentence"),
    [
        ("error", HeadstartError, "Its process ended"),
        ("refused", UserError, "Not this one"),
        ("bug", HeadstartError, "failed on our side"),
    ],
)
def test_what_fails_says_so_and_the_next_is_answered(
    n: str, kind: type[Exception], sentence: str
) -> None:
    slow = Slow()
    slow.go.set()
    failed, fine = slow.ask(n), slow.ask(1)
    until(lambda: fine.is_over)
    with pytest.raises(kind, match=sentence):
        failed.result()
    assert fine.result() == 1
    assert slow.ask(n) is failed, "until somebody forgets it: a page asks again and again"


def test_too_many_are_refused() -> None:
    slow = Slow()
    first = slow.ask(-1)
    until(lambda: first.total > 0)
    waiting = [slow.ask(n) for n in range(WAITING)]
    with pytest.raises(UserError, match="try again in a moment"):
        slow.ask(WAITING)
    assert slow.ask(0) is waiting[0], "what waits already is not refused"
    slow.go.set()
    until(lambda: waiting[-1].is_over)
    until(lambda: slow.ask(WAITING).is_over)


def test_what_nobody_looks_in_on_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "FORGOTTEN", 0.2)
    slow = Slow()
    slow.ask("first")
    left, watched = slow.ask("left"), slow.ask("watched")
    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        watched.look_in()
        time.sleep(0.02)
    slow.go.set()
    until(lambda: slow.ask("watched").is_over)
    assert slow.asked == ["first", "watched"]
    with pytest.raises(HeadstartError, match="ask again"):
        left.result()
    assert slow.ask("left") is not left


def test_old_answers_are_let_go() -> None:
    slow = Slow()
    slow.go.set()
    first = slow.ask(0)
    for n in range(KEPT + 2):
        until(lambda n=n: slow.ask(n).is_over)
    assert slow.ask(0) is not first
