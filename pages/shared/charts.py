"""Plotly figures. Each is built once for new data and shared by everyone who looks at it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import plotly.graph_objects as go

from pages.shared.escape import in_chart
from pages.shared.once import Once
from tl_core.backbones.worth import METHODS, Method, PerClass, Row, by_method
from tl_core.runs.run import Run
from tl_core.training.events import EpochEnded, Event, PhaseStarted

# Colour-blind safe (Okabe and Ito, 2008); validation is dashed as well.
TRAIN, VALIDATION, NEUTRAL = "#0072B2", "#D55E00", "#7A8B8B"
# Of each split: colour and pattern, so that colour is never alone.
_SPLIT_LOOK: Mapping[str, tuple[str, str]] = {
    "to learn from": (TRAIN, ""),
    "to check with": (VALIDATION, "/"),
    "for the final test": ("#009E73", "x"),
}
# Of each method: colour, dash and symbol, so that colour is never alone.
_METHOD_LOOK: Mapping[Method, tuple[str, str, str]] = {
    "fine-tune": (TRAIN, "solid", "circle"),
    "feature-extraction": ("#009E73", "dash", "diamond"),
    "scratch": (VALIDATION, "dot", "square"),
}


class _Drawn(go.Figure):  # type: ignore[misc]  # (plotly has no types)
    """A figure that changes no more: each session is told what it is made of without a copy."""

    @cached_property
    def _plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = super().to_dict()
        return plain

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as plain values, always the same ones."""
        return self._plain


RIGHT = "Right answers (higher is better)"


def blank(title: str, height: int = 360) -> go.Figure:
    """Return a figure without curves, as those of studies begin."""
    made = go.Figure()
    made.update_layout(
        title={"text": title, "font": {"size": 15}},
        uirevision="keep",
        height=height,
        margin={"l": 10, "r": 10, "t": 45, "b": 10},
        legend={"orientation": "h", "y": -0.25},
    )
    return made


MOST_POINTS = 300  # of a curve: more are not seen, and every watcher is sent all of them


@dataclass(frozen=True)
class _Pair:
    """The curves of a run as of the event with this number."""

    number: int
    loss: go.Figure
    accuracy: go.Figure


_curves: Once[tuple[str, float | None], _Pair] = Once(most=64)


def curves(run: Run, number: int, events: Sequence[Event]) -> tuple[go.Figure, go.Figure]:
    """Return the loss and the accuracy curve of a run, drawn once for everybody.

    Args:
        run: as it stands; taken by a worker anew, it is drawn anew.
        number: of the last epoch's event; curves that go further will do.
        events: of the run.
    """
    pair = _curves.get(
        (run.id, run.started),
        lambda: _draw_curves(number, events),
        lambda kept: kept.number >= number,
    )
    return pair.loss, pair.accuracy


def _draw_curves(number: int, events: Sequence[Event]) -> _Pair:
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    starts = _phase_starts(events)
    loss = _figure("Loss (lower is better)", starts)
    accuracy = _figure(RIGHT, starts)
    shown = thinned(epochs)
    numbers = [event.epoch for event in shown]
    for figure, kind in ((loss, "loss"), (accuracy, "accuracy")):
        for split, colour, dash in (("train", TRAIN, "solid"), ("validation", VALIDATION, "dash")):
            figure.add_trace(
                go.Scatter(
                    x=numbers,
                    y=[round(getattr(event, f"{split}_{kind}"), 5) for event in shown],
                    name={"train": "training", "validation": "validation"}[split],
                    mode="lines+markers",
                    line={"color": colour, "dash": dash, "width": 2.5},
                    marker={"size": 5},
                )
            )
    accuracy.update_yaxes(range=[0, 1.03], tickformat=".0%")
    loss.update_yaxes(rangemode="tozero")
    return _Pair(number, _Drawn(loss), _Drawn(accuracy))


def thinned(epochs: Sequence[EpochEnded], most: int = MOST_POINTS) -> Sequence[EpochEnded]:
    """Return at most so many epochs, evenly spaced, the first and the last among them."""
    if len(epochs) <= most:
        return epochs
    last = len(epochs) - 1
    return [epochs[round(last * n / (most - 1))] for n in range(most)]


def _phase_starts(events: Sequence[Event]) -> list[tuple[float, str]]:
    epoch, starts = 0, []
    for event in events:
        if isinstance(event, EpochEnded):
            epoch = event.epoch
        elif isinstance(event, PhaseStarted) and event.index:
            starts.append((epoch + 0.5, event.name))
    return starts


def _figure(title: str, starts: list[tuple[float, str]]) -> go.Figure:
    figure = blank(title, 320)
    # No template: the page brings its own, in light and dark.
    figure.update_layout(template="none", hovermode="x unified")
    figure.update_xaxes(title="epoch", rangemode="tozero")
    for at, name in starts:
        figure.add_vline(
            at, line={"dash": "dot", "color": NEUTRAL}, annotation_text=in_chart(name, 40),
            annotation_font_size=10, annotation_textangle=-90, annotation_position="top left",
        )  # fmt: skip
    return figure


@lru_cache(maxsize=16)
def class_counts(counts: tuple[tuple[str, tuple[int, ...]], ...]) -> go.Figure:
    """Return how many pictures each class has, as bars made of its splits.

    Args:
        counts: the name of each class, and its pictures that train, validate and test.
    """
    names = [in_chart(name, 30) for name, _ in counts]
    figure = go.Figure()
    for place, (label, (colour, pattern)) in enumerate(_SPLIT_LOOK.items()):
        figure.add_trace(
            go.Bar(x=[parts[place] for _, parts in counts], y=names, orientation="h", name=label,
                   marker={"color": colour, "pattern": {"shape": pattern}},
                   hovertemplate="%{x} %{fullData.name}<extra>%{y}</extra>")
        )  # fmt: skip
    totals = [sum(parts) for _, parts in counts]
    figure.add_trace(
        go.Scatter(x=totals, y=names, text=totals, mode="text", textposition="middle right",
                   showlegend=False, hoverinfo="skip", cliponaxis=False)
    )  # fmt: skip
    figure.update_layout(
        barmode="stack",
        height=max(160, 28 * len(names) + 90),
        margin={"l": 10, "r": 40, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_xaxes(title="pictures")
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


@lru_cache(maxsize=16)
def picture_sizes(shorter: tuple[int, ...], network: int) -> go.Figure:
    """Return how many pictures have which shorter side, with what the network sees as a line."""
    figure = go.Figure(go.Histogram(x=shorter, nbinsx=40, marker_color=NEUTRAL))
    figure.update_layout(
        height=220, margin={"l": 10, "r": 10, "t": 30, "b": 10}, bargap=0.05, showlegend=False
    )
    figure.update_xaxes(title="pixels of the shorter side", rangemode="tozero")
    figure.update_yaxes(title="pictures")
    figure.add_vline(network, line={"dash": "dash", "color": VALIDATION},
                     annotation_text=f"the network sees {network}")  # fmt: skip
    return figure


@lru_cache(maxsize=16)
def head_start(rows: tuple[Row, ...]) -> go.Figure:
    """Return the share of right answers against pictures per class, transfer and from scratch.

    Args:
        rows: of one picture set; bars are the spread, a gap is what was not measured.
    """
    sizes = list(dict.fromkeys(row.per_class for row in rows))
    figure = _figure(RIGHT, [])
    for place, (method, (colour, dash, symbol)) in enumerate(_METHOD_LOOK.items()):
        points = [_point(rows, size, method) for size in sizes]
        figure.add_trace(
            go.Scatter(
                # Side by side, so that no bar hides another.
                x=[number + 0.04 * (place - 1) for number in range(len(sizes))],
                y=[mean for mean, _ in points],
                error_y={"array": [spread for _, spread in points], "thickness": 1.5, "width": 5},
                name=METHODS[method],
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"size": 9, "symbol": symbol},
                hovertemplate="%{y:.0%}",
            )
        )
    figure.update_layout(hovermode="closest", height=360)
    figure.update_xaxes(
        title="pictures of each class to learn from",
        tickvals=list(range(len(sizes))),
        ticktext=[str(size) for size in sizes],
        range=[-0.25, len(sizes) - 0.75],
        zeroline=False,
    )
    lowest = min((row.mean - (row.spread or 0) for row in rows if row.mean is not None), default=0)
    # From a half, so that nine points are seen, or from further down where a mark lies there.
    floor = min(0.5, math.floor(10 * lowest) / 10)
    figure.update_yaxes(range=[max(0, floor), 1.03], tickformat=".0%")
    return figure


def _point(
    rows: tuple[Row, ...], per_class: PerClass, method: Method
) -> tuple[float | None, float | None]:
    row = by_method(rows, per_class).get(method)
    return (row.mean, row.spread) if row else (None, None)
