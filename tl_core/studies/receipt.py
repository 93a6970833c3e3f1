"""The receipt of a study: the question, the answer, its runs, and how to ask again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tl_core import words
from tl_core.backbones.catalog import find_card
from tl_core.errors import UserError
from tl_core.receipts.markup import (
    Html,
    beside,
    facts,
    figure,
    heading,
    page,
    paragraph,
    section,
    table,
)
from tl_core.runs.receipt import answers, day_of, how_again, how_long, pictures_used, run_receipt
from tl_core.runs.store import Store
from tl_core.studies.columns import cell, columns
from tl_core.studies.command import command_of
from tl_core.studies.drawing import draw
from tl_core.studies.kinds import ABOUT_A_BACKBONE, REPEATED, find_kind
from tl_core.studies.study import Reading, Study, find_study
from tl_core.workspace import Workspace


def receipt(workspace: Workspace, store: Store, which: str) -> str:
    """Return the receipt of a run or of a study, by its id, as a page of HTML.

    Raises:
        UserError: there is neither, or it is not over.
    """
    try:
        run = store.run(which)
    except UserError as error:
        try:
            study = find_study(store, which)
        except UserError:
            raise error from None
        return study_receipt(workspace, store, study)
    return run_receipt(workspace, store, run)


def study_receipt(workspace: Workspace, store: Store, study: Study) -> str:
    """Return the receipt of a study as a page of HTML.

    Raises:
        UserError: it is not over, or none of its runs has finished.
    """
    if not study.is_over:
        raise UserError(
            f"Study {study.id} is still going on, and a receipt says what it came to; wait until "
            "its runs have ended."
        )
    if not study.finished:
        raise UserError(
            f"No run of study {study.id} has finished, so there is nothing to attest; ask again."
        )
    kind = find_kind(study.kind)
    reading = kind.read(study, store, workspace)
    first, last = study.runs[0][1], study.runs[-1][1]
    name = first.facts.get("dataset_name", "Pictures")
    return page(
        f"Receipt of study {study.id[:6]}: {name}: {kind.TITLE}",
        [
            heading(f"{name}: {kind.TITLE[:1].lower()}{kind.TITLE[1:]}"),
            paragraph(f"Receipt of a study · {day_of(last)} · study {study.id}", "note"),
            paragraph(kind.QUESTION),
            paragraph(reading.headline, "lead"),
            paragraph(reading.why),
            section(
                "What it came to",
                figure(draw(study.kind, reading.rows), "Right answers of pictures that were not "
                       "learned from. 100% is every picture."),
                _table(study.kind, reading),
            ),
            beside(pictures_used(workspace, first.config.dataset, name), _asked(study)),
            _runs(study),
            *_best(workspace, study),
            how_again([command_of(study)]),
        ],
    )  # fmt: skip


def _asked(study: Study) -> Html:
    runs = [run for _, run in study.runs]
    told: dict[str, str] = {}
    if study.kind in ABOUT_A_BACKBONE:
        told["Backbone"] = find_card(study.first.backbone).title
    if study.kind in REPEATED:
        told["Seeds"] = ", ".join(map(str, sorted({run.config.seed for run in runs})))
    else:
        told["Seed"] = str(study.first.seed)
    told["Runs"] = f"{len(study.finished)} of {len(runs)} finished"
    seconds = sum(run.facts.get("seconds") or 0.0 for run in runs)
    told["Time"] = f"{words.duration(seconds)} ({seconds:.1f} s)"
    devices = dict.fromkeys(run.facts["device"] for run in runs if "device" in run.facts)
    told["Trained on"] = ", ".join(devices)
    if versions := how_long(runs[-1]).get("Versions"):
        told["Versions"] = versions
    return section("How it was asked", facts(told))


def _table(kind: str, reading: Reading[Any]) -> Html:
    """Return the rows that are figures; what a row lists epoch by epoch is in the drawing."""
    heads = {
        name: head
        for name, head in columns(kind).items()
        if any(cell(name, getattr(row, name)) for row in reading.rows)
    }
    rows = [[cell(name, getattr(row, name)) for name in heads] for row in reading.rows]
    return table(list(heads.values()), rows)


def _runs(study: Study) -> Html:
    rows = [
        (label, run.id[:6], str(run.config.seed), run.state,
         _figure(run.facts.get("validation_accuracy"), ".1%"),
         _figure(run.facts.get("seconds"), ".1f"))
        for label, run in study.runs
    ]  # fmt: skip
    head = ("run", "id", "seed", "state", "right", "seconds")
    return section("Its runs", table(head, rows, words=4))


def _figure(value: float | None, look: str) -> str:
    return "–" if value is None else format(value, look)


def _best(workspace: Workspace, study: Study) -> Iterator[Html]:
    """Return what the best of the runs takes for what, where runs have made models."""
    judged = [
        (label, run)
        for label, run in study.finished
        if run.facts.get("validation_accuracy") is not None
    ]
    if not judged:
        return
    label, run = max(judged, key=lambda pair: float(pair[1].facts["validation_accuracy"]))
    if shown := list(answers(workspace, run)):
        yield paragraph(f"What follows is of the best of its runs: {label}, {run.id[:6]}.", "note")
        yield from shown
