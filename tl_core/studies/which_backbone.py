"""Which backbone: those whose weights are at hand, ranked by what their frozen features know.

A linear probe on the last stage's features takes seconds and is trained on each picture left out
in turn, so the figures are those of pictures that were not learned from. Two backbones are compared
on the very same pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tl_core import words
from tl_core.backbones.catalog import catalogue, find_card
from tl_core.data.finding import listed
from tl_core.runs.probe_file import Right, compared, read_probe
from tl_core.runs.store import Run, Store
from tl_core.studies.needs import at_hand
from tl_core.studies.study import Asked, Part, Plan, Reading, Study
from tl_core.workspace import Workspace

NAME, TITLE = "which-backbone", "Which backbone?"
QUESTION = "Which backbone knows most about your pictures already?"


@dataclass(frozen=True)
class Candidate:
    """One backbone.

    Attributes:
        backbone: its name.
        title: what people call it.
        accuracy: share of right answers from its frozen features; `None` where it has not run.
        error: the standard error of that.
        behind: points more than the best on the same pictures, so below zero.
        clear: whether that is more than luck would explain.
        seconds: to pass one picture through it.
        gmac: billions of multiply-adds for one picture.
        parameters: of the network without a head.
        missing: why it could not take part, or did not.
    """

    backbone: str
    title: str
    accuracy: float | None = None
    error: float | None = None
    behind: float | None = None
    clear: bool | None = None
    seconds: float | None = None
    gmac: float = 0.0
    parameters: int = 0
    missing: str = ""


def plan(asked: Asked) -> Plan:
    """Probe the last stage of every backbone whose weights are at hand, the quickest first."""
    there, missing = at_hand(list(catalogue().values()), asked)
    parts = [
        Part(card.title, asked.config(card.name, work="probe", freeze="all"))
        for card in sorted(there, key=lambda card: card.gmac)
    ]
    return Plan(tuple(parts), tuple(missing))


def read(study: Study, store: Store, workspace: Workspace) -> Reading[Candidate]:  # noqa: ARG001
    """Rank what has been probed so far."""
    rows, right = [], {}
    for _, run in study.runs:
        rows.append(_candidate(run))
        if rows[-1].accuracy is not None:
            right[run.config.backbone] = next(
                iter(read_probe(workspace.runs / run.id).values()), Right()
            )
    rows = _ranked(rows, right)
    absent = [_of(missing.backbone, missing.reason) for missing in study.missing]
    probed = [row for row in rows if row.accuracy is not None]
    if not probed:
        return Reading("", "", (*rows, *absent))
    count = study.finished[0][1].facts["probed"]
    return Reading(
        _headline(probed, count),
        _why(probed),
        (*rows, *absent),
        {"backbone": probed[0].backbone},
    )


def _candidate(run: Run) -> Candidate:
    if run.state != "finished":
        return _of(run.config.backbone, run.message if run.is_over else "it has not run yet")
    (stage,) = run.facts["stages"]
    return replace(
        _of(run.config.backbone),
        accuracy=stage["accuracy"],
        error=stage["error"],
        seconds=stage["seconds"],
    )


def _of(backbone: str, missing: str = "") -> Candidate:
    card = find_card(backbone)
    return Candidate(
        card.name, card.title, gmac=round(card.gmac, 3), parameters=card.parameters, missing=missing
    )


def _ranked(rows: list[Candidate], right: Mapping[str, Right]) -> list[Candidate]:
    """Put the best first; of equal ones, the one that is computed more quickly."""
    order = sorted(rows, key=lambda row: (-(row.accuracy or -1.0), row.gmac))
    best = order[0].backbone if order else ""
    ranked = []
    for row in order:
        pair = compared(right.get(best, {}), right.get(row.backbone, {}))
        if pair is not None and row.backbone != best:
            row = replace(row, behind=100 * pair.difference, clear=pair.is_clear)
        ranked.append(row)
    return ranked


def _headline(probed: list[Candidate], count: int) -> str:
    best = probed[0]
    points = max(1, round(100 * (best.error or 0.0)))
    return (
        f"{best.title} tells {best.accuracy:.0%} of {count} pictures apart with nothing but a new "
        f"head, give or take {words.count(points, 'point')}."
    )


def _why(probed: list[Candidate]) -> str:
    best, *others = probed
    if not others:
        return "No other backbone has its weights on this machine, so there was nothing to choose."
    close = [row for row in others if not row.clear]
    clear = [row for row in others if row.clear]
    said = []
    if close:
        said.append(f"too close to tell from {listed([row.title for row in close])}")
    if clear:
        points = -(clear[0].behind or 0.0)
        said.append(f"{points:.0f} points ahead of {clear[0].title}, which is more than luck")
    quick = min(close, key=lambda row: row.gmac, default=best)
    cheaper = (
        f" {quick.title} needs {best.gmac / quick.gmac:.0f} times less computing for a picture."
        if quick.gmac < best.gmac / 1.5
        else ""
    )
    return f"It is {' and '.join(said)}.{cheaper}"
