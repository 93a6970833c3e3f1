"""One session of a page, without a browser: asks, listens and refreshes as a browser's tab does.

Streamlit's page and server speak protobuf over one WebSocket. A tab asks for a script run with
`BackMsg.rerun_script`; `ForwardMsg.auto_rerun` then tells it which part of the page to ask for
again, and how often. Large elements that a tab has seen lately are named by their hash.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

KEPT_RUNS = 2  # a browser forgets an element that this many script runs did not name


@dataclass
class Answer:
    """What came between a request and the word that the script has finished.

    Attributes:
        at: when it was asked, in seconds of `time.monotonic`.
        seconds: until the script had finished.
        size: bytes of all messages.
        elements: how many of each kind of element were sent whole.
    """

    at: float
    seconds: float = 0.0
    size: int = 0
    elements: Counter[str] = field(default_factory=Counter)


@dataclass
class Seen:
    """What one session saw.

    Attributes:
        first: the answer to its first request, the whole page.
        refreshes: answers to what it asked by the clock.
        every: seconds between refreshes, as the page last asked for.
        texts: of Markdown elements, in the order they came; captions are among them.
        dropped: why the session ended early, or empty.
    """

    first: Answer | None = None
    refreshes: list[Answer] = field(default_factory=list)
    every: float = 0.0
    texts: list[str] = field(default_factory=list)
    dropped: str = ""


async def visit(port: int, page: str, query: str = "") -> Seen:
    """Open a page, and close it as soon as it is there."""
    return await watch(port, page, query, time.monotonic() + 60, stay=False)


async def watch(port: int, page: str, query: str, until: float, stay: bool = True) -> Seen:
    """Open a page and keep it open until `until`, in seconds of `time.monotonic`.

    Args:
        port: where the app answers.
        page: its address, without a slash.
        query: what follows the question mark.
        until: when to close it.
        stay: or close it as soon as the whole page has come.
    """
    seen = Seen()
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    try:
        async with websockets.connect(
            address, subprotocols=["streamlit"], max_size=None, compression=None
        ) as socket:
            await _Tab(socket, page, query, seen).live(until, stay)
    except (OSError, TimeoutError, websockets.WebSocketException) as error:
        seen.dropped = f"{type(error).__name__}: {error}"
    return seen


class _Tab:
    def __init__(
        self, socket: websockets.ClientConnection, page: str, query: str, seen: Seen
    ) -> None:
        self.socket, self.page, self.query, self.seen = socket, page, query, seen
        self.script = ""
        self.known: dict[str, int] = {}
        self.runs = 0
        self.clocks: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self.asked: list[Answer] = []  # what a running script will have answered, oldest first

    async def live(self, until: float, stay: bool) -> None:
        try:
            await self.ask()
            while (left := until - time.monotonic()) > 0 and (stay or self.seen.first is None):
                with suppress(TimeoutError):
                    self.hear(await asyncio.wait_for(self.socket.recv(), min(left, 30.0)))
                if self.asked and time.monotonic() - self.asked[0].at > 30:
                    raise TimeoutError("30 seconds without an answer")
        finally:
            self.stop_clocks()

    async def ask(self, fragment: str = "") -> None:
        request = BackMsg()
        run = request.rerun_script
        run.query_string, run.page_script_hash, run.fragment_id = self.query, self.script, fragment
        run.page_name = "" if self.script else self.page
        run.is_auto_rerun = bool(fragment)
        run.cached_message_hashes.extend(self.known)
        self.asked.append(Answer(time.monotonic()))
        await self.socket.send(request.SerializeToString())

    def hear(self, data: str | bytes) -> None:
        assert isinstance(data, bytes)
        message = ForwardMsg()
        message.ParseFromString(data)
        kind = message.WhichOneof("type")
        if self.asked:
            self.asked[0].size += len(data)
        if kind == "new_session" and not message.metadata.run.fragment_ids:
            self.stop_clocks()  # the whole page comes anew, with clocks of its own
        elif kind == "navigation":
            self.script = message.navigation.page_script_hash
        elif kind == "auto_rerun":
            self.start_clock(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "ref_hash":
            self.known[message.ref_hash] = self.runs
        elif kind == "delta":
            self.take(message)
        elif kind == "script_finished":
            self.finish(message.script_finished)

    def take(self, message: ForwardMsg) -> None:
        if message.metadata.cacheable:
            self.known[message.hash] = self.runs
        if message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            kind = element.WhichOneof("type")
            if self.asked:
                self.asked[0].elements[kind] += 1
            if kind == "markdown":
                self.seen.texts.append(element.markdown.body)

    def finish(self, status: int) -> None:
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN or not self.asked:
            return
        self.runs += 1
        self.known = {k: used for k, used in self.known.items() if self.runs - used <= KEPT_RUNS}
        answer, *_ = self.asked  # requests that met a running script are answered by one run
        self.asked = []
        answer.seconds = time.monotonic() - answer.at
        if self.seen.first is None:
            self.seen.first = answer
        else:
            self.seen.refreshes.append(answer)

    def start_clock(self, fragment: str, every: float) -> None:
        self.seen.every = every
        if fragment in self.clocks and self.clocks[fragment][0] == every:
            return
        if fragment in self.clocks:
            self.clocks[fragment][1].cancel()
        self.clocks[fragment] = every, asyncio.create_task(self.tick(fragment, every))

    async def tick(self, fragment: str, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            with suppress(websockets.ConnectionClosed):
                await self.ask(fragment)

    def stop_clocks(self) -> None:
        for _, clock in self.clocks.values():
            clock.cancel()
        self.clocks.clear()
