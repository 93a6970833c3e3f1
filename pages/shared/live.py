"""A run, live while it goes on and as it ended afterwards."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from pages.shared import charts
from pages.shared.escape import on_page
from pages.shared.frame import go_to, guarded
from pages.shared.refresh import say_refresh
from pages.shared.state import predictor, store, workspace
from pages.shared.watching import Look, look, refreshing
from pages.shared.wording import GLOSSARY, STATES
from tl_core.backbones.catalog import find_card
from tl_core.data.dataset import find_dataset
from tl_core.errors import UserError
from tl_core.evaluation.interval import say_interval
from tl_core.evaluation.reading import read_curves
from tl_core.runs.progress import in_words, time_left
from tl_core.runs.savings import savings, say_savings
from tl_core.runs.store import Run
from tl_core.training.events import EpochEnded, Notice


def show_run(run: Run) -> None:
    """Show a run; while it goes on, again and again, without the rest of the page."""
    seen = look(run.id)
    _title(seen.run)
    if seen.run.is_over:
        _ended(seen)
        return
    if st.button("Stop", icon=":material/stop:", disabled=seen.run.stop, key="stop"):
        store().ask_to_stop(run.id)
        st.rerun()
    if seen.run.stop:
        st.caption("Stopping after this step; the best epoch so far is kept.")
    every, _ = refreshing()
    st.fragment(_live, run_every=every)(seen, every)
    _words()


def _title(run: Run) -> None:
    name = on_page(run.facts.get("dataset_name", "your pictures"), 40)
    st.header(f"{STATES[run.state]}: {name} · {find_card(run.config.backbone).title}")


def _live(before: Look, every: int) -> None:
    with guarded():
        seconds, viewers = refreshing()
        # Everybody who refreshes in this interval shares the look of the first of them.
        seen = look(before.run.id, seconds=0.9 * every)
        if seen.standing != before.standing or seconds != every:
            st.rerun()
        _bar(seen)
        _curves(seen)
        st.caption(
            f"{say_refresh(every, viewers)} You may close it: training goes on, and this address "
            "finds it again."
        )


def _bar(seen: Look) -> None:
    run, state = seen.run, seen.progress
    if run.state == "queued":
        st.progress(0.0, "Waiting for the worker; the first start takes some seconds …")
        return
    st.progress(state.share, on_page(state.doing, 200))
    where = f" · on {on_page(run.facts['device'])}" if "device" in run.facts else ""
    if state.epochs:
        st.caption(f"Epoch {state.epoch} of at most {state.epochs} · {time_left(state)}{where}")


def _ended(seen: Look) -> None:
    run, facts = seen.run, seen.run.facts
    if run.message:
        (st.error if run.state in ("failed", "interrupted") else st.info)(
            on_page(run.message, 2000)
        )
    if "bundle" in facts:
        columns = st.columns(4)
        _figure(columns[0], "validation", facts["validation_accuracy"])
        _figure(columns[1], "test", facts["test_accuracy"])
        columns[2].metric("Best epoch", f"{facts['best_epoch']} of {facts['epochs']}")
        columns[3].metric("Time", in_words(facts["seconds"]))
        _trust(run)
        good, tried, _ = st.columns([2, 2, 5])
        if good.button("See how good it is", icon=":material/fact_check:", width="stretch"):
            go_to("validate")
        if tried.button("Try predictions", type="primary", icon=":material/auto_awesome:"):
            go_to("predict")
        predictor().warm()
    _curves(seen)
    _words()


def _trust(run: Run) -> None:
    """Say in words what the validation figure is worth, where its pictures are still here."""
    with suppress(UserError):
        count = find_dataset(workspace(), run.config.dataset).split_counts()["validation"]
        if count:
            said = say_interval(run.facts["validation_accuracy"], count)
            st.caption(f"The validation figure: {on_page(said, 300)}")


def _figure(place: st.delta_generator.DeltaGenerator, split: str, share: float | None) -> None:
    place.metric(
        f"{split.capitalize()} pictures right",
        "–" if share is None else f"{share:.1%}",
        help=f"There are no {split} pictures in these folders."
        if share is None
        else GLOSSARY[split],
    )


def _curves(seen: Look) -> None:
    events = [item.event for item in seen.told]
    for event in events:
        if isinstance(event, Notice):
            st.warning(on_page(event.text, 500))
    if seen.drawn >= 0:
        loss, accuracy = charts.curves(seen.run, seen.drawn, events)
        left, right = st.columns(2)
        left.plotly_chart(loss, key="loss", config={"displayModeBar": False})
        right.plotly_chart(accuracy, key="accuracy", config={"displayModeBar": False})
        st.write(read_curves([event for event in events if isinstance(event, EpochEnded)]).says)
    if (saved := savings(events)) is not None:
        st.caption(say_savings(saved))


def _words() -> None:
    with st.expander("What the words mean"):
        for word in ("epoch", "loss", "validation"):
            st.markdown(f"**{word.capitalize()}**: {GLOSSARY[word]}")
