"""A figure for each kind of study, built once for the rows that it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from pages.shared.charts import NEUTRAL, TRAIN, VALIDATION
from pages.shared.escape import in_chart
from pages.shared.years import HUMAN, SINGLE, YEARS
from tl_core.backbones.catalog import find_card
from tl_core.studies import decade, how_many, race, where_to_cut, which_backbone
from tl_core.studies.decade import Entrant
from tl_core.studies.how_many import Point
from tl_core.studies.race import Racer
from tl_core.studies.where_to_cut import Stage
from tl_core.studies.which_backbone import Candidate

# Where a team's name stands, so that names do not cover each other.
_PLACES: Mapping[str, str] = {
    "VGG": "middle right",
    "GoogLeNet": "middle left",
    "ResNet": "bottom left",
    "Trimps-Soushen": "bottom right",
}
# Of each way: what it is called, colour, dash and symbol, so that colour is never alone.
_WAYS: Mapping[str, tuple[str, str, str, str]] = {
    "transfer": ("with the head start", TRAIN, "solid", "circle"),
    "scratch": ("from scratch", VALIDATION, "dot", "square"),
}
_RIGHT = "Right answers (higher is better)"


def figure(kind: str, rows: Sequence[Any]) -> go.Figure | None:
    """Return the figure of a study, or `None` while there is nothing to draw."""
    return _FIGURES[kind](tuple(rows))


def _blank(title: str, height: int = 360) -> go.Figure:
    made = go.Figure()
    made.update_layout(
        title={"text": title, "font": {"size": 15}},
        uirevision="keep",
        height=height,
        margin={"l": 10, "r": 10, "t": 45, "b": 10},
        legend={"orientation": "h", "y": -0.25},
    )
    return made


@lru_cache(maxsize=64)
def _race(rows: tuple[Racer, ...]) -> go.Figure | None:
    if not any(row.accuracy for row in rows):
        return None
    made = _blank(f"{_RIGHT}, on one clock")
    named = set()
    for row in rows:
        name, colour, dash, symbol = _WAYS[row.way]
        made.add_trace(
            go.Scatter(
                x=(0.0, *row.seconds), y=(None, *row.accuracy), name=name, legendgroup=name,
                showlegend=name not in named, mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"size": 5, "symbol": symbol}, opacity=0.85,
                hovertemplate=f"{name}, seed {row.seed}: %{{y:.0%}} after %{{x:.0f}} s"
                "<extra></extra>",
            )
        )  # fmt: skip
        named.add(name)
    made.update_xaxes(title="seconds since the run's first phase began", rangemode="tozero")
    made.update_yaxes(range=[0, 1.03], tickformat=".0%")
    return made


@lru_cache(maxsize=64)
def _how_many(rows: tuple[Point, ...]) -> go.Figure | None:
    if not rows:
        return None
    made = _blank(_RIGHT)
    for way, (name, colour, dash, symbol) in _WAYS.items():
        points = [row for row in rows if row.way == way]
        if not points:
            continue
        sizes = [point.per_class for point in points]
        made.add_trace(
            go.Scatter(
                x=[*sizes, *reversed(sizes)],
                y=[*(p.low for p in points), *(p.high for p in reversed(points))],
                fill="toself", fillcolor=colour, opacity=0.18, line={"width": 0},
                hoverinfo="skip", showlegend=False, mode="lines",
            )
        )  # fmt: skip
        made.add_trace(
            go.Scatter(
                x=sizes, y=[point.mean for point in points], name=name, mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"size": 8, "symbol": symbol},
                customdata=[(point.low, point.high, point.seeds) for point in points],
                hovertemplate="%{y:.0%} with %{x} of each class (%{customdata[0]:.0%} to "
                "%{customdata[1]:.0%} over %{customdata[2]} draws)<extra></extra>",
            )
        )  # fmt: skip
    sizes = sorted({row.per_class for row in rows})
    made.update_xaxes(
        title="pictures of each class to learn from", type="log", tickvals=sizes,
        ticktext=[str(size) for size in sizes],
    )  # fmt: skip
    made.update_yaxes(range=[0, 1.03], tickformat=".0%")
    return made


@lru_cache(maxsize=64)
def _where_to_cut(rows: tuple[Stage, ...]) -> go.Figure | None:
    if not rows:
        return None
    made = _blank("How well the classes can be told apart after each stage")
    names = [row.stage for row in rows]
    made.add_trace(
        go.Bar(
            x=names, y=[row.epoch_seconds for row in rows], yaxis="y2", marker_color=NEUTRAL,
            opacity=0.35, name="seconds for an epoch, frozen up to here (estimate)",
            hovertemplate="about %{y:.1f} s for an epoch<extra></extra>",
        )
    )  # fmt: skip
    made.add_trace(
        go.Scatter(
            x=names, y=[row.accuracy for row in rows], name="right answers of a linear probe",
            error_y={"array": [row.error for row in rows], "thickness": 1.5, "width": 5},
            mode="lines+markers", line={"color": TRAIN, "width": 2.5}, marker={"size": 9},
            hovertemplate="%{y:.0%} right<extra></extra>",
        )
    )  # fmt: skip
    made.update_xaxes(title="stage, first to last")
    made.update_layout(
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "showgrid": False,
            "title": "seconds",
            "tickformat": ".2~g",
        },
        bargap=0.5,
    )
    made.update_yaxes(range=[0, 1.03], tickformat=".0%", selector={"overlaying": None})
    for place, row in enumerate(rows):
        if row.suggested:
            made.add_vline(
                min(place + 0.5, len(rows) - 0.7), line={"dash": "dash", "color": VALIDATION},
                annotation_text="cut here", annotation_position="top left",
            )  # fmt: skip
    return made


@lru_cache(maxsize=64)
def _which_backbone(rows: tuple[Candidate, ...]) -> go.Figure | None:
    probed = [row for row in rows if row.accuracy is not None]
    if not probed:
        return None
    made = _blank("Right answers of a linear probe on the frozen features", 90 + 34 * len(probed))
    made.add_trace(
        go.Scatter(
            x=[row.accuracy for row in probed], y=[in_chart(row.title, 30) for row in probed],
            error_x={
                "array": [row.error for row in probed],
                "thickness": 1.5,
                "width": 5,
                "color": NEUTRAL,
            },
            mode="markers", showlegend=False,
            marker={
                "size": 11,
                "color": [VALIDATION if row.clear else TRAIN for row in probed],
                "symbol": ["square-open" if row.clear else "circle" for row in probed],
            },
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    )  # fmt: skip
    made.update_xaxes(tickformat=".0%")
    made.update_yaxes(autorange="reversed", type="category")
    return made


@lru_cache(maxsize=64)
def _decade(rows: tuple[Entrant, ...]) -> go.Figure | None:
    done = [row for row in rows if row.accuracy is not None]
    if not done:
        return None
    made = _blank(_RIGHT, 420)
    made.add_trace(
        go.Scatter(
            x=[row.year for row in done], y=[row.accuracy for row in done],
            text=[in_chart(row.title, 24) for row in done], mode="markers+text",
            textposition="middle right", name="on your validation pictures",
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
    absent = [row for row in rows if row.accuracy is None]
    lowest = min(row.low or 0 for row in done)
    # Those of one year below each other.
    years = [row.year for row in absent]
    below = [lowest - 0.08 - 0.09 * years[:n].count(year) for n, year in enumerate(years)]
    if absent:
        made.add_trace(
            go.Scatter(
                x=[row.year for row in absent], y=below,
                text=[in_chart(row.title, 24) for row in absent], mode="markers+text",
                textposition="middle right", name="no figure",
                marker={"size": 10, "symbol": "circle-open", "color": NEUTRAL},
                customdata=[in_chart(row.missing, 120) for row in absent],
                hovertemplate="%{text}: %{customdata}<extra></extra>",
            )
        )  # fmt: skip
    made.update_xaxes(title="year", dtick=1)
    made.update_xaxes(range=[2009.5, 2023.5])
    made.update_yaxes(range=[lowest - 0.27, 1.08], tickformat=".0%")
    return made


@lru_cache(maxsize=1)
def imagenet_years() -> go.Figure:
    """Return the contest's official figures, those of downloadable weights, and the human line."""
    made = _blank("Top-5 error in % (lower is better)", 420)
    for place, name, symbol in ((1, "winner of the contest", "circle"), (2, "second", "diamond")):
        found = [year for year in YEARS if year.place == place]
        made.add_trace(
            go.Scatter(
                x=[year.year for year in found], y=[year.error for year in found], name=name,
                text=[year.team for year in found],
                mode="lines+markers+text" if place == 1 else "markers+text",
                textposition=[_PLACES.get(year.team, "top right") for year in found],
                customdata=[year.how for year in found],
                line={"color": TRAIN, "width": 2.5}, marker={"size": 10, "symbol": symbol},
                hovertemplate="%{x}, %{text}: %{y:.2f} %, %{customdata}<extra></extra>",
            )
        )  # fmt: skip
    cards = [card for name in SINGLE if (card := find_card(name)).weights and card.weights.top5]
    made.add_trace(
        go.Scatter(
            x=[card.year for card in cards],
            y=[round(100 - (card.weights.top5 or 0), 2) for card in cards if card.weights],
            text=[card.title for card in cards], name="one network, the weights you download",
            mode="markers+text",
            textposition=["top right" if c.name == "googlenet" else "middle right" for c in cards],
            textfont={"size": 10},
            marker={"size": 9, "symbol": "square-open", "color": VALIDATION},
            hovertemplate="%{x}, %{text}: %{y:.2f} %, one network on the validation pictures"
            "<extra></extra>",
        )
    )  # fmt: skip
    made.add_hline(
        HUMAN, line={"dash": "dash", "color": NEUTRAL},
        annotation_text=f"one trained person, about {HUMAN} %", annotation_position="top left",
    )  # fmt: skip
    made.update_xaxes(title="year", dtick=1, range=[2009.5, 2023.5])
    made.update_yaxes(range=[-1.5, 31])
    return made


_FIGURES: Mapping[str, Callable[[tuple[Any, ...]], go.Figure | None]] = {
    race.NAME: _race,
    how_many.NAME: _how_many,
    where_to_cut.NAME: _where_to_cut,
    which_backbone.NAME: _which_backbone,
    decade.NAME: _decade,
}
