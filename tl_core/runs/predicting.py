"""Asking the predictor process, from a page server that has no torch."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, Queue

from tl_core.backbones.card import Preprocessing
from tl_core.config import Augment
from tl_core.errors import HeadstartError, UserError
from tl_core.runs.launch import child_environment

SECONDS, WAITING = 120.0, 8


@dataclass(frozen=True)
class Answer:
    """One picture's prediction, or why there is none.

    Attributes:
        probabilities: share of every class, largest first; empty when there is a reason.
        reason: why the picture could not be read.
    """

    probabilities: dict[str, float]
    reason: str = ""


class Predictor:
    """One predictor process, started when first asked and again if it died.

    Args:
        log: file that takes what the process prints beside its answers.
        seconds: a request may take.
    """

    def __init__(self, log: Path, seconds: float = SECONDS) -> None:
        self.log, self.seconds = log, seconds
        self._process: subprocess.Popen[str] | None = None
        self._lines: Queue[str] = Queue()
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING)

    def warm(self) -> None:
        """Start the process before it is asked, so that the first answer need not wait for it."""
        if self._turn.acquire(blocking=False):
            try:
                self._running()
            finally:
                self._turn.release()

    def predict(self, model: Path, pictures: Sequence[Path]) -> list[Answer]:
        """Predict pictures with a bundle.

        Raises:
            UserError: too many people are asking at once, or the model cannot be used.
            HeadstartError: the process died or took too long; the next request starts a new one.
        """
        answer = self._answer({"model": str(model), "pictures": [str(p) for p in pictures]})
        rows = answer["predictions"]
        assert isinstance(rows, list)  # noqa: S101
        return [
            Answer(
                dict(sorted(row.get("probabilities", {}).items(), key=lambda item: -item[1])),
                row.get("reason", ""),
            )
            for row in rows
        ]

    def views(
        self, picture: Path, preprocessing: Preprocessing, strength: Augment, count: int
    ) -> list[bytes]:
        """Return a picture as training would vary it in its first epochs, as PNG files.

        Raises:
            UserError: too many people are asking at once, or the picture cannot be read.
            HeadstartError: the process died or took too long; the next request starts a new one.
        """
        request = {
            "varied": str(picture),
            "preprocessing": asdict(preprocessing),
            "strength": strength,
            "count": count,
        }
        views = self._answer(request)["views"]
        assert isinstance(views, list)  # noqa: S101
        return [base64.b64decode(view) for view in views]

    def _answer(self, request: dict[str, object]) -> dict[str, object]:
        """Wait for a turn, ask, and raise what the process could not do."""
        if not self._places.acquire(blocking=False):
            raise UserError("Several predictions are waiting already; try again in a moment.")
        try:
            with self._turn:
                answer = self._ask(request)
        finally:
            self._places.release()
        if "error" in answer:
            raise UserError(str(answer["error"]))
        return answer

    def _ask(self, request: dict[str, object]) -> dict[str, object]:
        process = self._running()
        assert process.stdin is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = self._lines.get(timeout=self.seconds)
        except (OSError, Empty) as error:
            self.close()
            raise HeadstartError(
                f"The prediction took longer than {self.seconds:.0f} seconds or its process "
                "ended; it starts anew when you try again."
            ) from error
        if not line:
            self.close()
            raise HeadstartError(
                "The process that predicts ended, perhaps because the memory was full; it starts "
                "anew when you try again."
            )
        answer: dict[str, object] = json.loads(line)
        return answer

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tl_core.runs.predictor"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    encoding="utf-8",
                    env=child_environment(),
                )
            self._lines = Queue()
            threading.Thread(
                target=_pass_on, args=(self._process, self._lines), daemon=True
            ).start()
        return self._process

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _pass_on(process: subprocess.Popen[str], lines: Queue[str]) -> None:
    assert process.stdout is not None  # noqa: S101
    for line in process.stdout:
        lines.put(line)
    lines.put("")
