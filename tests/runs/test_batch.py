"""Many pictures at once: taken in within bounds, and handed back as a table and sorted folders."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest

from tl_core.data.packed import open_archive
from tl_core.data.sources import Entry
from tl_core.errors import HeadstartError, UserError
from tl_core.runs import batch
from tl_core.runs.batch import (
    AT_ONCE,
    BEST,
    DOUBTFUL,
    ENCODING,
    TABLE,
    Answered,
    Taken,
    answer_all,
    take_in,
    write_sorted,
    write_table,
)
from tl_core.runs.predictor.predicting import Answer
from tl_core.workspace import Workspace

CLASSES = ("=1+1", "../../evil", "doubtful")


def entry(name: str, content: bytes = b"picture") -> Entry:
    return Entry(name, len(content), lambda: io.BytesIO(content))


def answer(best: str, *doubts: str) -> Answer:
    shares = {best: 0.8} | {name: 0.1 for name in CLASSES if name != best}
    return Answer(shares, doubts=doubts)  # type: ignore[arg-type]


@pytest.fixture
def rows(tmp_path: Path) -> list[Answered]:
    for name in "abcd":
        (tmp_path / name).write_bytes(name.encode())
    return [
        Answered("@one.jpg", tmp_path / "a", answer("=1+1")),
        Answered("deep/er/one.jpg", tmp_path / "b", answer("../../evil")),
        Answered("x\\..\\one.jpg", tmp_path / "c", answer("../../evil")),
        Answered("four.jpg", tmp_path / "d", answer("doubtful")),
        Answered("odd.jpg", tmp_path / "d", answer("=1+1", "strange", "unsure")),
        Answered("broken.jpg", None, Answer({}, "the file is cut off")),
    ]


def test_pictures_are_taken_in_and_the_rest_is_told(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a/1.jpg", "../../evil.jpg", "__MACOSX/a/._1.jpg", ".DS_Store", "b/Thumbs.db"):
            archive.writestr(name, name)
        archive.mkdir("empty")
    told = []
    with open_archive(path) as entries:
        taken = take_in(workspace, entries, lambda *done: told.append(done))
    assert [one.name for one in taken] == ["a/1.jpg", "../../evil.jpg"]
    assert told == [(1, 2), (2, 2)]
    for one in taken:
        assert one.path is not None
        assert one.path.is_relative_to(workspace.batches)
        assert one.path.read_text() == one.name


def test_what_cannot_be_taken_in_says_why(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> io.BytesIO:
        raise OSError("gone")

    entries = [
        entry("fi\udcffne"), Entry("lies", 2, lambda: io.BytesIO(b"more than two")),
        Entry("gone", 1, broken), Entry("link", 0, broken, "a link that leads out"),
        Entry("huge", 10**9, broken),
    ]  # fmt: skip
    taken = take_in(workspace, entries)
    assert taken[0].name == "fi?ne", "a name that no page could show"
    reasons = [one.reason for one in taken]
    assert reasons[0] == ""
    assert "longer than it said" in reasons[1]
    assert "could not be read" in reasons[2]
    assert reasons[3] == "a link that leads out"
    assert "larger than" in reasons[4]
    held = list(workspace.batches.iterdir())
    with pytest.raises(KeyboardInterrupt):
        take_in(workspace, entries, Mock(side_effect=KeyboardInterrupt))
    assert list(workspace.batches.iterdir()) == held, "what was interrupted leaves nothing"
    monkeypatch.setattr(batch, "MOST", 2)
    with pytest.raises(UserError, match="at most 2 are predicted at once"):
        take_in(workspace, entries)


def test_what_was_taken_in_goes_after_a_day(workspace: Workspace) -> None:
    (old,) = take_in(workspace, [entry("old", b"old")])
    (new,) = take_in(workspace, [entry("new", b"new")])
    assert old.path is not None
    assert new.path is not None
    folder = old.path.parents[2]
    os.utime(folder, (0, 0))
    batch.sweep(workspace)
    assert not folder.exists()
    assert new.path.exists()


def test_they_are_answered_part_by_part_and_go_on_where_they_were(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(BEST + 2)]
    asked: list[int] = []

    def ask(paths: Sequence[Path]) -> list[Answer]:
        asked.append(len(paths))
        if len(asked) == 3:
            raise HeadstartError("The process ended.")
        shares = dict.fromkeys(names, 0.1)
        return [Answer(shares | {"c0": 0.6}) for path in paths]

    taken = [Taken(f"{n}0", tmp_path / f"{n}0") for n in range(2 * AT_ONCE + 1)]
    taken[3] = Taken("3", None, "no picture")
    told: list[tuple[int, int]] = []
    table, rows = tmp_path / TABLE, list[Answered]()

    def go_on() -> None:
        answer_all(ask, taken, names, table, rows, lambda *done: told.append(done))

    with pytest.raises(HeadstartError):
        go_on()
    assert len(rows) == 2 * AT_ONCE
    go_on()
    go_on()
    assert asked == [AT_ONCE - 1, AT_ONCE, 1, 1], "nothing is asked twice"
    assert [row.name for row in rows] == [one.name for one in taken]
    assert {row.answer.best for row in rows if row.path} == {"c0"}
    assert {len(row.answer.probabilities) for row in rows if row.path} == {BEST}
    assert rows[3].answer.reason == "no picture"
    assert told == [(16, 33), (32, 33), (33, 33)]
    assert table.read_bytes().startswith(b"\xef\xbb\xbf"), "so that Excel reads it as UTF-8"
    with table.open(encoding=ENCODING, newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["path", "class", "probability", *names, "doubts"]
    assert [line[0] for line in lines[1:]] == [one.name for one in taken if one.path]
    assert {len(line) for line in lines} == {len(names) + 4}, "with the share of every class"


def test_the_table_is_text_and_nothing_else(rows: list[Answered]) -> None:
    out = io.StringIO()
    write_table(rows, CLASSES, out)
    head, *lines = csv.reader(io.StringIO(out.getvalue()))
    assert head == ["path", "class", "probability", "'=1+1", "../../evil", "doubtful", "doubts"]
    assert len(lines) == 5, "what could not be read has no line"
    assert lines[0] == ["'@one.jpg", "'=1+1", "0.800000", "0.800000", "0.100000", "0.100000", ""]
    assert lines[4][-1] == "not like anything it was taught, not sure enough to say"


def test_the_zip_holds_a_folder_for_each_class(rows: list[Answered], tmp_path: Path) -> None:
    target, table = tmp_path / "sorted.zip", tmp_path / "table"
    table.write_bytes(b"all answers")
    counts = write_sorted(rows, CLASSES, table, target)
    with zipfile.ZipFile(target) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert held == {
        TABLE: b"all answers",
        "=1+1/@one.jpg": b"a",
        "_._evil/one.jpg": b"b",
        "_._evil/one (2).jpg": b"c",
        "doubtful (2)/four.jpg": b"d",
        f"{DOUBTFUL}/odd.jpg": b"d",
    }
    assert counts == {"=1+1": 1, "_._evil": 2, "doubtful (2)": 1, DOUBTFUL: 1}
    with open_archive(target) as entries:
        assert not any(one.refused for one in entries), "our own import takes it"


def test_a_zip_that_was_not_finished_is_not_there(
    rows: list[Answered], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    before = set(tmp_path.iterdir())
    with pytest.raises(UserError, match="disk became full"):
        write_sorted(rows, CLASSES, tmp_path / "a", tmp_path / "sorted.zip")
    assert set(tmp_path.iterdir()) == before
