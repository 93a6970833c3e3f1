"""Figures are built once per new data, and names in them are text."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from pages.shared import charts
from tl_core.backbones.worth import Row
from tl_core.config import RunConfig
from tl_core.runs.store import Run, Store
from tl_core.training.events import EpochEnded


def test_a_figure_is_shared_until_something_new_was_told(store: Store, finished: str) -> None:
    told = store.milestones(finished)
    events, number = [item.event for item in told], told[-1].number
    run = store.run(finished)
    loss, accuracy = charts.curves(run, number, events)
    assert charts.curves(run, number, events)[0] is loss
    newer = charts.curves(run, number + 1, events)[0]
    assert newer is not loss
    assert charts.curves(run, number, events)[0] is newer, "who looked earlier takes it too"
    assert charts.curves(replace(run, started=1.0), number, events)[0] is not newer
    assert loss.to_dict() is loss.to_dict(), "nobody pays for a copy"
    assert [trace.line.dash for trace in accuracy.data] == ["solid", "dash"]
    assert list(loss.data[0].x) == [1, 2, 3]
    assert loss.layout.uirevision == "keep"


def test_a_long_run_is_drawn_with_few_points() -> None:
    epochs = [EpochEnded(0, n, 1 / n, 0.5, 1.1 / n, 0.4, 1e-3, 2.0, 14) for n in range(1, 5001)]
    loss, _ = charts.curves(Run("long", "", 0.0, "running", RunConfig("", "")), 4999, epochs)
    numbers = list(loss.data[0].x)
    assert (len(numbers), numbers[0], numbers[-1]) == (charts.MOST_POINTS, 1, 5000)
    assert max(after - before for before, after in pairwise(numbers)) <= 17
    assert charts.thinned(epochs[:300]) == epochs[:300]


def test_class_names_are_text() -> None:
    figure = charts.class_counts((("<b>bold</b>", (2, 1, 0)), ("1", (1, 1, 0))))
    assert figure.data[0].y == ("&lt;b&gt;bold&lt;/b&gt;", "1")
    assert figure.layout.yaxis.type == "category"


def worth(method: str, per_class: int | str, mean: float | None, spread: float | None) -> Row:
    return Row("digits", 100, per_class, method, mean, spread, 3)  # type: ignore[arg-type]


def test_the_head_start_is_told_by_dash_and_symbol_too() -> None:
    rows = (
        worth("nearest mean", 5, 0.4, None),
        worth("fine-tune", 5, 0.7, 0.1),
        worth("scratch", 5, 0.8, 0.02),
        worth("fine-tune", "all", 0.9, 0.0),
        worth("scratch", "all", None, None),
    )
    figure = charts.head_start(rows)
    assert charts.head_start(tuple(rows)) is figure, "built once for the same rows"
    lines = {trace.name: trace for trace in figure.data}
    assert list(lines["fine-tuning"].y) == [0.7, 0.9]
    assert list(lines["fine-tuning"].error_y.array) == [0.1, 0.0]
    assert list(lines["from scratch"].y) == [0.8, None], "a gap where nothing was measured"
    assert len({trace.line.dash for trace in figure.data}) == len(figure.data)
    assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)
    assert figure.layout.xaxis.ticktext == ("5", "all")


@pytest.mark.parametrize(
    ("mean", "spread", "floor"), [(0.9, 0.1, 0.5), (0.35, 0.1, 0.2), (0.05, 0.1, 0.0)]
)
def test_no_mark_of_the_head_start_lies_below_the_axis(
    mean: float, spread: float, floor: float
) -> None:
    figure = charts.head_start((worth("scratch", 5, mean, spread),))
    assert figure.layout.yaxis.range[0] == pytest.approx(floor)


def test_splits_are_told_by_pattern_too() -> None:
    figure = charts.class_counts((("ants", (7, 2, 1)), ("bees", (70, 15, 15))))
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [tuple(trace.x) for trace in bars] == [(7, 70), (2, 15), (1, 15)]
    assert len({trace.marker.pattern.shape for trace in bars}) == 3
    assert tuple(figure.data[-1].text) == ("10", "100")


def test_sizes_stand_beside_what_the_network_sees() -> None:
    figure = charts.picture_sizes((100, 200, 200), 224)
    assert sorted(figure.data[0].x) == [100, 200, 200]
    assert figure.layout.shapes[0].x0 == 224
    assert charts.picture_sizes((100, 200, 200), 224) is figure
