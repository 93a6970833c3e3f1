"""One process that answers: what happens when it is slow, silent, dead, or says nonsense."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tl_core.errors import HeadstartError
from tl_core.runs.predictor import lane
from tl_core.runs.predictor.lane import Lane

ECHO = """
import os, pathlib, sys, time
from tl_core.runs.predictor.wire import receive, send
out = sys.stdout.buffer
while (request := receive(sys.stdin.buffer)) is not None:
    for done in range(request.get("parts", 0)):
        send(out, {"progress": [done + 1, request["parts"]]})
    if "say" in request:
        os.write(1, request["say"].encode())
    if "ends" in request:
        ended = pathlib.Path(request["file"])
        before = int(ended.read_text()) if ended.exists() else 0
        if before < request["ends"]:
            ended.write_text(str(before + 1))
            os._exit(1)
    time.sleep(request.get("sleep", 0))
    send(out, {"pid": os.getpid(), **request})
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Lane]]:
    lanes = []

    def make(seconds: float = 20, script: str = ECHO) -> Lane:
        lanes.append(Lane(tmp_path / "log", seconds, "The echo", "-c", script))
        return lanes[-1]

    yield make
    for one in lanes:
        one.close()


def test_an_answer_comes_with_its_arrays_and_progress(make: Callable[..., Lane]) -> None:
    told = []
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    answer = make().ask({"parts": 2, "a": array}, lambda *parts: told.append(parts))
    assert told == [(1, 2), (2, 2)]
    np.testing.assert_array_equal(answer["a"], array)


@pytest.mark.parametrize(
    ("request_", "seconds", "sentence"),
    [
        ({"say": "no message\n"}, 20, "The echo failed because its process ended"),
        ({"parts": 3, "sleep": 30}, 1, "The echo took longer than 1 seconds and was given up"),
    ],
)
def test_a_failure_is_a_sentence_and_the_next_question_is_answered(
    make: Callable[..., Lane], request_: dict, seconds: int, sentence: str
) -> None:
    asked = make()
    first = asked.ask({})["pid"]
    asked.seconds = seconds
    with pytest.raises(HeadstartError, match=sentence):
        asked.ask(request_)
    asked.seconds = 20
    answer = asked.ask({"n": 1})
    assert answer["n"] == 1, "and not what was left over"
    assert answer["pid"] != first


def test_what_a_killed_process_worked_on_is_tried_once_more(
    make: Callable[..., Lane], tmp_path: Path
) -> None:
    answer = make().ask({"ends": 1, "file": str(tmp_path / "ended"), "n": 1})
    assert answer["n"] == 1


def test_what_ends_two_processes_is_given_up(make: Callable[..., Lane], tmp_path: Path) -> None:
    asked, ended = make(), tmp_path / "ended"
    with pytest.raises(HeadstartError, match="The echo failed because its process ended"):
        asked.ask({"ends": 99, "file": str(ended)})
    assert ended.read_text() == "2"
    assert asked.ask({"n": 1})["n"] == 1


def test_what_took_too_long_is_not_tried_again(make: Callable[..., Lane]) -> None:
    asked = make()
    asked.ask({})
    asked.seconds = 1
    began = time.monotonic()
    with pytest.raises(HeadstartError, match="took longer"):
        asked.ask({"sleep": 30})
    assert time.monotonic() - began < 1.9


def test_a_process_that_died_between_two_questions_is_replaced_unnoticed(
    make: Callable[..., Lane],
) -> None:
    asked = make()
    first = asked.ask({})["pid"]
    assert asked.process is not None
    asked.process.kill()
    asked.process.wait()
    assert asked.ask({})["pid"] != first


def test_whoever_fails_to_hear_the_progress_hears_no_old_answer(make: Callable[..., Lane]) -> None:
    asked = make()

    def fail(*_: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        asked.ask({"parts": 1, "n": 1}, fail)
    assert asked.ask({"n": 2})["n"] == 2


def test_a_process_that_nobody_asks_is_ended(
    make: Callable[..., Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "IDLE", 0.3)
    asked = make()
    first = asked.ask({})["pid"]
    until = time.monotonic() + 20
    while asked.process is not None:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert asked.ask({})["pid"] != first
