"""A run's log: what is written there, and its end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from tl_core.runs.logs import in_log, log_end, log_file, logged
from tl_core.runs.store import Run
from tl_core.training.events import CacheRead, EpochEnded, Event, Notice, Preparing, Stepped
from tl_core.workspace import Workspace


def test_the_end_begins_with_a_whole_line(tmp_path: Path) -> None:
    log_file(tmp_path).write_text("one\ntwo\nthree é\n", encoding="utf-8")
    assert log_end(tmp_path) == "one\ntwo\nthree é\n"
    assert log_end(tmp_path, most=11) == "three é\n"
    assert log_end(tmp_path / "gone") == ""


def test_bytes_that_are_no_text_are_shown_all_the_same(tmp_path: Path) -> None:
    log_file(tmp_path).write_bytes(b"a\xff\n")
    assert log_end(tmp_path) == "a\ufffd\n"


def test_events_are_written_down_but_the_many_small_ones(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []
    emit = logged(told.append)
    events = [
        Preparing("Opening", 1, 2),
        Notice("first line\nsecond line"),
        Stepped(1, 1, 9, 0.5, 32),
        EpochEnded(0, 1, 0.5, 0.8, 0.6, 0.7, 1e-3, 2.0, 140, True),
    ]
    with caplog.at_level(logging.INFO, "headstart"):
        for event in events:
            emit(event)
    assert told == events
    first, second = caplog.messages
    assert first == "first line second line", "a name with a line break begins no line of its own"
    assert second.startswith("epoch 1: training loss 0.5000, 80.0% right")
    assert second.endswith("2.0 s; the best so far")


@pytest.mark.parametrize(("reused", "how"), [(True, "was read"), (False, "computed in 3.0 s")])
def test_kept_activations_are_told(reused: bool, how: str) -> None:
    assert how in in_log(CacheRead(0, 1, 1000, reused=reused, spent=3.0, one_pass=3.0))


def test_a_run_writes_its_life_down(workspace: Workspace, trained: Callable[..., Run]) -> None:
    run = trained(epochs=2)
    lines = log_end(workspace.runs / run.id).splitlines()
    assert "taken by process" in lines[0]
    assert sum(" epoch " in line for line in lines) == 2
    assert lines[-1].endswith("finished")
