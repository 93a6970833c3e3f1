"""A running app and a browser that looks at it; what they said is kept when a test fails."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, build_opener

import pytest

from tl_core.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (  # as root, without a GPU, and without asking anything of the internet
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--use-fake-device-for-media-stream",  # a camera that shows a moving ball
    "--use-fake-ui-for-media-stream",
)
START_SECONDS = 60
STOP_SECONDS = 15
FAILED = pytest.StashKey[bool]()


@dataclass(frozen=True)
class Server:
    """A page server of its own.

    Attributes:
        url: where it answers, without a slash at the end.
        workspace: the empty workspace it was started with.
        log: the file with what it printed.
        pid: its process.
    """

    url: str
    workspace: Workspace
    log: Path
    pid: int


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def server(
    request: pytest.FixtureRequest, workspace: Workspace, tmp_path: Path
) -> Iterator[Server]:
    """Start the app on a free port of this machine, and end it after the test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    log = tmp_path / "server.log"
    # A worker outlives the page server by design; here it ends when it has had nothing to do.
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "HEADSTART_WORKER_IDLE": "10"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--server.port={port}", "--server.address=127.0.0.1"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(url, process, log)
        yield Server(url, workspace, log, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if request.node.stash.get(FAILED, False):
            print(f"The server's output, {log}:\n{_tail(log)}")  # noqa: T201


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end, direct = time.monotonic() + START_SECONDS, build_opener(ProxyHandler({}))
    while time.monotonic() < end and process.poll() is None:
        try:
            with direct.open(f"{url}/_stcore/health", timeout=5):
                return
        except OSError:  # refused, or too busy to answer
            time.sleep(0.05)
    pytest.fail(f"the app did not come up; it printed:\n{_tail(log)}", pytrace=False)


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


@pytest.fixture(scope="module")  # playwright's event loop must not stay open under other tests
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for the tests of a file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, server: Server, tmp_path: Path
) -> Iterator[Page]:
    """A tab in a fresh profile; `page.goto("/")` opens the app. A failing test leaves a picture."""
    with tab(request, browser, server, tmp_path, viewport={"width": 1280, "height": 900}) as page:
        yield page


@pytest.fixture
def projector(
    request: pytest.FixtureRequest, browser: Browser, server: Server, tmp_path: Path
) -> Iterator[Page]:
    """A tab that fills a projector of 1920 × 1080, enlarged to 150 % for the last row."""
    with tab(
        request, browser, server, tmp_path,
        viewport={"width": 1280, "height": 720}, device_scale_factor=1.5, permissions=["camera"],
    ) as page:  # fmt: skip
        yield page


@contextmanager
def tab(
    request: pytest.FixtureRequest, browser: Browser, server: Server, kept: Path, **options: Any
) -> Iterator[Page]:
    """Open a tab in a profile of its own; where the test fails, a picture of it is kept."""
    context = browser.new_context(base_url=server.url, **options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    yield page
    if request.node.stash.get(FAILED, False):
        picture = kept / "failed.png"
        page.screenshot(path=picture, full_page=True)
        errors = "\n".join(line for line in said if line.startswith("error"))
        print(f"The page when the test failed: {picture}\n{errors}")  # noqa: T201
    context.close()
