"""What a run's folder holds of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tl_core.config import RunConfig
from tl_core.errors import NoRoomError
from tl_core.runs.record import JOURNAL, RECORD, Journal, read_journal, read_record, write_record
from tl_core.runs.run import Run, Told
from tl_core.training.events import Notice, Stepped


def told(*numbers: int) -> list[Told]:
    return [Told(n, 100.0 + n, Stepped(1, n, 9, 0.1 + n, 8)) for n in numbers]


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = Run("one", "me", 1.0, "paused", RunConfig("d", "small", more=(3,)), facts={"a": 1})
    assert read_record(tmp_path / "one") is None
    write_record(tmp_path / "one", run)
    assert read_record(tmp_path / "one") == run


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"id": "x"', b'{"config": 3}', b"\xff"])
def test_what_is_no_record_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RECORD).write_bytes(content)
    assert read_record(tmp_path) is None


def test_a_journal_goes_on_where_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(told(0, 1, 2))
    journal.write([])
    journal.write(told(3))
    assert (journal.last, read_journal(tmp_path)) == (3, told(0, 1, 2, 3))
    assert read_journal(tmp_path, last=1) == told(0, 1)

    journal = Journal(tmp_path, last=1)
    assert journal.last == 1
    other = Told(2, 7.0, Notice("what came after is told anew"))
    journal.write([other])
    assert read_journal(tmp_path) == [*told(0, 1), other]
    assert Journal(tmp_path).last == -1
    Journal(tmp_path).write(told(0))
    assert read_journal(tmp_path) == told(0)


def test_a_journal_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    Journal(tmp_path).write(told(0, 1, 2))
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        assert read_journal(tmp_path) == told(*range(sum(size >= end for end in ends)))
    path.write_bytes(whole[: ends[0]] + whole[ends[1] :])
    assert read_journal(tmp_path) == told(0), "a gap"
    path.write_bytes(whole.replace(b"Stepped", b"Stopped", 2))
    assert read_journal(tmp_path) == []

    path.write_bytes(whole[:-5])
    Journal(tmp_path, last=2).write(told(2))
    assert read_journal(tmp_path) == told(0, 1, 2), "a half-written line is replaced"


def test_a_full_disk_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.write(told(0))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NoRoomError):
            journal.write(told(1, 2))
    journal.write(told(1, 2, 3))
    assert read_journal(tmp_path) == told(0, 1, 2, 3)
