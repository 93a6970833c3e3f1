"""The folder that holds everything, and files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path

import pytest

from tl_core.errors import UserError
from tl_core.workspace import Workspace, disk_errors, new_id, require_space, write_atomic


def test_a_workspace_is_made_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADSTART_HOME", raising=False)
    assert Workspace.open().root == tmp_path / "workspace"
    monkeypatch.setenv("HEADSTART_HOME", "elsewhere")
    assert Workspace.open().root == tmp_path / "elsewhere"
    opened = Workspace.open(tmp_path / "here")
    assert opened.root == tmp_path / "here"
    for folder in (opened.datasets, opened.runs, opened.cache, opened.uploads):
        assert folder.is_dir()
        assert folder.is_relative_to(opened.root)
    assert Workspace.open(opened.root) == opened, "a second time changes nothing"


def test_a_workspace_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="set HEADSTART_HOME to a folder you may write to"):
        Workspace.open(tmp_path / "file" / "workspace")


def test_ids_are_safe_in_names_and_not_to_be_guessed() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(set(one) <= set("0123456789abcdef") and len(one) == 16 for one in ids)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """Whoever reads while it is written sees the old content or the new."""
    path = tmp_path / "deep" / "file"
    contents = [bytes([n]) * 100_000 for n in range(2)]
    write_atomic(path, contents[0])
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(50):
        write_atomic(path, contents[n % 2])
    done.set()
    reader.join()
    assert seen <= set(contents)
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="The disk became full while writing file"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_errors_are_not_taken_for_a_full_disk() -> None:
    with pytest.raises(PermissionError), disk_errors("a file"):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_space_is_asked_for_with_a_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=(64 << 20) + 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    require_space(tmp_path, 1000)
    with pytest.raises(UserError, match="free some space or set HEADSTART_HOME"):
        require_space(tmp_path, 1001)
