"""Asking the predictor process, from a page server that has no torch."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from tl_core.backbones.card import Preprocessing
from tl_core.bundles.doubts import Doubt
from tl_core.config import Augment
from tl_core.errors import UserError
from tl_core.runs.predictor.jobs import Job, Jobs
from tl_core.runs.predictor.lane import LATER, Lane
from tl_core.runs.predictor.turns import Turns
from tl_core.runs.predictor.wire import Message

SECONDS, LONGEST = 120.0, 300.0
_PROCESS = ("-m", "tl_core.runs.predictor")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Answer:
    """One picture's prediction, or why there is none.

    Attributes:
        probabilities: share of every class, largest first; empty when there is a reason.
        reason: why the picture could not be read.
        doubts: why the answer is better not believed.
    """

    probabilities: dict[str, float]
    reason: str = ""
    doubts: tuple[Doubt, ...] = ()

    @property
    def best(self) -> str:
        """The class with the largest share; empty when there is a reason."""
        return next(iter(self.probabilities), "")


class Predictor:
    """Two processes that answer for all pages of a server: one at once, the other in its turn.

    What people wait for, a prediction, has a process of its own, so that no explanation, however
    long, stands before it; the other one gives way to it on the processor as well.

    Args:
        log: file that takes what the processes print.
        seconds: a prediction may take.
    """

    def __init__(self, log: Path, seconds: float = SECONDS) -> None:
        self._quick = Lane(log, seconds, "The prediction", *_PROCESS)
        self._slow = Lane(log, LONGEST, "This explanation", *_PROCESS, LATER)
        self._jobs = Jobs(self._slow.ask)
        self._turns = Turns()

    def warm(self) -> None:
        """Start the process before it is asked, so that the first answer need not wait for it."""
        self._quick.warm()

    def predict(self, model: Path, pictures: Sequence[Path], asker: str = "") -> list[Answer]:
        """Predict pictures with a bundle.

        Args:
            model: the bundle.
            pictures: files.
            asker: who asks; people who ask at once take turns.

        Raises:
            UserError: too many people are asking at once, or the model cannot be used.
            HeadstartError: the process died or took too long; the next request starts a new one.
        """
        answer = self._answer(
            {"do": "predict", "model": str(model), "pictures": [str(p) for p in pictures]}, asker
        )
        return [
            Answer(
                largest_first(row.get("probabilities", {})),
                row.get("reason", ""),
                tuple(row.get("doubts", ())),
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

    def _answer(self, request: Message, asker: str = "") -> Message:
        """Wait for a turn, ask, and raise what the process could not do."""
        with self._turns.turn(asker):
            answer = self._ask(request)
        if "error" in answer:
            raise UserError(str(answer["error"]))
        return answer

    def _ask(self, request: Message) -> Message:
        return self._quick.ask(request)

    def later(self, request: Message, read: Callable[[Message], _T]) -> Job[_T]:
        """Ask for what may take minutes, and return at once; see `explanations`.

        Raises:
            UserError: too many wait already.
        """
        return self._jobs.ask(request, read)

    def forget(self, job: Job[Any]) -> None:
        """Forget a job, so that the same question is worked on anew."""
        self._jobs.forget(job)

    def close(self) -> None:
        """End the processes."""
        self._quick.close()
        self._slow.close()


def largest_first(shares: Mapping[str, float]) -> dict[str, float]:
    """Return class shares with the best class first."""
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
