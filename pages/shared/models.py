"""Choosing among the runs that have a model."""

from __future__ import annotations

import streamlit as st

from pages.shared.state import choose, chosen_run, store
from tl_core.runs.naming import backbone_title
from tl_core.runs.store import Run


def choose_model(label: str) -> Run | None:
    """Show the runs that have a model and return the chosen one, or `None` where there are none."""
    runs = {run.id: run for run in store().runs() if run.facts.get("bundle")}
    if not runs:
        return None
    current = chosen_run()
    ids = list(runs)
    here = ids.index(current.id) if current and current.id in runs else 0
    picked = st.selectbox(label, ids, here, format_func=lambda run: name_of(runs[run]))
    if current is None or picked != current.id:
        choose(run=picked)
    return runs[picked]


def name_of(run: Run) -> str:
    """Return what people call a run that has ended; plain text."""
    accuracy = run.facts.get("validation_accuracy")
    is_known = isinstance(accuracy, int | float)
    figure = f"{accuracy:.0%} of validation pictures right" if is_known else "no figure"
    name = run.facts.get("dataset_name") or "pictures"
    return f"{name} · {backbone_title(run.config)} · {figure} · {run.id[:6]}"
