"""How soon the Start page's text stands in a fresh browser profile, and the server's share.

Starts the app on a free port of this machine with an empty workspace. "text" is the time from
navigation to the text of the page; "script" is the time from asking the server for the page to
its word that the script has finished, over the same kind of connection that a browser uses.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time

import websockets
from playwright.sync_api import sync_playwright
from served import serve
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from table import show

TEXT = "Teach a network that can already see"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as home, serve(home) as app:
        texts = [_text_stands(app.port) for _ in range(times)]
        scripts = [asyncio.run(_script(app.port)) for _ in range(times)]
    rows = [
        {"what": what, "median s": statistics.median(values), "lowest": min(values),
         "highest": max(values), "times": times}
        for what, values in (("text", texts), ("script", scripts))
    ]  # fmt: skip
    show("start_page", rows)


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
