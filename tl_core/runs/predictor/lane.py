"""One process that answers, one request after another, and is replaced when it fails to.

It is started by the first request, ended when nobody has asked for a while, and killed when an
answer takes too long: the next request starts a new one.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from queue import Queue
from typing import IO

from tl_core.errors import HeadstartError
from tl_core.runs.launch import child_environment
from tl_core.runs.predictor.wire import BrokenMessageError, Message, receive, send

LATER = "later"
"""Argument of a process whose answers nobody waits for idly: it gives way to others."""

IDLE = 900.0  # seconds; afterwards a gigabyte of memory is given back

Progress = Callable[[int, int], None]


class _EndedError(Exception):
    """The process says nothing more."""


class Lane:
    """A process and the queue before it.

    Args:
        log: file that takes what the process prints.
        seconds: a request may take.
        what: is asked for, as a sentence begins: "The prediction".
        arguments: of the interpreter, so that it speaks as `tl_core.runs.predictor.wire` does.
    """

    def __init__(self, log: Path, seconds: float, what: str, *arguments: str) -> None:
        self.log, self.seconds, self.what = log, seconds, what
        self.arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None
        self._messages: Queue[Message | None] = Queue()
        self._turn = threading.Lock()
        self._used = 0.0

    def warm(self) -> None:
        """Start the process before it is asked, so that the first answer need not wait for it."""
        if self._turn.acquire(blocking=False):
            try:
                self._running()
            finally:
                self._turn.release()

    def ask(self, request: Message, progress: Progress | None = None) -> Message:
        """Wait for a turn, send a request and return the answer.

        What a process was working on when it ended is tried once more in a new one: it may have
        been killed for what others took. What ends two of them is given up.

        Args:
            request: see `tl_core.runs.predictor.answering`.
            progress: called with parts done and parts in all, where the process tells.

        Raises:
            HeadstartError: the process died or took too long; the next request starts a new one.
        """
        with self._turn:
            try:
                return self._try(request, progress)
            except _EndedError:
                pass
            try:
                return self._try(request, progress)
            except _EndedError as error:
                raise HeadstartError(self._why(late=False)) from error

    def _try(self, request: Message, progress: Progress | None) -> Message:
        process = self._running()
        began, limit = time.monotonic(), threading.Timer(self.seconds, process.kill)
        limit.start()
        try:
            send(process.stdin, request)  # type: ignore[arg-type]  # (a pipe is buffered)
            while "progress" in (answer := self._next()):
                if progress:
                    progress(*answer["progress"])
        except BaseException as error:
            # Whatever it was: an answer that comes later must not meet the next question.
            self.close()
            if not isinstance(error, OSError | _EndedError):
                raise
            if time.monotonic() - began >= self.seconds:
                raise HeadstartError(self._why(late=True)) from error
            raise _EndedError from error
        finally:
            limit.cancel()
            self._used = time.monotonic()
        return answer

    def _next(self) -> Message:
        message = self._messages.get()
        if message is None:
            raise _EndedError
        return message

    def _why(self, *, late: bool) -> str:
        if late:
            return (
                f"{self.what} took longer than {self.seconds:.0f} seconds and was given up; it "
                "starts anew when you try again."
            )
        return (
            f"{self.what} failed because its process ended, perhaps because the memory was full; "
            "it starts anew when you try again."
        )

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.process.poll() is not None:
            self.close()
            with _opened(self.log) as log:
                self.process = subprocess.Popen(
                    [sys.executable, *self.arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=child_environment(),
                )
            self._messages, self._used = Queue(), time.monotonic()
            for work in (_pass_on, self._retire):
                arguments = (self.process, self._messages)
                threading.Thread(target=work, args=arguments, daemon=True).start()
        return self.process

    def _retire(self, process: subprocess.Popen[bytes], _: Queue[Message | None]) -> None:
        """End a process that nobody has asked for a while."""
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(IDLE / 10)
            with self._turn:
                if self.process is process and time.monotonic() - self._used > IDLE:
                    self.close()

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    with suppress(OSError):
                        pipe.close()
            self.process = None


def _opened(log: Path) -> AbstractContextManager[IO[bytes] | None]:
    """Open a log; where that is refused, what is printed goes where the server's own does."""
    try:
        return log.open("ab")
    except OSError:
        return nullcontext()


def _pass_on(process: subprocess.Popen[bytes], messages: Queue[Message | None]) -> None:
    """Hand on what the process says; `None` when it says nothing more, or nothing sensible."""
    pipe: IO[bytes] | None = process.stdout
    assert pipe is not None  # noqa: S101
    with suppress(BrokenMessageError, OSError, ValueError):
        while (message := receive(pipe)) is not None:  # type: ignore[arg-type]
            messages.put(message)
    messages.put(None)
