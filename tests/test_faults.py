"""What the operating system refuses becomes a sentence."""

from __future__ import annotations

import errno

import pytest

from tl_core import cli
from tl_core.errors import BusyError, NoRoomError, TransientError, UserError
from tl_core.faults import as_sentence
from tl_core.log import get_log, set_up_log
from tl_core.runs.predictor import lane
from tl_core.workspace import Workspace


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (errno.EACCES, UserError, "belongs to somebody else"),
        (errno.EROFS, UserError, "read-only"),
        (errno.ENOSPC, NoRoomError, "free some space"),
        (errno.EIO, TransientError, "does not answer"),
        (errno.EHOSTDOWN, TransientError, "does not answer"),
        (errno.EBUSY, BusyError, "Another program"),
        (errno.EMFILE, BusyError, "no further file"),
        (errno.ENOMEM, UserError, "memory of this machine"),
    ],
)
def test_a_fault_is_called_what_it_is(code: int, kind: type[UserError], said: str) -> None:
    told = as_sentence(OSError(code, "the system's word", "/some/file"))
    assert type(told) is kind
    assert said in str(told)


def test_what_is_ours_stays_ours() -> None:
    assert as_sentence(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None
    assert as_sentence(RuntimeError("a mistake")) is None


def test_the_terminal_names_the_path_and_exits_with_2(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(workspace.datasets))

    monkeypatch.setitem(cli._COMMANDS, "runs", refused)
    assert cli.main(["runs"]) == 2
    assert capsys.readouterr().err.startswith(f"{workspace.datasets} may not be used")


def test_logs_that_cannot_be_opened(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    """A folder in the log's place stands for a disk that is read-only, for root as well."""
    (workspace.root / "logs").write_bytes(b"no folder")
    set_up_log(workspace.root, "server")
    get_log().info("something")
    assert "Traceback" not in capfd.readouterr().err
    (workspace.root / "predictor.log").mkdir()
    with lane._opened(workspace.root / "predictor.log") as log:
        assert log is None
