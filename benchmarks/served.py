"""The app as people start it, on a free port of this machine, for as long as a block lasts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Served:
    """A running page server: its port and its process."""

    port: int
    pid: int


@contextmanager
def serve(
    home: str | Path,
    *options: str,
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    base: str = "",
    app: str | Path = "app.py",
) -> Iterator[Served]:
    """Start the app with `home` as its workspace, and end it after the block.

    Args:
        home: the workspace.
        options: more of Streamlit's, as on its command line.
        before: a command that runs the server, such as one that limits it first.
        environment: variables to add.
        base: path that the app is served below, without slashes at its ends.
        app: what is started.
    """
    if base:
        options = (*options, f"--server.baseUrlPath={base}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [*before, sys.executable, "-m", "streamlit", "run", str(app), "--server.headless=true",
         f"--server.port={port}", "--server.address=127.0.0.1", *options],
        cwd=ROOT,
        env=os.environ | {"HEADSTART_HOME": str(home)} | dict(environment or {}),
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port, f"/{base}" if base else "")
        yield Served(port, server.pid)
    finally:
        server.terminate()
        server.wait()


def _wait(port: int, path: str) -> None:
    for _ in range(600):
        try:
            with urlopen(f"http://127.0.0.1:{port}{path}/_stcore/health", timeout=5):
                return
        except URLError:
            time.sleep(0.1)
    raise SystemExit("the app did not come up")
