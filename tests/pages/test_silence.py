"""Nothing is asked of the internet: what the server and its children connect to is listened to."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import websockets

from benchmarks.served import Served, serve
from benchmarks.viewer import visit
from pages.shared.steps import ALL

# Every Python that is started with this folder on its path writes down whom it looks for.
LISTENER = """
import os, sys

def hear(event, arguments):
    if event == "socket.bind":
        who = "a server"
    elif event == "socket.getaddrinfo" or event.startswith("socket.gethostby"):
        who = str(arguments[0])
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        who = address[0] if isinstance(address, tuple) else "a file"
    else:
        return
    with open(os.environ["HEARD"], "a") as heard:
        heard.write(f"{who}\\n")

sys.addaudithook(hear)
"""
HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "None", "a file", "a server"}  # noqa: S104

Listen = Callable[..., set[str]]


@pytest.fixture
def listen(tmp_path: Path) -> Listen:
    """Return a function that starts the app, opens every page, and says who was looked for."""
    (tmp_path / "sitecustomize.py").write_text(LISTENER)
    heard = tmp_path / "heard"
    environment = {"PYTHONPATH": str(tmp_path), "HEARD": str(heard)}

    def go(*options: str, origin: str = "") -> set[str]:
        heard.write_text("")
        with serve(tmp_path / "home", *options, environment=environment) as app:
            for step in ALL:
                assert asyncio.run(visit(app.port, step.path)).first is not None, step
            if origin:
                asyncio.run(_knock(app, origin))
        return set(heard.read_text().split("\n")) - {""}

    return go


async def _knock(app: Served, origin: str) -> None:
    try:
        async with websockets.connect(
            f"ws://127.0.0.1:{app.port}/_stcore/stream",
            origin=websockets.Origin(origin),
            proxy=None,
        ):
            pass
    except websockets.InvalidStatus:
        pass


@pytest.mark.parametrize(
    ("options", "origin"),
    [
        ((), "http://evil.example"),
        (("--server.address=0.0.0.0",), "http://evil.example"),
        (("--browser.serverAddress=lab.example",), "https://lab.example"),
        (("--server.corsAllowedOrigins=https://lab.example",), "https://lab.example"),
    ],
)
def test_nobody_outside_is_looked_for(
    listen: Listen, options: tuple[str, ...], origin: str
) -> None:
    heard = listen(*options, origin=origin)
    assert "a server" in heard, "it is listened to at all"
    assert heard <= HERE


def test_the_listener_hears_who_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LISTENER)
    look = """
import socket
with socket.socket(type=socket.SOCK_DGRAM) as one:
    one.settimeout(0.1)
    try:
        one.connect(("192.0.2.1", 9))
    except OSError:
        pass
try:
    socket.create_connection(("nobody.invalid", 9), 0.1)
except OSError:
    pass
"""
    subprocess.run(
        [sys.executable, "-c", look],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "HEARD": str(tmp_path / "heard")},
        check=True,
    )
    assert (tmp_path / "heard").read_text().split() == ["192.0.2.1", "nobody.invalid"]
