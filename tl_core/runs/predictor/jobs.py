"""Answers that take a while: they are worked on one after another, and pages look in on them."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Full, Queue
from typing import Any, Generic, TypeVar

from tl_core.errors import HeadstartError, UserError
from tl_core.log import get_log
from tl_core.runs.predictor.wire import Message

WAITING, KEPT = 8, 48
FORGOTTEN = 60.0  # seconds; a page looks in every second
_T = TypeVar("_T")

Ask = Callable[[Message, Callable[[int, int], None]], Message]


@dataclass
class Job(Generic[_T]):
    """An answer on its way.

    Attributes:
        request: what was asked.
        read: turns the answer into what the page wants.
        done: parts that are done of `total`; a total of 0 means that it has not begun.
        answer: what came, or the reason why nothing did.
        asked: when somebody last looked in.
    """

    request: Message
    read: Callable[[Message], _T]
    done: int = 0
    total: int = 0
    answer: Message | HeadstartError | None = None
    asked: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Whether `result` returns at once."""
        return self.answer is not None

    def look_in(self) -> None:
        """Say that somebody still waits for it."""
        self.asked = time.monotonic()

    def result(self) -> _T:
        """Return the answer.

        Raises:
            UserError: it could not be made, for a reason that the person can mend.
            HeadstartError: it could not be made.
        """
        if isinstance(self.answer, HeadstartError):
            raise self.answer
        assert self.answer is not None  # noqa: S101 (callers ask `is_over`)
        if "error" in self.answer:
            raise UserError(str(self.answer["error"]))
        return self.read(self.answer)


class Jobs:
    """A bounded queue of jobs, in the order in which they were asked for.

    The same request is worked on once, whoever asks, and its answer is kept for a while. A job
    that nobody has looked in on for a minute is not begun.

    Args:
        ask: does one job.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._queue: Queue[Job[Any]] = Queue(WAITING)
        self._known: OrderedDict[str, Job[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, request: Message, read: Callable[[Message], _T]) -> Job[_T]:
        """Return the job for a request, which is begun when its turn comes.

        Raises:
            UserError: too many wait already.
        """
        key = json.dumps(request, sort_keys=True)
        with self._lock:
            job = self._known.get(key)
            if job is None:
                job = Job(request, read)
                try:
                    self._queue.put_nowait(job)
                except Full as error:
                    raise UserError(
                        "Several explanations are waiting already; try again in a moment."
                    ) from error
                self._known[key] = job
                self._start()
            job.look_in()
            self._known.move_to_end(key)
            self._drop_the_oldest()
        return job

    def forget(self, job: Job[Any]) -> None:
        """Forget a job, so that the same request is worked on anew."""
        with self._lock:
            self._known.pop(json.dumps(job.request, sort_keys=True), None)

    def _drop_the_oldest(self) -> None:
        over = [key for key, job in self._known.items() if job.is_over]
        for key in over[: max(0, len(over) - KEPT)]:
            del self._known[key]

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: the server ends without waiting for what nobody will see.
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            if time.monotonic() - job.asked > FORGOTTEN:
                self.forget(job)
                job.answer = HeadstartError("Nobody waited for it any more; ask again.")
                continue

            def tell(done: int, total: int, job: Job[Any] = job) -> None:
                job.done, job.total = done, total

            try:
                job.answer = self._ask(job.request, tell)
            except HeadstartError as error:
                job.answer = error
            except Exception:
                job.answer = HeadstartError(
                    "This failed on our side; the terminal that runs Headstart says more."
                )
                get_log().exception("a job")
