"""A figure for each kind of study, built once for the rows that it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from pages.shared.charts import NEUTRAL, RIGHT, TRAIN, VALIDATION, blank
from pages.shared.escape import in_chart
from pages.shared.year_charts import decade_years
from tl_core.studies import decade, how_many, race, where_to_cut, which_backbone
from tl_core.studies.how_many import Point
from tl_core.studies.race import Racer
from tl_core.studies.where_to_cut import Stage
from tl_core.studies.which_backbone import Candidate

# Of each way: what it is called, colour, dash and symbol, so that colour is never alone.
_WAYS: Mapping[str, tuple[str, str, str, str]] = {
    "transfer": ("with the head start", TRAIN, "solid", "circle"),
    "scratch": ("from scratch", VALIDATION, "dot", "square"),
}


def figure(kind: str, rows: Sequence[Any]) -> go.Figure | None:
    """Return the figure of a study, or `None` while there is nothing to draw."""
    return _FIGURES[kind](tuple(rows))


@lru_cache(maxsize=64)
def _race(rows: tuple[Racer, ...]) -> go.Figure | None:
    if not any(row.accuracy for row in rows):
        return None
    made = blank(f"{RIGHT}, on one clock")
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
    made = blank(RIGHT)
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
    made = blank("How well the classes can be told apart after each stage")
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
    made = blank("Right answers of a linear probe on the frozen features", 90 + 34 * len(probed))
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


_FIGURES: Mapping[str, Callable[[tuple[Any, ...]], go.Figure | None]] = {
    race.NAME: _race,
    how_many.NAME: _how_many,
    where_to_cut.NAME: _where_to_cut,
    which_backbone.NAME: _which_backbone,
    decade.NAME: decade_years,
}
