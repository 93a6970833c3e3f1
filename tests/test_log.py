"""What processes log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tl_core import log
from tl_core.log import get_log, set_up_log


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    logger = get_log()
    handlers, level = list(logger.handlers), logger.level
    yield
    for handler in [h for h in logger.handlers if h not in handlers]:
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_record_is_one_line(tmp_path: Path) -> None:
    file = set_up_log(tmp_path, "server")
    assert set_up_log(tmp_path, "server") == file, "a second time changes nothing"
    get_log().info("run %s\nof %s", "one", "Zoë")
    try:
        raise ZeroDivisionError("a mistake")
    except ZeroDivisionError:
        get_log().exception("page")
    first, second = lines(file)
    assert (first["level"], first["says"]) == ("info", "run one\nof Zoë")
    assert str(first["where"]).startswith("test_log:")
    assert second["says"] == "page"
    assert "ZeroDivisionError: a mistake" in str(second["trace"])


def test_old_lines_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_LARGEST", 2000)
    file = set_up_log(tmp_path, "worker-cpu")
    for number in range(200):
        get_log().warning("number %d", number)
    assert lines(file)[-1]["says"] == "number 199"
    files = sorted(file.parent.iterdir())
    assert [f.name for f in files] == [
        "worker-cpu.log",
        *(f"worker-cpu.log.{n}" for n in (1, 2, 3)),
    ]
    assert all(f.stat().st_size <= 2000 for f in files)


def test_libraries_keep_their_own_loggers(tmp_path: Path) -> None:
    file = set_up_log(tmp_path, "server")
    logging.getLogger("some.library").error("not ours")
    assert not file.exists()
