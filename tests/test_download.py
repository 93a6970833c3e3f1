"""The downloader: what arrived is kept, gone on from, and believed only with the right hash."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections import namedtuple
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest

from tl_core import download as module
from tl_core.download import Source, UnreachableError, arrived, download
from tl_core.errors import UserError

BODY = np.random.default_rng(0).bytes(300_000)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 20_000)


@pytest.fixture
def source(file_server: Any) -> Source:
    file_server.files["/a.zip"] = BODY
    digest = f"md5:{hashlib.md5(BODY).hexdigest()}"  # noqa: S324 (what torchvision publishes)
    return Source(file_server.url("/a.zip"), "a.zip", len(BODY), digest, "the photos")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_once_and_is_asked_for_once(
    source: Source, file_server: Any, tmp_path: Path
) -> None:
    steps: list[tuple[int, int]] = []
    path = download(source, tmp_path / "new", lambda *step: steps.append(step))
    assert path.read_bytes() == BODY
    assert steps[0] == (20_000, len(BODY))
    assert steps[-1] == (len(BODY), len(BODY))
    assert download(source, tmp_path / "new") == path
    assert len(file_server.asked) == 1
    assert names(path.parent) == ["a.zip"]


def test_a_broken_connection_is_taken_up_where_it_broke(
    source: Source, file_server: Any, tmp_path: Path
) -> None:
    file_server.cuts = [70_000, 1, 90_000]
    assert download(source, tmp_path).read_bytes() == BODY
    assert file_server.asked == ["", "bytes=70000-", "bytes=70001-", "bytes=160001-"]


def test_what_had_arrived_is_kept_for_the_next_time(
    source: Source, file_server: Any, tmp_path: Path
) -> None:
    file_server.cuts = [70_000, 0, 0, 0]
    with pytest.raises(UnreachableError, match="the connection broke off"):
        download(source, tmp_path)
    assert len(file_server.asked) == 4, "it does not try for ever"
    assert arrived(tmp_path / "a.zip") == 70_000
    steps: list[int] = []
    download(source, tmp_path, lambda done, _: steps.append(done))
    assert steps[0] == 90_000
    assert arrived(tmp_path / "a.zip") == 0
    assert names(tmp_path) == ["a.zip"]


def test_a_server_that_cannot_resume_begins_again(
    source: Source, file_server: Any, tmp_path: Path
) -> None:
    file_server.ranges = False
    file_server.cuts = [70_000]
    assert download(source, tmp_path).read_bytes() == BODY
    assert len(file_server.asked) == 2


def test_a_server_that_begins_again_and_again_is_given_up(
    source: Source, file_server: Any, tmp_path: Path
) -> None:
    file_server.ranges = False
    file_server.cuts = [70_000, 50_000, 60_000, 65_000]
    with pytest.raises(UnreachableError, match="the connection broke off"):
        download(source, tmp_path)
    assert len(file_server.asked) == 4


@pytest.mark.parametrize("had", [70_000, 300_000, 400_000])
def test_the_beginning_of_another_file_is_thrown_away(
    had: int, source: Source, tmp_path: Path
) -> None:
    (tmp_path / ".a.zip.part").write_bytes(b"x" * had)
    assert download(source, tmp_path).read_bytes() == BODY
    assert names(tmp_path) == ["a.zip"]


def test_all_of_it_had_arrived_when_the_machine_went_off(
    source: Source, file_server: Any, tmp_path: Path
) -> None:
    (tmp_path / ".a.zip.part").write_bytes(BODY)
    assert download(source, tmp_path).read_bytes() == BODY
    assert file_server.asked == []


def test_wrong_bytes_are_thrown_away(source: Source, file_server: Any, tmp_path: Path) -> None:
    file_server.files["/a.zip"] = BODY[:-1] + b"?"
    with pytest.raises(UserError, match="the photos does not have the published hash"):
        download(source, tmp_path)
    assert names(tmp_path) == []


def test_a_server_that_never_ends_is_not_listened_to(
    source: Source, file_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_server.files["/a.zip"] = BODY * 3
    monkeypatch.setattr(module, "_extent", lambda _, size: (0, size))
    steps: list[int] = []
    with pytest.raises(UserError, match="published hash"):
        download(source, tmp_path, lambda done, _: steps.append(done))
    assert steps[-1] <= len(BODY) + 20_000


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (503, 3)])
def test_a_refusal_is_said_and_only_a_busy_server_is_asked_again(
    status: int, asked: int, source: Source, file_server: Any, tmp_path: Path
) -> None:
    file_server.status = status
    with pytest.raises(UnreachableError, match=f"the server answered {status}"):
        download(source, tmp_path)
    assert len(file_server.asked) == asked
    assert names(tmp_path) == []


def test_offline_is_said_at_once(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise URLError("no route")

    monkeypatch.setattr(module, "urlopen", offline)
    monkeypatch.setattr(module, "PAUSES", (60.0,))
    with pytest.raises(UnreachableError, match="seems to be offline"):
        download(source, tmp_path)


def test_a_cancelled_download_keeps_what_arrived(source: Source, tmp_path: Path) -> None:
    class Cancelled(BaseException):
        pass

    def cancel(done: int, _: int) -> None:
        if done >= 60_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        download(source, tmp_path, cancel)
    assert names(tmp_path) == [".a.zip.part"]
    assert arrived(tmp_path / "a.zip") == 60_000
    assert download(source, tmp_path).read_bytes() == BODY


def test_nothing_is_asked_for_when_the_disk_cannot_take_it(
    source: Source, file_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    free = (64 << 20) + 200_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free))
    with pytest.raises(UserError, match="MB free"):
        download(source, tmp_path)
    assert file_server.asked == []
    (tmp_path / ".a.zip.part").write_bytes(BODY[:150_000])
    download(source, tmp_path)


def test_a_disk_that_becomes_full_is_one_sentence(source: Source, tmp_path: Path) -> None:
    def full(done: int, _: int) -> None:
        if done > 50_000:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match="The disk became full while writing the photos"):
        download(source, tmp_path, full)
    assert names(tmp_path) == []


def test_a_part_that_somebody_writes_to_is_left_alone(
    source: Source, file_server: Any, tmp_path: Path
) -> None:
    theirs = tmp_path / ".a.zip.0123456789abcdef.part"
    theirs.write_bytes(BODY[:70_000])
    download(source, tmp_path)
    assert file_server.asked == [""]
    assert theirs.read_bytes() == BODY[:70_000]

    (tmp_path / "a.zip").unlink()
    long_ago = time.time() - 3600  # whoever wrote it was killed
    os.utime(theirs, (long_ago, long_ago))
    download(source, tmp_path)
    assert file_server.asked[1] == "bytes=70000-"
    assert names(tmp_path) == ["a.zip"]
