"""The decade: what each time had to offer, on the same pictures, split and seed.

From features made by hand and a linear machine (2010) over the networks of the ImageNet years to
one of today, each as feature extraction. One whose weights are not at hand is named, not dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tl_core.backbones.catalog import catalogue, find_card
from tl_core.data.dataset import find_dataset
from tl_core.errors import UserError
from tl_core.evaluation.interval import interval
from tl_core.runs.naming import BY_HAND, card_of
from tl_core.runs.store import Run, Store
from tl_core.studies.needs import at_hand, require_validation
from tl_core.studies.study import Asked, Part, Plan, Reading, Study
from tl_core.workspace import Workspace

NAME, TITLE = "decade", "The decade replayed"
QUESTION = "What did each step from 2010 to today bring, on your pictures?"
# The winners and the best known of each year, the one that comes with the app, and two for phones.
BACKBONES = (
    "alexnet",
    "zfnet512",
    "vgg16",
    "googlenet",
    "resnet50",
    "mini",
    "squeezenet1_1",
    "mobilenet_v2",
    "convnext_tiny",
)
_BY_HAND_YEAR = 2010


@dataclass(frozen=True)
class Entrant:
    """One way of its time.

    Attributes:
        year: of the paper.
        title: what people call it.
        accuracy: share of the validation pictures right; `None` where it has not run.
        low: end of the interval that the true share lies in (95 %).
        high: its other end.
        seconds: from taking up the run to the finished model.
        parameters: of the whole.
        megabytes: of the model, 4 bytes a number.
        missing: why there is no figure.
    """

    year: int
    title: str
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    seconds: float | None = None
    parameters: int | None = None
    megabytes: float | None = None
    missing: str = ""


def plan(asked: Asked) -> Plan:
    """Train a new head on each backbone, after the features made by hand.

    Raises:
        UserError: there is nothing to check with.
    """
    require_validation(asked.dataset)
    there, missing = at_hand([find_card(name) for name in BACKBONES], asked)
    by_hand = Part(BY_HAND, asked.config("handmade", work="handmade"))
    parts = [
        Part(card.title, asked.config(card.name, recipe="feature-extraction")) for card in there
    ]
    return Plan((by_hand, *parts), tuple(missing))


def read(study: Study, store: Store, workspace: Workspace) -> Reading[Entrant]:  # noqa: ARG001
    """Put what has run, and what could not, in the order of the years."""
    count = _validation_count(study, workspace)
    known = [(label, run, year) for label, run in study.runs if (year := _year(run))]
    rows = [_entrant(Entrant(year, label), run, count) for label, run, year in known]
    absent = [(catalogue().get(missing.backbone), missing.reason) for missing in study.missing]
    cards = [(card, reason) for card, reason in absent if card is not None]
    rows += [Entrant(card.year, card.title, missing=reason) for card, reason in cards]
    rows.sort(key=lambda row: (row.year, row.parameters or 0))
    done = [row for row in rows if row.accuracy is not None]
    headline, why = _told(done, count) if len(done) > 1 else ("", "")
    return Reading(headline, why, tuple(rows))


def _validation_count(study: Study, workspace: Workspace) -> int:
    try:
        return len(find_dataset(workspace, study.first.dataset).of("validation"))
    except UserError:
        return 0


def _year(run: Run) -> int | None:
    """Return when a run's way was new; `None` of a backbone that is not known here."""
    if run.config.work == "handmade":
        return _BY_HAND_YEAR
    card = card_of(run.config)
    return None if card is None else card.year


def _entrant(made: Entrant, run: Run, count: int) -> Entrant:
    accuracy = run.facts.get("validation_accuracy")
    if run.state != "finished" or accuracy is None:
        return replace(made, missing=run.message if run.is_over else "it has not run yet")
    parameters = sum(run.facts.get(f"{kind}_parameters") or 0 for kind in ("trainable", "frozen"))
    low, high = interval(accuracy * count, count) if count else (None, None)
    return replace(
        made, accuracy=accuracy, low=low, high=high, seconds=run.facts.get("seconds"),
        parameters=parameters, megabytes=round(4 * parameters / 1e6, 2),
    )  # fmt: skip


def _told(done: Sequence[Entrant], count: int) -> tuple[str, str]:
    best = max(done, key=lambda row: (row.accuracy or 0.0, -(row.parameters or 0)))
    first = done[0]
    headline = (
        f"{first.title} ({first.year}) gets {first.accuracy:.0%} of your validation pictures "
        f"right, {best.title} ({best.year}) {best.accuracy:.0%}."
    )
    if best is first:
        headline = (
            f"Nothing has beaten {first.title.lower()} ({first.year}) on your pictures yet: it "
            f"gets {first.accuracy:.0%} right."
        )
    low, high = best.low or 0.0, best.high or 1.0
    return headline, (
        f"Counted on {count} pictures; on others of the kind the {best.accuracy:.0%} may as well "
        f"be between {low:.0%} and {high:.0%}. All had the same pictures, split and seed."
    )
