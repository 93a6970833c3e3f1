"""How good a model is on one split, as one record: for the page, the terminal and scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.evaluation.calibration import confidences, negative_log_likelihood, reliability
from tl_core.evaluation.interval import interval, say_interval
from tl_core.evaluation.metrics import (
    ClassFigures,
    Confused,
    accuracy,
    class_figures,
    confusion_matrix,
    macro,
    most_confused,
    worst_mistakes,
)
from tl_core.evaluation.predictions import Predictions

_TOLD = 5  # mistakes, and confused pairs, in the text for people


@dataclass(frozen=True)
class Report:
    """What N answers come to.

    Attributes:
        classes: names, in the order of all that follows.
        confusion: `(C, C)`, pictures by their class (row) and the class they were given (column).
        figures: precision, recall, F1 and support of every class.
        confused: pairs of classes taken for each other, the worst first.
        mistakes: places of all wrong answers, the surest first.
        loss: mean of −log of the share that the right class got.
        calibration_error: expected calibration error; both without a temperature.
    """

    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    figures: ClassFigures
    confused: tuple[Confused, ...]
    mistakes: tuple[int, ...]
    loss: float
    calibration_error: float

    @property
    def count(self) -> int:
        """Pictures that were asked, N."""
        return int(self.confusion.sum())

    @property
    def right(self) -> int:
        """Pictures that were answered right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return accuracy(self.confusion)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies (95 %)."""
        return interval(self.right, self.count)


def report(made: Predictions, classes: Sequence[str]) -> Report:
    """Sum up what a model said of at least one picture."""
    confusion = confusion_matrix(made.labels, made.answers, len(classes))
    return Report(
        classes=tuple(classes),
        confusion=confusion,
        figures=class_figures(confusion),
        confused=tuple(most_confused(confusion)),
        mistakes=tuple(worst_mistakes(made.logits, made.labels).tolist()),
        loss=negative_log_likelihood(made.logits, made.labels),
        calibration_error=reliability(confidences(made.logits), made.right).ece,
    )


def as_json(found: Report, made: Predictions, names: Sequence[str]) -> dict[str, Any]:
    """Return a report as plain values for JSON; a figure that does not exist is `None`.

    Args:
        found: of `made`.
        made: what the model said.
        names: of the pictures, as they came.
    """
    figures, sure = found.figures, confidences(made.logits)
    low, high = found.interval
    return {
        "images": found.count,
        "right": found.right,
        "accuracy": found.accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "loss": found.loss,
        "calibration_error": found.calibration_error,
        "macro": {
            "precision": _known(macro(figures.precision)),
            "recall": _known(macro(figures.recall)),
            "f1": _known(macro(figures.f1)),
        },
        "classes": {
            name: {
                "precision": _known(figures.precision[k]),
                "recall": _known(figures.recall[k]),
                "f1": _known(figures.f1[k]),
                "images": int(figures.support[k]),
            }
            for k, name in enumerate(found.classes)
        },
        "confusion": found.confusion.tolist(),
        "most_confused": [
            {"classes": [found.classes[c.first], found.classes[c.second]],
             "there": c.there, "back": c.back}
            for c in found.confused
        ],
        "mistakes": [
            {
                "path": names[place],
                "class": found.classes[made.labels[place]],
                "predicted": found.classes[made.answers[place]],
                "probability": float(sure[place]),
            }
            for place in found.mistakes
        ],
    }  # fmt: skip


def as_text(answer: dict[str, Any]) -> list[str]:
    """Return what `as_json` made as lines for people."""
    width = max(map(len, answer["classes"]))
    lines = [
        f"{answer['right']} of {answer['images']} pictures right ({answer['accuracy']:.1%}).",
        say_interval(answer["accuracy"], answer["images"]),
        "",
        f"{'class':{width}}  images  precision  recall     F1",
        *(
            f"{name:{width}}  {row['images']:6}  {_cell(row['precision']):>9}  "
            f"{_cell(row['recall']):>6}  {_cell(row['f1']):>5}"
            for name, row in answer["classes"].items()
        ),
    ]
    if pairs := answer["most_confused"][:_TOLD]:
        lines += ["", "Taken for each other:"]
        lines += [
            f"  {pair['classes'][0]} for {pair['classes'][1]}: {pair['there']}, "
            f"the other way: {pair['back']}"
            for pair in pairs
        ]
    if mistakes := answer["mistakes"][:_TOLD]:
        lines += ["", "The surest mistakes:"]
        lines += [
            f"  {m['path']}: said {m['predicted']} ({m['probability']:.0%}), is {m['class']}"
            for m in mistakes
        ]
    return lines


def _known(figure: float) -> float | None:
    return None if math.isnan(figure) else float(figure)


def _cell(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.1%}"
