"""Asking the predictor process, from a page server that has no torch."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tl_core.backbones.card import Preprocessing
from tl_core.config import Augment
from tl_core.errors import UserError
from tl_core.runs.lane import Lane
from tl_core.runs.wire import Message

SECONDS, WAITING = 120.0, 8
_PROCESS = ("-m", "tl_core.runs.predictor")


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
    """The process that predicts, shared by all pages of a server.

    Args:
        log: file that takes what the process prints.
        seconds: a prediction may take.
    """

    def __init__(self, log: Path, seconds: float = SECONDS) -> None:
        self._quick = Lane(log, seconds, "The prediction", *_PROCESS)
        self._places = threading.BoundedSemaphore(WAITING)

    def warm(self) -> None:
        """Start the process before it is asked, so that the first answer need not wait for it."""
        self._quick.warm()

    def predict(self, model: Path, pictures: Sequence[Path]) -> list[Answer]:
        """Predict pictures with a bundle.

        Raises:
            UserError: too many people are asking at once, or the model cannot be used.
            HeadstartError: the process died or took too long; the next request starts a new one.
        """
        answer = self._answer(
            {"do": "predict", "model": str(model), "pictures": [str(p) for p in pictures]}
        )
        return [
            Answer(
                dict(sorted(row.get("probabilities", {}).items(), key=lambda item: -item[1])),
                row.get("reason", ""),
            )
            for row in answer["predictions"]
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
            "do": "vary",
            "picture": str(picture),
            "preprocessing": asdict(preprocessing),
            "strength": strength,
            "count": count,
        }
        return [base64.b64decode(view) for view in self._answer(request)["views"]]

    def _answer(self, request: Message) -> Message:
        """Wait for a turn, ask, and raise what the process could not do."""
        if not self._places.acquire(blocking=False):
            raise UserError("Several predictions are waiting already; try again in a moment.")
        try:
            answer = self._ask(request)
        finally:
            self._places.release()
        if "error" in answer:
            raise UserError(str(answer["error"]))
        return answer

    def _ask(self, request: Message) -> Message:
        return self._quick.ask(request)

    def close(self) -> None:
        """End the process."""
        self._quick.close()
