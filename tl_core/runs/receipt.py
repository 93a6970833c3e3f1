"""The receipt of a run: what was learned from, how, what came of it, and how to do it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np

from tl_core import words
from tl_core.data.dataset import Dataset, find_dataset
from tl_core.data.decode import thumbnail
from tl_core.errors import UnreadableImageError, UserError
from tl_core.evaluation.calibration import confidences
from tl_core.evaluation.interval import say_interval
from tl_core.evaluation.metrics import most_mistaken
from tl_core.evaluation.moved import say_moved
from tl_core.evaluation.predictions import Predictions
from tl_core.evaluation.reading import read_curves
from tl_core.evaluation.report import Report, report
from tl_core.receipts.charts import Line, lines, percent
from tl_core.receipts.markup import (
    Html,
    Picture,
    beside,
    commands,
    facts,
    figure,
    heading,
    page,
    paragraph,
    pictures,
    section,
    table,
)
from tl_core.receipts.matrix import MOST, matrix
from tl_core.runs.command import commands_of, is_repeatable
from tl_core.runs.comparing import settings
from tl_core.runs.evaluating import kept_predictions, names_of
from tl_core.runs.naming import backbone_title
from tl_core.runs.store import Run, Store
from tl_core.training.events import EpochEnded
from tl_core.workspace import Workspace

_WORST = 8  # mistakes that are shown
_POINTS = 300  # of a curve; more are not seen

_RECIPES = {
    "feature-extraction": "feature extraction: only a new head learned",
    "fine-tune": "fine-tuning: the new head, then stages with it",
    "gradual": "gradual unfreezing: one stage after another",
    "scratch": "from scratch: everything began at random",
}
_WORDS = (
    "The backbone is the network that was there before; frozen stages of it kept what they knew. "
    "The seed is a number from which everything random follows."
)
FINGERPRINT = (
    "The fingerprint is made of the bytes of every picture, its class and what it was used for. "
    "The same pictures have the same fingerprint on every machine; one changed picture has another."
)
AGAIN = (
    "On a processor the same version of Headstart makes the same model, bit for bit; on a graphics "
    "card a very similar one. On another machine the same pictures have to be imported "
    "first (python -m tl_core import FOLDER): they then have the fingerprint that --data names."
)


def run_receipt(workspace: Workspace, store: Store, run: Run) -> str:
    """Return the receipt of a run as a page of HTML.

    Raises:
        UserError: it is not over, so there is nothing to attest.
    """
    if not run.is_over:
        raise UserError(
            f"Run {run.id} is {run.state}, and a receipt says how a run ended; wait until it has."
        )
    name = run.facts.get("dataset_name", "Pictures")
    title = f"{name}: {backbone_title(run.config)}"
    return page(
        f"Receipt of run {run.id[:6]}: {title}",
        [
            heading(title),
            paragraph(f"Receipt of a training run · {day_of(run)} · run {run.id}", "note"),
            *outcome(run),
            beside(pictures_used(workspace, run.config.dataset, name), _settings(run)),
            *_curves(store, run),
            *answers(workspace, run),
            _again(run),
        ],
    )


def outcome(run: Run) -> Iterator[Html]:
    """Say how a run ended, and what its figures are worth."""
    told, classes = run.facts, run.facts.get("classes") or []
    if told.get("validation_accuracy") is None:
        yield paragraph(run.message or f"The run is {run.state}, and there are no figures.", "lead")
        return
    yield paragraph(
        f"It tells {len(classes)} kinds of pictures apart. Of the pictures that it was checked "
        f"with, and had not learned from, it answers {told['validation_accuracy']:.1%} right.",
        "lead",
    )
    if told.get("test_accuracy") is not None:
        yield paragraph(
            f"On pictures that were kept aside until the end: {told['test_accuracy']:.1%} right."
        )


def pictures_used(workspace: Workspace, dataset_id: str, name: str) -> Html:
    """Return what was learned from: its fingerprint, and how many pictures of each class."""
    told = {"Pictures": name, "Fingerprint": dataset_id}
    try:
        dataset = find_dataset(workspace, dataset_id)
    except UserError:
        return section("The pictures", facts(told), paragraph("They are no longer here.", "note"))
    rows = [(label, *map(str, counts)) for label, counts in dataset.class_split_counts()]
    head = ("class", "to learn from", "to check with", "for the end")
    return section("The pictures", facts(told), table(head, rows), paragraph(FINGERPRINT, "note"))


def _settings(run: Run) -> Html:
    told = settings(run)
    passed = {"Pictures", "Version of the pictures", "Kind of work"}
    known = {name: value for name, value in told.items() if name not in passed}
    known["Recipe"] = _RECIPES.get(known["Recipe"], known["Recipe"])
    return section("How it was trained", facts(known | how_long(run)), paragraph(_WORDS, "note"))


def how_long(run: Run) -> dict[str, str]:
    """Return what a run took, and which programs it ran with."""
    said = {}
    if (seconds := run.facts.get("seconds")) is not None:
        said["Time"] = f"{words.duration(seconds)} ({seconds:.1f} s)"
    versions = run.facts.get("versions") or {}
    if versions:
        said["Versions"] = ", ".join(f"{name} {value}" for name, value in versions.items())
    return said


def _curves(store: Store, run: Run) -> Iterator[Html]:
    epochs = [item.event for item in store.milestones(run.id) if isinstance(item.event, EpochEnded)]
    if not epochs:
        return
    shown = epochs[:: -(-len(epochs) // _POINTS)]
    ons = [event.epoch for event in shown]
    right = lines(
        "Right answers (higher is better)", "epoch",
        [Line("pictures it learned from", ons, [e.train_accuracy for e in shown]),
         Line("pictures it was checked with", ons, [e.validation_accuracy for e in shown])],
        top=1.0, say=percent,
    )  # fmt: skip
    wrong = lines(
        "Loss: how wrong it was (lower is better)", "epoch",
        [Line("pictures it learned from", ons, [e.train_loss for e in shown]),
         Line("pictures it was checked with", ons, [e.validation_loss for e in shown])],
    )  # fmt: skip
    best = run.facts.get("best_epoch")
    kept = f" The model is the one of epoch {best}, the best." if best else ""
    said = f"An epoch is one pass over all pictures to learn from.{kept} {read_curves(epochs).says}"
    moved = run.facts.get("moved")
    yield section(
        "How it learned",
        figure(beside(right, wrong), said),
        *([paragraph(say_moved(moved, len(run.facts["frozen_stages"])))] if moved else []),
    )


def answers(workspace: Workspace, run: Run) -> Iterator[Html]:
    """Return what a run's model takes for what, and its surest mistakes, where it is known."""
    made = kept_predictions(workspace, run, "validation")
    if made is None or not len(made.labels):
        return
    found = report(made, run.facts["classes"])
    drawn = most_mistaken(found.confusion, MOST)
    few = "" if len(drawn) == len(found.classes) else f" Shown: the {MOST} with most mistakes."
    yield section(
        "What it takes for what",
        paragraph(
            f"{found.right} of {found.count} pictures right. "
            + say_interval(found.accuracy, found.count)
        ),
        matrix(found.confusion[np.ix_(drawn, drawn)].tolist(), [found.classes[k] for k in drawn]),
        paragraph(
            "Each row is what pictures are, each column what they were taken for; right answers "
            f"are framed.{few}",
            "note",
        ),
    )
    if found.mistakes:
        yield section(
            "Where it was surest, and wrong", pictures(_mistakes(workspace, run, made, found))
        )


def _mistakes(
    workspace: Workspace, run: Run, made: Predictions, found: Report
) -> Iterator[Picture]:
    names, sure = names_of(workspace, run, made), confidences(made.logits)
    dataset: Dataset | None = None
    with suppress(UserError):
        dataset = find_dataset(workspace, run.config.dataset)
    for place in found.mistakes[:_WORST]:
        is_, said = found.classes[made.labels[place]], found.classes[made.answers[place]]
        yield Picture(
            _small(workspace, dataset, made.files[place]),
            names[place],
            f"is {is_}, said {said} ({sure[place]:.0%} sure)",
        )


def _small(workspace: Workspace, dataset: Dataset | None, file: str) -> bytes:
    """Return a small copy of a picture; nothing where it is gone."""
    found = [item for item in (dataset.items if dataset else ()) if item.file == file]
    with suppress(UnreadableImageError, OSError):
        if dataset and found:
            return thumbnail(
                dataset.path(found[0]), workspace.cache, white=dataset.white
            ).read_bytes()
    return b""


def _again(run: Run) -> Html:
    if not is_repeatable(run):
        said = "This run is a part of a study, and is made again with it; see the study's receipt."
        return section("How to do it again", paragraph(said))
    made = commands_of(run)
    more = ["RUN stands for the id that the first command prints."] if len(made) > 1 else []
    return how_again(made, *more)


def how_again(typed: Sequence[str], *more: str) -> Html:
    """Return the commands that do it again."""
    these = "This command" if len(typed) == 1 else "These commands"
    return section(
        "How to do it again",
        paragraph(f"{these}, in a terminal, in the folder of Headstart:"),
        commands(typed),
        paragraph(" ".join((*more, AGAIN)), "note"),
    )


def day_of(run: Run) -> str:
    """Return the day a run ended, or was asked for."""
    return datetime.fromtimestamp(run.ended or run.created, UTC).strftime("%d %B %Y")
