"""The server starts whatever the workspace is like; its pages then say what is wrong with it."""

from __future__ import annotations

import asyncio
import importlib

import pytest

from tl_core.workspace import Workspace


@pytest.fixture
def app(workspace: Workspace):  # noqa: ARG001 (sets HEADSTART_HOME)
    return importlib.import_module("app")


@pytest.mark.parametrize("step", ["set_up_log", "sweep", "sweep_drafts", "open_store"])
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "I/O")])
def test_it_starts_on_what_belongs_to_somebody_else(app, monkeypatch, step, error) -> None:
    asked = []

    def refuse(*_args):
        asked.append(step)
        raise error

    async def nothing(*_args) -> None:
        pass

    monkeypatch.setattr(app, step, refuse)
    monkeypatch.setattr(app, "sweep_closed_tabs", nothing)
    monkeypatch.setattr(app, "attend", nothing)
    monkeypatch.setattr(app, "raise_limit", lambda: None)

    async def start() -> str:
        async with app.start_up(None):
            return "up"

    assert asyncio.run(start()) == "up"
    assert asked == [step]


def test_one_refusal_does_not_keep_the_others_from_tidying(app, monkeypatch) -> None:
    done = []

    def refuse(*_args) -> None:
        raise PermissionError

    async def nothing(*_args) -> None:
        done.append("attend")

    monkeypatch.setattr(app, "sweep", refuse)
    monkeypatch.setattr(app, "sweep_drafts", lambda _: done.append("drafts"))
    monkeypatch.setattr(app, "sweep_closed_tabs", nothing)
    monkeypatch.setattr(app, "attend", nothing)

    async def start() -> None:
        async with app.start_up(None):
            await asyncio.sleep(0)

    asyncio.run(start())
    assert done.count("drafts") == 1
    assert "attend" in done
