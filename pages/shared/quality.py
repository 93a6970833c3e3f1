"""Plotly figures of how good answers are: what was taken for what, and how sure it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.shared.charts import NEUTRAL, TRAIN, VALIDATION
from pages.shared.escape import in_html
from tl_core.evaluation.calibration import Coverage, Reliability
from tl_core.runs.store import Told
from tl_core.training.events import EpochEnded

# Tints of the charts' blue and orange, the same in both themes, and text that is read on all.
_RIGHT, _WRONG = ((0, "#dcebf5"), (1, "#74b2da")), ((0, "#fbe7da"), (1, "#ee9f6c"))
_INK = "#1d2b32"
# Okabe and Ito's seven; dashes and symbols as well, so that colour is never alone.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#A59A00")
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star")
MEASURES: Mapping[str, str] = {
    "Validation pictures right": "validation_accuracy",
    "Validation loss": "validation_loss",
    "Training pictures right": "train_accuracy",
    "Training loss": "train_loss",
}
"""What can be drawn of an epoch, by what people call it."""

_NUMBERED = 25  # classes, up to which the cells hold their numbers
_POINTS = 500  # of a curve, at most
_SQUARE = 460  # pixels that all cells together are high, at most


def confusion(matrix: NDArray[np.int64], classes: tuple[str, ...]) -> go.Figure:
    """Return the confusion matrix: right answers blue on the diagonal, mistakes orange beside it.

    Every cell that holds pictures can be clicked.
    """
    count, names = len(classes), [in_html(name, 24) for name in classes]
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    filled = np.where(matrix > 0, share, np.nan)
    numbers = np.where(matrix > 0, matrix.astype(str), "")
    diagonal = np.eye(count, dtype=bool)
    figure = go.Figure(layout={"template": "none"})
    for kept, colours in ((diagonal, _RIGHT), (~diagonal, _WRONG)):
        figure.add_trace(
            go.Heatmap(
                z=np.where(kept, filled, np.nan), colorscale=colours, zmin=0, zmax=1,
                xgap=1, ygap=1, showscale=False, hoverinfo="skip", text=numbers,
                textfont={"color": _INK, "size": 14},
                texttemplate="%{text}" if count <= _NUMBERED else None,
            )
        )  # fmt: skip
    figure.add_trace(_handles(matrix, names))
    side = min(_SQUARE, 130 * count)
    axis = {
        "tickvals": list(range(count)), "ticktext": names, "range": [-0.5, count - 0.5],
        "showgrid": False, "zeroline": False, "constrain": "domain", "fixedrange": True,
    }  # fmt: skip
    figure.update_xaxes(title="what the network said", side="top", **axis)
    figure.update_yaxes(title="what the picture is", scaleanchor="x", **axis)
    figure.update_yaxes(range=[count - 0.5, -0.5])
    figure.update_layout(
        height=side + 130, margin={"l": 10, "r": 10, "t": 10, "b": 10}, showlegend=False,
        clickmode="event+select", dragmode=False, hovermode="closest",
    )  # fmt: skip
    return figure


def _handles(matrix: NDArray[np.int64], names: list[str]) -> go.Scatter:
    """Return unseen points over the cells: Plotly lets points be chosen, not cells of a heatmap."""
    rows, columns = np.nonzero(matrix)
    return go.Scatter(
        x=columns,
        y=rows,
        mode="markers",
        text=[
            f"{names[row]}, {'rightly said' if row == column else f'said {names[column]}'}: "
            f"{matrix[row, column]}"
            for row, column in zip(rows, columns, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
        marker={
            "symbol": "square",
            "color": _INK,
            "size": max(6, min(100, int(0.8 * _SQUARE / len(names)))),
            "opacity": 0,
        },
        selected={"marker": {"opacity": 0.25}},
        unselected={"marker": {"opacity": 0}},
    )


def chosen_cell(selection: dict[str, Any]) -> tuple[int, int] | None:
    """Return the row and the column of the cell that was clicked, or `None`."""
    points = selection.get("points")
    return (round(points[0]["y"]), round(points[0]["x"])) if points else None


def reliable(found: Reliability, after: Reliability | None = None) -> go.Figure:
    """Return how often answers are right against how sure they were, and the line where both agree.

    Args:
        found: as the network says it.
        after: with a temperature.
    """
    figure = go.Figure(layout={"template": "none"})
    figure.add_trace(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="as sure as it is right",
                   line={"color": NEUTRAL, "dash": "dot"}, hoverinfo="skip")
    )  # fmt: skip
    looks = [("as it is", found, VALIDATION, "solid", "circle")]
    if after is not None:
        looks.append(("with a temperature", after, TRAIN, "dash", "diamond"))
    for name, bins, colour, dash, symbol in looks:
        some = bins.count > 0
        sizes = 6 + 14 * np.sqrt(bins.count[some] / bins.count.max())
        figure.add_trace(
            go.Scatter(
                x=bins.confidence[some], y=bins.accuracy[some], name=name, mode="lines+markers",
                line={"color": colour, "dash": dash}, customdata=bins.count[some],
                marker={"symbol": symbol, "size": sizes},
                hovertemplate="says %{x:.0%}, right %{y:.0%} (%{customdata} pictures)",
            )
        )  # fmt: skip
    figure.update_xaxes(title="how sure it was", range=[0, 1.03], tickformat=".0%")
    figure.update_yaxes(title="how often it was right", range=[0, 1.05], tickformat=".0%")
    return _laid_out(figure)


def coverage(curve: Coverage, threshold: float) -> go.Figure:
    """Return the share of right answers against the share answered, with a threshold marked."""
    figure = go.Figure(layout={"template": "none"})
    some = np.unique(np.linspace(0, max(len(curve.given) - 1, 0), _POINTS).astype(int))
    some = some[: len(curve.given)]
    figure.add_trace(
        go.Scatter(x=curve.coverage[some], y=curve.accuracy[some],
                   customdata=curve.threshold[some], mode="lines",
                   line={"color": TRAIN, "shape": "hv", "width": 2.5}, showlegend=False,
                   cliponaxis=False,
                   hovertemplate="answers %{x:.0%}, of these right %{y:.0%} "
                   "(from %{customdata:.0%} on)<extra></extra>")
    )  # fmt: skip
    given, right = curve.at(threshold)
    if given:
        figure.add_trace(
            go.Scatter(x=[given / curve.count], y=[right / given], mode="markers", showlegend=False,
                       marker={"color": VALIDATION, "size": 14, "symbol": "diamond"},
                       cliponaxis=False,
                       hovertemplate="with this threshold<extra></extra>")
        )  # fmt: skip
    figure.update_xaxes(title="share of the pictures that it answers", range=[0, 1.03],
                        tickformat=".0%")  # fmt: skip
    lowest = float(curve.accuracy.min()) if len(curve.accuracy) else 0.0
    figure.update_yaxes(title="of these, right", range=[max(0.0, lowest - 0.1), 1],
                        tickformat=".0%")  # fmt: skip
    return _laid_out(figure)


def overlaid(runs: Mapping[str, Sequence[Told]], measure: str) -> go.Figure:
    """Return one curve per run.

    Args:
        runs: what each run said, by what it is called.
        measure: one of `MEASURES`.
    """
    field = MEASURES[measure]
    figure = go.Figure(layout={"template": "none"})
    for place, (name, told) in enumerate(runs.items()):
        epochs = [item.event for item in told if isinstance(item.event, EpochEnded)]
        figure.add_trace(
            go.Scatter(
                x=[event.epoch for event in epochs],
                y=[getattr(event, field) for event in epochs],
                name=in_html(name, 60),
                mode="lines+markers",
                line={"color": _COLOURS[place % len(_COLOURS)], "dash": _DASHES[place % 4]},
                marker={"symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 7},
            )
        )
    figure.update_xaxes(title="epoch", rangemode="tozero")
    figure.update_yaxes(title=measure)
    if field.endswith("accuracy"):
        figure.update_yaxes(range=[0, 1.03], tickformat=".0%")
    return _laid_out(figure).update_layout(hovermode="x unified", height=400)


def _laid_out(figure: go.Figure) -> go.Figure:
    return figure.update_layout(
        height=340, margin={"l": 10, "r": 10, "t": 15, "b": 10}, hovermode="closest",
        legend={"orientation": "h", "y": -0.25},
    )  # fmt: skip
