"""Folders and archives as lists of entries."""

from __future__ import annotations

import os

import pytest

from tl_core.data.intake import import_source
from tl_core.data.scan import findings
from tl_core.data.sources import folder_entries
from tl_core.errors import UserError


def contents(entries):
    return {entry.name: entry.open().read() for entry in entries}


def test_folder_in_natural_order(tree):
    root = tree({"b/10.png": b"x", "b/2.png": b"y", "a/1.png": b"zz", "top.txt": b""})
    entries = folder_entries(root)
    assert [entry.name for entry in entries] == ["a/1.png", "b/2.png", "b/10.png", "top.txt"]
    assert contents(entries)["a/1.png"] == b"zz"
    assert entries[0].size == 2


def test_an_empty_folder_is_an_entry(tree):
    root = tree({"a/1.png": b"x"})
    (root / "b" / "c").mkdir(parents=True)
    assert [entry.name for entry in folder_entries(root)] == ["a/1.png", "b/c/"]


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
def test_links_are_followed_but_not_in_circles_and_pipes_are_left_alone(tree, tmp_path):
    root = tree({"a/1.png": b"x"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "2.png").write_bytes(b"y")
    (root / "b").symlink_to(elsewhere)
    (root / "a" / "circle").symlink_to(root)
    (root / "a" / "nowhere").symlink_to(root / "missing")
    os.mkfifo(root / "a" / "pipe")
    assert contents(folder_entries(root)) == {"a/1.png": b"x", "b/2.png": b"y"}


def test_what_systems_leave_is_not_walked_into(tree):
    root = tree({"a/1.png": b"x", "#recycle/b/2.png": b"", ".git/3.png": b"", "a/Thumbs.db": b""})
    (root / "System Volume Information").mkdir()
    assert [entry.name for entry in folder_entries(root)] == ["a/1.png"]


@pytest.fixture
def refusing(monkeypatch):
    """Folders of another owner, wherever the tests run, also as root."""
    scandir = os.scandir

    def refuse(folder):
        if os.path.basename(os.fspath(folder)).startswith("closed"):  # noqa: PTH119
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)


@pytest.mark.usefixtures("refusing")
def test_a_folder_that_may_not_be_listed_is_left_out_and_said(tree, workspace):
    root = tree({"a": 3, "b": 3, "closed": 1})
    dataset = import_source(workspace, root)
    assert dataset.counts() == {"a": 3, "b": 3}
    [left_out] = dataset.skipped
    assert left_out.path == "closed/"
    assert left_out.reason == "this folder cannot be listed (Permission denied)"
    [finding] = [f for f in findings(workspace, dataset) if f.kind == "unreadable"]
    assert "check its permissions" in finding.why


@pytest.mark.usefixtures("refusing")
def test_the_folder_itself_may_not_be_listed(tree):
    with pytest.raises(UserError, match=r"cannot be listed \(Permission denied\)"):
        folder_entries(tree({"1.png": b""}, "closed"))
