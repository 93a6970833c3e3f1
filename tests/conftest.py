"""What every test may use, and which tests run on which machine (see tests/README.md)."""

from __future__ import annotations

import colorsys
import ctypes
import gc
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor

from tl_core.workspace import Workspace

# Before anything imports torch: threads that wait by spinning make tests crawl on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # the other cores have tests of their own
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
LONGEST_TEST = 600  # seconds
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


# --- which tests run -------------------------------------------------------------------------


def _gpu() -> str | None:
    import torch  # seconds: paid only when a gpu test was collected

    return None if torch.cuda.is_available() else "no CUDA device"


def _browser() -> str | None:
    if not find_spec("playwright"):
        return "playwright is not installed"
    return None if find_chromium() else "Chromium is not installed"


def _shared() -> str | None:
    return None if shared_folder().is_dir() else f"the shared data is not at {shared_folder()}"


# For each marker that needs something of the machine: why it cannot be had, None where it can.
MISSING: Mapping[str, Callable[[], str | None]] = {
    "browser": cache(_browser),
    "gpu": cache(_gpu),
    "shared": _shared,
}


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


def shared_folder() -> Path:
    """Return where the shared photo sets and weights are, if they are there."""
    return Path(os.environ.get("HEADSTART_SHARED") or ROOT.parent / "shared" / "data")


def required() -> set[str]:
    """Return the markers that `HEADSTART_REQUIRE` names (with commas): they may not be skipped."""
    names = os.environ.get("HEADSTART_REQUIRE", "").split(",")
    return {name.strip() for name in names if name.strip()}


def need(marker: str) -> None:
    """Go on only where this machine has what the marker needs: skip, or fail if it is required."""
    reason = MISSING[marker]()
    if reason and marker in required():
        pytest.fail(f"{reason}, and HEADSTART_REQUIRE names {marker}", pytrace=False)
    if reason:
        pytest.skip(reason)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests that take minutes as well")


def pytest_configure() -> None:
    if unknown := required() - set(MISSING):
        names = ", ".join(sorted(unknown))
        raise pytest.UsageError(f"HEADSTART_REQUIRE knows {', '.join(MISSING)}, not {names}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What waits for something that never comes must not take all the time there is.
    if config.pluginmanager.hasplugin("timeout"):
        for item in items:
            item.add_marker(pytest.mark.timeout(LONGEST_TEST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured in passing, and told by `record_property("measured", …)`."""
    passed = terminalreporter.getreports("passed")
    told = [
        text for report in passed for name, text in report.user_properties if name == "measured"
    ]
    for text in dict.fromkeys(told):
        terminalreporter.line(f"MEASURED {text}")


@pytest.hookimpl(tryfirst=True)  # before any fixture costs time
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("slow") and not item.config.getoption("--slow"):
        pytest.skip("slow: run with --slow")
    markers = [marker for marker in MISSING if item.get_closest_marker(marker)]
    # What may be missing comes first: a gpu test that needs the photos is no failure without a GPU.
    for marker in sorted(markers, key=required().__contains__):
        need(marker)


# --- what tests use --------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Let nothing but this machine be reached: a test that needs the internet fails everywhere."""

    def is_here(host: object) -> bool:
        if host in (None, "", b"", "localhost", b"localhost"):
            return True
        try:
            address = ip_address(host.decode() if isinstance(host, bytes) else str(host))
        except ValueError:
            return False
        return address.is_loopback or address.is_unspecified

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not is_here(address[0]):
            raise OSError(f"tests reach no network: {address[0]}")
        return original_connect(self, address)

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_here(host):
            raise socket.gaierror(socket.EAI_NONAME, f"tests reach no network: {host}")
        return original_getaddrinfo(host, *args, **kwargs)

    original_connect, original_getaddrinfo = socket.socket.connect, socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Compute on one thread: on a busy machine waiting for another costs small sums tenfold."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def give_memory_back() -> Callable[[], None]:
    """Return what was freed to the system; glibc alone would keep half a gigabyte of it."""

    def give_back() -> None:
        gc.collect()
        with suppress(AttributeError, OSError, TypeError):  # not glibc
            ctypes.CDLL(None).malloc_trim(0)

    return give_back


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace, which `HEADSTART_HOME` names for the length of the test."""
    root = tmp_path / "workspace"
    monkeypatch.setenv("HEADSTART_HOME", str(root))
    return Workspace.open(root)


class FileServer:
    """A server on this machine that gives files, and may misbehave.

    Attributes:
        files: content by path, e.g. `/set.zip`.
        ranges: whether it can begin in the middle of a file.
        cuts: after how many bytes the answers to come break off, one number for each answer.
        status: what it answers instead of a file, where it is not 0.
        asked: the `Range` of every request so far; empty where there was none.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges, self.status = True, 0
        self.cuts: list[int] = []
        self.asked: list[str] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range", "")
                server.asked.append(wanted)
                body = server.files.get(self.path)
                if server.status or body is None:
                    self.send_error(server.status or 404)
                    return
                start = int(wanted[6:-1]) if wanted and server.ranges else 0
                if start >= len(body) > 0:
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                self.send_header("Content-Length", str(len(body) - start))
                self.end_headers()
                cut = server.cuts.pop(0) if server.cuts else len(body)
                self.wfile.write(body[start : start + cut])

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A `FileServer`; what is asked of it again is asked without a pause."""
    server = FileServer()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("tl_core.download.PAUSES", (0.0, 0.0))
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photo sets and weights; without it the test is skipped."""
    need("shared")
    return shared_folder()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of this machine's Chromium; without it, or playwright, the test is skipped."""
    need("browser")
    return str(find_chromium())


@pytest.fixture
def photo_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of class folders with small pictures that a network can tell apart.

    `photo_folder({"red": 8, "blue": 8}, size=48, into=None, suffix=".png")` returns the folder.
    The pictures are the same on every call, and no two in a folder are equal.
    """

    def make(
        classes: Mapping[str, int] | None = None,
        size: int = 48,
        into: Path | None = None,
        suffix: str = ".png",
    ) -> Path:
        root = into or tmp_path / f"photos-{len(list(tmp_path.glob('photos-*')))}"
        for index, (name, count) in enumerate((classes or {"red": 8, "blue": 8}).items()):
            folder = root / name
            folder.mkdir(parents=True)
            for number in range(count):
                picture = draw(name, index, number, size)
                Image.fromarray(picture).save(folder / f"{number:03d}{suffix}")
        return root

    return make


def draw(name: str, index: int, number: int, size: int) -> np.ndarray:
    """Draw picture `number` of a class: stripes of its own colour, slope and width, and noise."""
    try:
        colour = ImageColor.getrgb(name)[:3]
    except ValueError:  # not the name of a colour
        colour = tuple(int(255 * c) for c in colorsys.hsv_to_rgb(index * 0.382 % 1, 0.8, 0.9))
    random = np.random.default_rng((index, number))
    y, x = np.mgrid[:size, :size] / size
    slope = 0.7 * index
    wave = np.sin(2 * np.pi * (2 + index % 3) * (x * np.cos(slope) + y * np.sin(slope)) + number)
    light = (0.75 + 0.25 * wave)[..., None] * np.asarray(colour, float)
    return np.clip(light + random.normal(0, 25, (size, size, 3)), 0, 255).astype(np.uint8)
