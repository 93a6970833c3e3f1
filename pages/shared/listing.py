"""Runs in a list: what each is, how it stands, and the way to it."""

from __future__ import annotations

import time

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import shown_alone
from pages.shared.state import address, store
from pages.shared.steps import RUNS, page_file
from pages.shared.wording import RECIPES, STATES
from tl_core import words
from tl_core.runs.naming import backbone_title
from tl_core.runs.store import Run
from tl_core.runs.summary import overview


def show_runs(*, first: int = 0, most: int, without: str = "") -> None:
    """Show some runs, newest first, each with a link.

    Args:
        first: how many of the newest are passed over.
        most: how many are shown at most.
        without: a fact; runs that have it are left out.
    """
    for run in store().runs(first=first, most=most, without=without):
        with shown_alone(f"Run {run.id[:6]}"):
            _show(run)


def _show(run: Run) -> None:
    label, said = f"{title_of(run)}{_recipe(run)}", say_standing(run)
    link, standing = st.columns([1, 1], vertical_alignment="center", gap="xxsmall")
    link.page_link(
        page_file("train"),
        label=label,
        icon=":material/show_chart:",
        query_params=address() | {"run": run.id},
    )
    standing.caption(said)


def title_of(run: Run) -> str:
    """Return what was learned from and what learned it, as Markdown."""
    name = on_page(run.facts.get("dataset_name") or "pictures", 40)
    return f"{name} · {on_page(backbone_title(run.config), 40)}"


def say_unreadable() -> None:
    """Say how many runs are passed over because the store's rows cannot be read."""
    if count := len(store().unreadable()):
        st.caption(
            f":material/warning: {words.count(count, 'run')} cannot be shown: what the store holds "
            "is damaged, or another version of Headstart wrote it. The Storage page can delete it."
        )


def say_standing(run: Run) -> str:
    """Say how a run stands, how good it is so far, and when it was asked for."""
    parts, accuracy = [STATES[run.state]], run.facts.get("validation_accuracy")
    if accuracy is None:  # its events are read only where it does not know its figure yet
        told = overview(store(), run)
        accuracy = told["validation_accuracy"]
        if told["epoch"] and not run.is_over:
            at_most = f" of at most {told['epochs']}" if told["epochs"] else ""
            parts.append(f"epoch {told['epoch']}{at_most}")
    if accuracy is not None:
        before = " before that" if run.state == "failed" else ""
        parts.append(f"{accuracy:.0%} of validation pictures right{before}")
    parts.append(f"{words.duration(time.time() - run.created)} ago")
    return " · ".join([*parts, f"run\N{NO-BREAK SPACE}{run.id[:6]}"])


def link_to_runs() -> None:
    """Show the way to the list of all runs, where there are any."""
    if count := store().count_runs():
        label = "The list of all runs" if count > 1 else "The list of runs"
        st.page_link(page_file(RUNS.key), label=label, icon=RUNS.icon, query_params=address())


def _recipe(run: Run) -> str:
    recipe = run.facts.get("recipe", run.config.recipe)
    return f" · {RECIPES[recipe][0]}" if recipe in RECIPES else ""
