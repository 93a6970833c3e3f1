"""Figures along the years: the ImageNet contest, and the same decade on one's own pictures.

A phone has room for a year or two where nothing happened, not for six: where more of them lie
between, the axis is shorter and says so with dots.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise

import plotly.graph_objects as go

from pages.shared.charts import NEUTRAL, RIGHT, TRAIN, VALIDATION, blank
from pages.shared.escape import in_chart
from pages.shared.years import HUMAN, SINGLE, YEARS
from tl_core.backbones.catalog import find_card
from tl_core.studies.decade import Entrant

# Where a name stands, so that names do not cover each other.
_TEAMS: Mapping[str, str] = {
    "VGG": "top center",
    "GoogLeNet": "middle left",
    "ResNet": "bottom left",
    "Trimps-Soushen": "bottom right",
}
_NETWORKS: Mapping[str, str] = {
    "alexnet": "top center",
    "googlenet": "top right",
    "convnext_tiny": "bottom center",
}
_MOST_APART = 2
_NAME = 3  # years' room for a name, on a phone
_MARGIN = 0.5


@lru_cache(maxsize=64)
def decade_years(rows: tuple[Entrant, ...]) -> go.Figure | None:
    """Return what the networks that were run make of one's own pictures; others have no place."""
    done = [row for row in rows if row.accuracy is not None]
    if not done:
        return None
    made, place = blank(RIGHT, 460), _places(row.year for row in done)
    made.add_trace(
        go.Scatter(
            x=[place[row.year] for row in done], y=[row.accuracy for row in done],
            text=[in_chart(row.title, 24) for row in done], mode="markers+text",
            textposition=[f"middle {_side(place, row.year)}" for row in done],
            name="on your validation pictures",
            error_y={
                "array": [(row.high or 0) - (row.accuracy or 0) for row in done],
                "arrayminus": [(row.accuracy or 0) - (row.low or 0) for row in done],
                "thickness": 1.5,
            },
            marker={"size": 11, "color": TRAIN},
            customdata=[(row.seconds, row.megabytes) for row in done],
            hovertemplate="%{text}: %{y:.0%}, %{customdata[0]:.0f} s, %{customdata[1]:.0f} MB"
            "<extra></extra>",
        )
    )  # fmt: skip
    lowest = min(row.low or 0 for row in done)
    _along_years(made, place)
    made.update_yaxes(range=[lowest - 0.06, 1.08], tickformat=".0%")
    return made


@lru_cache(maxsize=1)
def imagenet_years() -> go.Figure:
    """Return the contest's official figures, those of downloadable weights, and the human line."""
    cards = [card for name in SINGLE if (card := find_card(name)).weights and card.weights.top5]
    place = _places([year.year for year in YEARS] + [card.year for card in cards])
    made = blank("Top-5 error in % (lower is better)", 570)
    for rank, name, symbol in ((1, "winner of the contest", "circle"), (2, "second", "diamond")):
        found = [year for year in YEARS if year.place == rank]
        made.add_trace(
            go.Scatter(
                x=[place[year.year] for year in found], y=[year.error for year in found],
                name=name, text=[year.team for year in found],
                mode="lines+markers+text" if rank == 1 else "markers+text",
                textposition=[_TEAMS.get(year.team, "top right") for year in found],
                customdata=[(year.year, year.how) for year in found],
                line={"color": TRAIN, "width": 2.5}, marker={"size": 10, "symbol": symbol},
                hovertemplate="%{customdata[0]}, %{text}: %{y:.2f} %, %{customdata[1]}"
                "<extra></extra>",
            )
        )  # fmt: skip
    made.add_trace(
        go.Scatter(
            x=[place[card.year] for card in cards],
            y=[round(100 - (card.weights.top5 or 0), 2) for card in cards if card.weights],
            text=[card.title for card in cards], name="one network, the weights you download",
            mode="markers+text",
            textposition=[_NETWORKS.get(card.name, "middle right") for card in cards],
            textfont={"size": 10},
            marker={"size": 9, "symbol": "square-open", "color": VALIDATION},
            customdata=[card.year for card in cards],
            hovertemplate="%{customdata}, %{text}: %{y:.2f} %, one network on the validation "
            "pictures<extra></extra>",
        )
    )  # fmt: skip
    made.add_hline(
        HUMAN, line={"dash": "dash", "color": NEUTRAL},
        annotation_text=f"a person, about {HUMAN} %", annotation_position="bottom left",
    )  # fmt: skip
    _along_years(made, place)
    made.update_yaxes(range=[-1.5, 31])
    return made


def _places(years: Iterable[int]) -> dict[int, int]:
    """Return where each year stands on the axis.

    >>> _places([2012, 2010, 2013, 2022, 2013])
    {2010: 2010, 2012: 2012, 2013: 2013, 2022: 2015}
    """
    first, *others = sorted(set(years))
    place, last = {first: first}, first
    for year in others:
        place[year] = place[last] + min(year - last, _MOST_APART)
        last = year
    return place


def _side(place: Mapping[int, int], year: int) -> str:
    """Return on which side of its point a name stands: at the right end there is no room."""
    return "left" if place[year] > max(place.values()) - _NAME else "right"


def _along_years(made: go.Figure, place: Mapping[int, int]) -> None:
    years = sorted(place)
    ticks = {place[year]: str(year) for year in years}
    for before, after in pairwise(years):
        if place[after] - place[before] == _MOST_APART:
            ticks[place[before] + 1] = str(before + 1) if after - before == _MOST_APART else "…"
    made.update_xaxes(
        title="year", range=[place[years[0]] - _MARGIN, place[years[-1]] + 2 * _MARGIN],
        tickvals=list(ticks), ticktext=list(ticks.values()),
    )  # fmt: skip
