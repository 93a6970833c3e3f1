"""Folders and archives as lists of entries."""

from __future__ import annotations

import os

import pytest

from tl_core.data.sources import folder_entries


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
