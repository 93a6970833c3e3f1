"""Pictures gathered class by class, before there is a dataset."""

from __future__ import annotations

import io
import os
import time

import pytest

from tl_core.data.draft import new_draft, sweep_drafts
from tl_core.data.intake import import_classes
from tl_core.errors import UserError


def add(draft, name: str, data: bytes, called: str = "x.png") -> bool:
    return draft.add(name, called, io.BytesIO(data), len(data))


def test_gathering_and_importing(workspace, picture):
    draft = new_draft(workspace)
    assert draft.classes() == {}
    for n in range(8):
        assert add(draft, " a/b \n" if n % 2 else "c", picture(n), f"{n}.png")
    assert not add(draft, "c", picture(0)), "a page that runs again adds nothing twice"
    assert [called for _, called in draft.classes()["c"]] == ["0.png", "2.png", "4.png", "6.png"]
    dataset = import_classes(workspace, draft.entries(), "Mine")
    assert dataset.counts() == {"a/b": 4, "c": 4}
    assert dataset.name == "Mine"
    draft.drop("c")
    assert list(draft.classes()) == ["a/b"]
    draft.clear()
    assert draft.classes() == {}
    assert list(workspace.uploads.iterdir()) == []


def test_too_little_is_refused(workspace, picture):
    draft = new_draft(workspace)
    with pytest.raises(UserError, match="at least 2"):
        import_classes(workspace, draft.entries(), "Mine")
    add(draft, "a", picture(1))
    add(draft, "b", picture(2))
    with pytest.raises(UserError, match="every class needs at least 2"):
        import_classes(workspace, draft.entries(), "Mine")
    assert list(workspace.datasets.iterdir()) == []


def test_what_cannot_be_gathered(workspace, monkeypatch):
    draft = new_draft(workspace)
    with pytest.raises(UserError, match="needs a name"):
        add(draft, " ", b"x")
    monkeypatch.setenv("HEADSTART_MAX_FILE_MB", "1")
    with pytest.raises(UserError, match="larger than 1 MB"):
        add(draft, "a", bytes(1_000_001))
    assert draft.classes() == {}


def test_drafts_are_forgotten_after_a_day(workspace):
    old, fresh = new_draft(workspace), new_draft(workspace)
    add(old, "a", b"x")
    add(fresh, "a", b"x")
    os.utime(old.folder, (time.time() - 10**6,) * 2)
    sweep_drafts(workspace)
    assert list(workspace.uploads.iterdir()) == [fresh.folder]
