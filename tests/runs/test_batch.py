"""Many pictures at once: answered part by part, handed back as a table and sorted folders."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tl_core.data.packed import open_archive
from tl_core.errors import HeadstartError, UserError
from tl_core.runs.batch import (
    AT_ONCE,
    BEST,
    DOUBTFUL,
    ENCODING,
    TABLE,
    Answered,
    Taken,
    answer_all,
    write_sorted,
    write_table,
)
from tl_core.runs.predictor.predicting import Answer

CLASSES = ("=1+1", "../../evil", "doubtful")


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
