"""Figures are built once per new data, and names in them are text."""

from __future__ import annotations

from pages.shared import charts
from tl_core.runs.store import Store


def test_a_figure_is_shared_until_something_new_was_told(store: Store, finished: str) -> None:
    number = store.events(finished)[-1].number
    loss, accuracy = charts.curves(store, finished, number)
    assert charts.curves(store, finished, number)[0] is loss
    assert charts.curves(store, finished, number + 1)[0] is not loss
    assert [trace.line.dash for trace in accuracy.data] == ["solid", "dash"]
    assert list(loss.data[0].x) == [1, 2, 3]
    assert loss.layout.uirevision == "keep"


def test_class_names_are_text() -> None:
    figure = charts.class_counts({"<b>bold</b>": 3, "1": 2})
    assert figure.data[0].y == ("&lt;b&gt;bold&lt;/b&gt;", "1")
    assert figure.layout.yaxis.type == "category"
