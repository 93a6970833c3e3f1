"""The table of runs: filtered, sorted, noted on, and chosen from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.shared.frame import shown_alone
from pages.shared.state import store, workspace
from pages.shared.wording import COMPARING, RECIPES, STATES
from tl_core.data.dataset import list_datasets
from tl_core.evaluation.interval import interval
from tl_core.runs.comparing import FAVOURITE, MOST_NOTE, NOTE, annotate, settings
from tl_core.runs.store import Run

MOST = 7  # runs beside each other, for as many colours
_FIRST = 3  # runs that are compared before anybody chose


def label(run: Run) -> str:
    """Return a run's name among others; plain text."""
    told = settings(run)
    return f"{told['Backbone']}, {in_words(told['Recipe'])} ({run.id[:4]})"


def in_words(value: str) -> str:
    """Return a setting's value as people say it; plain text."""
    return RECIPES[value][0] if value in RECIPES else value


def chosen_runs(runs: Sequence[Run]) -> list[Run]:
    """Show the table and return the runs that are ticked in it, at most `MOST`."""
    shown = _filtered(runs)
    if not shown:
        st.info("No run is like that; widen the filters above.")
        return []
    ticked = _first(shown)
    checked = {d.id: d.split_counts()["validation"] for d in list_datasets(workspace())}
    rows: dict[str, dict[str, Any]] = {}
    for run in shown:
        with shown_alone(f"Run {run.id[:6]}"):
            rows[run.id] = _row(run, run.id in ticked, checked.get(run.config.dataset, 0))
    shown = [run for run in shown if run.id in rows]
    edited = st.data_editor(
        list(rows.values()),
        # What was changed belongs to rows by their number, so other rows are another table.
        key="table-" + "-".join(run.id[:6] for run in shown),
        column_config=_COLUMNS,
        disabled=_READ_ONLY,
        hide_index=True,
    )
    for run, row in zip(shown, edited, strict=True):
        annotate(store(), run, row["note"] or "", bool(row["★"]))
    chosen = [run for run, row in zip(shown, edited, strict=True) if row["compare"]]
    if len(chosen) > MOST:
        st.caption(f"The first {MOST} of the {len(chosen)} chosen runs are shown below.")
    return chosen[:MOST]


def _filtered(runs: Sequence[Run]) -> list[Run]:
    columns = st.columns([3, 3, 3, 2], vertical_alignment="bottom")
    told = {run.id: settings(run) for run in runs}
    kept = list(runs)
    for column, name in zip(columns, ("Pictures", "Backbone", "Recipe"), strict=False):
        values = sorted({each[name] for each in told.values()})
        wanted = column.multiselect(name, values, placeholder="all", key=f"filter-{name}")
        kept = [run for run in kept if not wanted or told[run.id][name] in wanted]
    if columns[3].toggle("Favourites only", key="filter-favourites"):
        kept = [run for run in kept if run.facts.get(FAVOURITE)]
    return kept


def _first(shown: Sequence[Run]) -> set[str]:
    """Return the newest run with a model and those beside it, on the same pictures if possible."""
    done = [run for run in shown if run.facts.get("bundle")]
    beside = sorted(done, key=lambda run: run.config.dataset != done[0].config.dataset)
    return {run.id for run in beside[:_FIRST]}


def _row(run: Run, is_ticked: bool, checked: int) -> dict[str, Any]:
    """Return a row; `checked` is the number of validation pictures, 0 where it is not known."""
    told, accuracy = settings(run), run.facts.get("validation_accuracy")
    low, high = None, None
    if accuracy is not None and checked:
        low, high = interval(accuracy * checked, checked)
    return {
        "compare": is_ticked,
        "★": bool(run.facts.get(FAVOURITE)),
        "pictures": told["Pictures"],
        "backbone": told["Backbone"],
        "recipe": in_words(told["Recipe"]),
        "frozen": told["Frozen"],
        "right": accuracy,
        "at least": low and round(low, 2),
        "at most": high and round(high, 2),
        "note": run.facts.get(NOTE, ""),
        "state": STATES[run.state],
        "epochs": run.facts.get("epochs"),
        "seconds": run.facts.get("seconds"),
        "run": run.id[:4],
    }


_share = st.column_config.NumberColumn
_COLUMNS = {
    "compare": st.column_config.CheckboxColumn(help=COMPARING["compare"]),
    "★": st.column_config.CheckboxColumn(help="A favourite of yours."),
    "right": st.column_config.ProgressColumn(
        format="percent", min_value=0, max_value=1, help="Validation pictures answered right."
    ),
    "at least": _share(format="percent", help=COMPARING["range"]),
    "at most": _share(format="percent", help=COMPARING["range"]),
    "seconds": _share(format="%.0f"),
    "note": st.column_config.TextColumn(max_chars=MOST_NOTE, help=COMPARING["note"]),
}
_READ_ONLY = [
    "pictures", "backbone", "recipe", "frozen", "right", "at least", "at most", "state", "epochs",
    "seconds", "run",
]  # fmt: skip
