"""Plotly figures of a backbone: a map of pictures, and how far its stages moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.shared.drawing import FROZEN, LEARNS
from pages.shared.escape import in_html
from tl_core.data.dataset import Item

# Okabe and Ito's colours that are seen on light and dark ground, and a symbol for each, so that
# colour is never alone.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8A8A8A")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon")
_NAMED = 20  # classes, up to which the legend names them


def picture_map(
    points: NDArray[np.float32], items: Sequence[Item], classes: Sequence[str]
) -> go.Figure:
    """Return pictures as points that can be clicked; a point carries its place among the items.

    Args:
        points: `(N, 2)`.
        items: N pictures.
        classes: names, in the order of the items' labels.
    """
    figure = go.Figure(layout={"template": "none"})
    for label, name in enumerate(classes):
        own = [place for place, item in enumerate(items) if item.label == label]
        if not own:
            continue
        colour = _COLOURS[label % len(_COLOURS)]
        symbol = _SYMBOLS[label % len(_SYMBOLS)]
        held = [items[place].split == "validation" for place in own]
        figure.add_trace(
            go.Scatter(
                x=points[own, 0], y=points[own, 1], name=in_html(name, 24), mode="markers",
                customdata=own, text=[in_html(items[place].name, 40) for place in own],
                hovertemplate="%{fullData.name}<br>%{text}<extra></extra>",
                marker={
                    "color": colour, "size": 9, "line": {"width": 1.5, "color": colour},
                    "symbol": [symbol if full else f"{symbol}-open" for full in held],
                },
            )
        )  # fmt: skip
    figure.update_layout(
        height=420, margin={"l": 5, "r": 5, "t": 5, "b": 5}, clickmode="event+select",
        dragmode=False, hovermode="closest", showlegend=len(classes) <= _NAMED,
        legend={"orientation": "h", "y": -0.03},
    )  # fmt: skip
    # Only neighbourhood means something, so the axes carry no numbers.
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    return figure


def chosen_point(selection: dict[str, Any]) -> int | None:
    """Return the place of the picture whose point was clicked, or `None`."""
    points = selection.get("points")
    if not points:
        return None
    place = points[0]["customdata"]
    return int(place[0] if isinstance(place, list) else place)


def movement(shares: Mapping[str, float], frozen: int) -> go.Figure:
    """Return how far each stage moved, as bars from the first stage down.

    Args:
        shares: stage to how far it moved, from `moved`.
        frozen: how many stages were frozen to the end.
    """
    figure = go.Figure(layout={"template": "none"})
    names = list(shares)
    for name, stages, colour, pattern in (
        ("frozen", names[:frozen], FROZEN, "/"),
        ("learned", names[frozen:], LEARNS, ""),
    ):
        figure.add_trace(
            go.Bar(
                x=[shares[stage] for stage in stages], y=stages, orientation="h", name=name,
                text=[f"{100 * shares[stage]:.2g}%" for stage in stages],
                textposition="outside", cliponaxis=False,
                marker={"color": colour, "pattern": {"shape": pattern}},
                hovertemplate="%{y}: %{text}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_layout(
        height=90 + 30 * len(names), margin={"l": 10, "r": 60, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.05, "yanchor": "bottom"}, bargap=0.25,
    )  # fmt: skip
    figure.update_xaxes(
        title="change of the weights", tickformat=".2~p", rangemode="tozero", nticks=6
    )
    figure.update_yaxes(autorange="reversed", type="category", automargin=True)
    return figure
