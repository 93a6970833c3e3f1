"""A study's answer as a drawing for paper, from the rows that its kind reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tl_core.receipts.charts import Bar, Line, bars, lines, percent
from tl_core.receipts.markup import Html
from tl_core.studies import decade, how_many, race, where_to_cut, which_backbone
from tl_core.studies.decade import Entrant
from tl_core.studies.how_many import Point
from tl_core.studies.race import Racer
from tl_core.studies.where_to_cut import Stage
from tl_core.studies.which_backbone import Candidate

_RIGHT = "Right answers (higher is better)"
_WAYS = {"transfer": "with the head start", "scratch": "from scratch"}


def draw(kind: str, rows: Sequence[Any]) -> Html:
    """Return the drawing of a study of this kind."""
    return _DRAWN[kind](rows)


def _race(rows: Sequence[Racer]) -> Html:
    drawn = [Line(f"{_WAYS[r.way]}, seed {r.seed}", r.seconds, r.accuracy) for r in rows]
    return lines(_RIGHT, "seconds", drawn, top=1.0, say=percent)


def _how_many(rows: Sequence[Point]) -> Html:
    sizes = sorted({row.per_class for row in rows})
    drawn = []
    for way, name in _WAYS.items():
        own = sorted((row for row in rows if row.way == way), key=lambda row: row.per_class)
        drawn.append(Line(name, [sizes.index(r.per_class) for r in own], [r.mean for r in own]))
    across = "pictures of each class to learn from"
    return lines(_RIGHT, across, drawn, top=1.0, say=percent, places=[str(size) for size in sizes])


def _where_to_cut(rows: Sequence[Stage]) -> Html:
    probed = [row for row in rows if row.accuracy is not None]
    line = Line("a new head alone", range(len(probed)), [row.accuracy or 0.0 for row in probed])
    places = [row.stage for row in probed]
    return lines(_RIGHT, "after this stage", [line], top=1.0, say=percent, places=places)


def _which_backbone(rows: Sequence[Candidate]) -> Html:
    drawn = []
    for row in rows:
        if row.accuracy is not None:
            error = row.error or 0.0
            drawn.append(Bar(row.title, row.accuracy, row.accuracy - error, row.accuracy + error))
    return bars(_RIGHT, drawn)


def _decade(rows: Sequence[Entrant]) -> Html:
    drawn = [
        Bar(f"{row.year} {row.title}", row.accuracy, row.low, row.high)
        for row in rows
        if row.accuracy is not None
    ]
    return bars(_RIGHT, drawn)


_DRAWN: Mapping[str, Callable[[Sequence[Any]], Html]] = {
    race.NAME: _race,
    how_many.NAME: _how_many,
    where_to_cut.NAME: _where_to_cut,
    which_backbone.NAME: _which_backbone,
    decade.NAME: _decade,
}
