"""What a run takes for what: the matrix whose cells open their pictures, and mending from there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from pages.shared.correcting import corrections, show_corrections
from pages.shared.escape import on_page
from pages.shared.quality import chosen_cell, confusion
from pages.shared.small import show_small, tiles
from pages.shared.state import workspace
from pages.shared.wording import VALIDATING
from tl_core.data.dataset import Dataset, Item, find_dataset
from tl_core.errors import UserError
from tl_core.evaluation.calibration import confidences
from tl_core.evaluation.metrics import most_mistaken
from tl_core.evaluation.predictions import Predictions
from tl_core.evaluation.report import Report
from tl_core.runs.store import Run

_WORST, _CELL = "The surest mistakes", "One cell of the matrix"
_SHOWN, _PAIRS = 12, 5
_DRAWN = 40  # classes in the matrix, at most


@st.fragment
def show_mistakes(run: Run, made: Predictions, found: Report) -> None:
    """Show the matrix, the pairs that are confused most, and the pictures of what is chosen."""
    drawn = most_mistaken(found.confusion, _DRAWN)
    left, right = st.columns([3, 2])
    with left:
        st.plotly_chart(
            confusion(
                found.confusion[np.ix_(drawn, drawn)], tuple(found.classes[k] for k in drawn)
            ),
            key="matrix",
            on_select=lambda: _clicked(run, drawn.tolist()),
            selection_mode="points",
            config={"displayModeBar": False},
        )
    with right:
        st.caption(VALIDATING["matrix"])
        if len(drawn) < len(found.classes):
            st.caption(f"Drawn are the {len(drawn)} classes with most mistakes.")
        _pairs(run, found)
    st.session_state.setdefault(_key(run, "view"), _WORST)  # a click sets it too
    view = st.segmented_control(
        "Show", [_WORST, _CELL], required=True, key=_key(run, "view"),
        label_visibility="collapsed",
    )  # fmt: skip
    places = list(found.mistakes) if view == _WORST else _cell(run, made, found)
    if not places:
        st.success("No mistakes." if view == _WORST else "No picture is in this cell.")
        return
    try:
        dataset = find_dataset(workspace(), run.config.dataset)
    except UserError:
        st.info("The pictures of this run are no longer here, so they cannot be shown.")
        return
    _pictures(run, made, dataset, places)
    show_corrections(run, dataset, _items(made, dataset, sorted(_picked(run))))


def _key(run: Run, what: str) -> str:
    return f"{what}-{run.id}"


def _clicked(run: Run, drawn: Sequence[int]) -> None:
    if cell := chosen_cell(st.session_state["matrix"]["selection"]):
        _open(run, drawn[cell[0]], drawn[cell[1]])


def _open(run: Run, row: int, column: int) -> None:
    st.session_state[_key(run, "view")] = _CELL
    st.session_state[_key(run, "is")], st.session_state[_key(run, "said")] = row, column


def _pairs(run: Run, found: Report) -> None:
    if not found.confused:
        return
    st.markdown("**Taken for each other most often**")
    for pair in found.confused[:_PAIRS]:
        one, other = (found.classes[k] for k in (pair.first, pair.second))
        for row, column, count in (
            (pair.first, pair.second, pair.there),
            (pair.second, pair.first, pair.back),
        ):
            if count:
                names = (one, other) if row == pair.first else (other, one)
                st.button(
                    f"{on_page(names[0], 24)} taken for {on_page(names[1], 24)}: {count}",
                    key=_key(run, f"pair-{row}-{column}"),
                    on_click=_open,
                    args=(run, row, column),
                    type="tertiary",
                    icon=":material/visibility:",
                )


def _cell(run: Run, made: Predictions, found: Report) -> list[int]:
    """Let the cell be chosen without a pointer, and return the places of its pictures."""
    numbers, names = range(len(found.classes)), found.classes
    left, right = st.columns(2)
    row = left.selectbox("Pictures of", numbers, format_func=names.__getitem__, key=_key(run, "is"))
    column = right.selectbox(
        "that it called", numbers, format_func=names.__getitem__, key=_key(run, "said")
    )
    places = np.flatnonzero((made.labels == row) & (made.answers == column))
    surest = np.argsort(-confidences(made.logits)[places], kind="stable")
    return [int(place) for place in places[surest]]


def _pictures(run: Run, made: Predictions, dataset: Dataset, places: Sequence[int]) -> None:
    pages = -(-len(places) // _SHOWN)
    page = 1
    if pages > 1:
        page = int(st.number_input(f"Part (of {pages})", 1, pages, 1, key=_key(run, "part")))
    shown = places[(page - 1) * _SHOWN : page * _SHOWN]
    items, sure = _by_file(dataset), confidences(made.logits)
    for place, tile in zip(shown, tiles(160, border=True), strict=False):
        with tile:
            item = items.get((made.files[place], int(made.labels[place])))
            names = run.facts["classes"]
            said = on_page(names[made.answers[place]], 24)
            _picture(dataset, item, made.files[place])
            st.caption(f"is **{on_page(names[made.labels[place]], 24)}**, "
                       f"said **{said}** ({sure[place]:.0%})")  # fmt: skip
            if item is not None:
                st.checkbox(
                    "Choose it", place in _picked(run), key=_pick_key(run, place),
                    on_change=_pick, args=(run, place),
                )  # fmt: skip


def _picture(dataset: Dataset, item: Item | None, file: str) -> None:
    if item is None:
        was_erased = file in {item.file for item in dataset.erased}
        st.caption("The picture was erased." if was_erased else "The picture is gone.")
        return
    show_small(dataset.path(item), item.name, dataset.classes[item.label], white=dataset.white)


def _by_file(dataset: Dataset) -> dict[tuple[str, int], Item]:
    return {(item.file, item.label): item for item in dataset.of("validation")}


def _items(made: Predictions, dataset: Dataset, places: Sequence[int]) -> list[Item]:
    items = _by_file(dataset)
    keys = [(made.files[place], int(made.labels[place])) for place in places]
    return [items[key] for key in keys if key in items]


def _pick_key(run: Run, place: int) -> str:
    """Return the key of a picture's tick; after a correction all are new, and empty."""
    return _key(run, f"pick-{corrections(run)}-{place}")


def _picked(run: Run) -> set[int]:
    """Return what was chosen so far; widgets forget what is not on the page, this does not."""
    picked: set[int] = st.session_state.setdefault(_key(run, "picked"), set())
    return picked


def _pick(run: Run, place: int) -> None:
    is_chosen = st.session_state[_pick_key(run, place)]
    (_picked(run).add if is_chosen else _picked(run).discard)(place)
