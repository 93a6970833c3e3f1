"""Pictures brought to be predicted: taken in within bounds, found again, gone after a day."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

from tl_core.data.packed import open_archive
from tl_core.data.sources import Entry
from tl_core.errors import UserError
from tl_core.runs import brought
from tl_core.runs.brought import find_brought, take_in
from tl_core.workspace import Workspace


def entry(name: str, content: bytes = b"picture") -> Entry:
    return Entry(name, len(content), lambda: io.BytesIO(content))


def test_pictures_are_taken_in_and_the_rest_is_told(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a/1.jpg", "../../evil.jpg", "__MACOSX/a/._1.jpg", ".DS_Store", "b/Thumbs.db"):
            archive.writestr(name, name)
        archive.mkdir("empty")
    told = []
    with open_archive(path) as entries:
        taken = take_in(workspace, entries, lambda *done: told.append(done)).taken
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
    taken = take_in(workspace, entries).taken
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
    monkeypatch.setattr(brought, "MOST", 2)
    with pytest.raises(UserError, match="at most 2 are predicted at once"):
        take_in(workspace, entries)


def test_what_was_taken_in_goes_after_a_day(workspace: Workspace) -> None:
    (old,) = take_in(workspace, [entry("old", b"old")]).taken
    (new,) = take_in(workspace, [entry("new", b"new")]).taken
    assert old.path is not None
    assert new.path is not None
    folder = old.path.parents[2]
    os.utime(folder, (0, 0))
    brought.sweep(workspace)
    assert not folder.exists()
    assert new.path.exists()


def test_they_are_found_again_by_their_id(workspace: Workspace) -> None:
    taken = take_in(workspace, [entry("é.jpg"), Entry("link", 0, io.BytesIO, "a link")])
    assert find_brought(workspace, taken.id) == taken
    assert taken.taken[1].reason == "a link"
    nowhere = (workspace.batches / taken.id / "x").relative_to(workspace.root).as_posix()
    for which in ("", "0" * 16, f"../{nowhere}", f"{taken.id}/", taken.id.upper() + "X"):
        assert find_brought(workspace, which) is None
    (workspace.batches / taken.id / "pictures.json").write_text('[["cut"')
    assert find_brought(workspace, taken.id) is None
