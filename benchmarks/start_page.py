"""How soon the Start page's text stands in a fresh browser profile, and the server's share.

Starts the app on a free port of this machine with an empty workspace. "text" is the time from
navigation to the text of the page; "script" is the time from asking the server for the page to
its word that the script has finished, over the same kind of connection that a browser uses.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import websockets
from playwright.sync_api import sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from table import show

ROOT = Path(__file__).resolve().parents[1]
TEXT = "Teach a network that can already see"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true",
             f"--server.port={port}", "--server.address=127.0.0.1"],
            cwd=ROOT,
            env=os.environ | {"HEADSTART_HOME": home},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port)
            texts = [_text_stands(port) for _ in range(times)]
            scripts = [asyncio.run(_script(port)) for _ in range(times)]
        finally:
            server.terminate()
            server.wait()
    rows = [
        {"what": what, "median s": statistics.median(values), "lowest": min(values),
         "highest": max(values), "times": times}
        for what, values in (("text", texts), ("script", scripts))
    ]  # fmt: skip
    show("start_page", rows)


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except URLError:
            time.sleep(0.1)
    raise SystemExit("the app did not come up")


def _text_stands(port: int) -> float:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS
        )  # a new profile each time
        page = browser.new_page()
        began = time.perf_counter()
        page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
        page.get_by_text(TEXT).wait_for()
        seconds = time.perf_counter() - began
        browser.close()
    return seconds


async def _script(port: int) -> float:
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    async with websockets.connect(address, subprotocols=["streamlit"], max_size=None) as socket_:
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        began = time.perf_counter()
        await socket_.send(ask.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(await socket_.recv())
            if message.WhichOneof("type") == "script_finished":
                return time.perf_counter() - began


if __name__ == "__main__":
    main()
