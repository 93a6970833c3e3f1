"""A run, live while it goes on and as it ended afterwards."""

from __future__ import annotations

import shutil
from contextlib import suppress

import streamlit as st

from pages.shared import charts
from pages.shared.controls import show_controls
from pages.shared.details import show_details
from pages.shared.escape import on_page
from pages.shared.frame import go_to, guarded
from pages.shared.moved_stages import show_moved
from pages.shared.receipts import offer_receipt
from pages.shared.refresh import say_refresh
from pages.shared.state import predictor, workspace
from pages.shared.watching import Look, look, refreshing
from pages.shared.wording import GLOSSARY, NEXT, STATES, STILL_LEARNING, WISHES
from tl_core import words
from tl_core.data.dataset import find_dataset
from tl_core.errors import UserError
from tl_core.evaluation.interval import say_interval
from tl_core.evaluation.reading import read_curves
from tl_core.runs.naming import backbone_title
from tl_core.runs.progress import time_left
from tl_core.runs.savings import savings, say_savings
from tl_core.runs.store import Run
from tl_core.runs.waiting import say_outlook
from tl_core.training.events import EpochEnded, Notice

_FULL = 1_000_000  # bytes


def show_run(run_id: str) -> Run:
    """Show a run; while it goes on, again and again, without the rest of the page.

    Raises:
        UserError: there is no such run.
    """
    seen = look(run_id)
    run = seen.run
    name = on_page(run.facts.get("dataset_name") or "your pictures", 40)
    st.header(f"{STATES[run.state]}: {name} · {on_page(backbone_title(run.config), 40)}")
    show_controls(run)
    _say(run)
    if run.is_over:
        with guarded():
            _ended(seen)
        with guarded():
            _curves(seen)
        with guarded():
            show_moved(run)
    else:
        every, _ = refreshing()
        st.fragment(_live, run_every=every)(seen, every)
    with st.expander("What the words mean"):
        for word in ("epoch", "loss", "validation"):
            st.markdown(f"**{word.capitalize()}**: {GLOSSARY[word]}")
    show_details(run.id)
    return run


def _say(run: Run) -> None:
    """Say what the run itself has to say, and what happens next."""
    told = "" if run.message.rstrip(".") == STATES[run.state] else on_page(run.message, 2000)
    if run.state == "failed":
        st.error(told or "It ended, and left no reason.")
    elif told and run.state in ("paused", "interrupted"):
        st.warning(told)
    elif told:
        st.info(told)
    if not run.again:  # else it waits for room on the disk, and has said that it goes on by itself
        st.caption(WISHES.get(run.wish) or NEXT[run.state])


def _live(before: Look, every: int) -> None:
    with guarded():
        seconds, viewers = refreshing()
        # Everybody who refreshes in this interval shares the look of the first of them.
        seen = look(before.run.id, seconds=0.9 * every)
        if seen.standing != before.standing or seconds != every:
            st.rerun()
        _bar(seen)
        _say_full()
        _curves(seen)
        st.caption(say_refresh(every, viewers))


def _bar(seen: Look) -> None:
    run, at = seen.run, seen.progress
    doing = on_page(at.doing, 200)
    if seen.outlook is not None:
        starting = " It begins in some seconds." if seen.outlook.high == 0 else ""
        doing = say_outlook(seen.outlook) + starting
    elif run.state != "running":
        doing = STATES[run.state]
    st.progress(at.share, doing)
    if at.epoch:
        left = f" · {time_left(at)}" if run.state == "running" else ""
        where = f" · on {on_page(run.facts['device'])}" if "device" in run.facts else ""
        st.caption(f"Epoch {at.epoch} of at most {at.epochs}{left}{where}")


def _say_full() -> None:
    """Say that the disk is full where a run cannot: its store has no room for a word either."""
    root = workspace().root
    if shutil.disk_usage(root).free < _FULL:
        st.warning(
            f"The disk that holds {on_page(str(root), 300)} is full, so training waits; free some "
            "space, and it goes on by itself."
        )


def _ended(seen: Look) -> None:
    run, facts = seen.run, seen.run.facts
    if run.state != "finished" and "bundle" not in facts:
        return
    columns = st.columns(4)
    _figure(columns[0], "validation", facts.get("validation_accuracy"))
    _figure(columns[1], "test", facts.get("test_accuracy"))
    if (best := facts.get("best_epoch")) is not None:
        columns[2].metric("Best epoch", f"{best} of {facts.get('epochs')}")
    if (seconds := facts.get("seconds")) is not None:
        columns[3].metric("Time", words.duration(seconds))
    _trust(run)
    if "bundle" not in facts:  # features made by hand leave no model
        offer_receipt(run.id, "run")
        return
    good, tried, printed, _ = st.columns([2, 2, 2, 3])
    if good.button("See how good it is", icon=":material/fact_check:", width="stretch"):
        go_to("validate")
    if tried.button("Try predictions", type="primary", icon=":material/auto_awesome:"):
        go_to("predict")
    with printed:
        offer_receipt(run.id, "run")
    predictor().warm()


def _trust(run: Run) -> None:
    """Say in words what the validation figure is worth, where its pictures are still here."""
    with suppress(UserError):
        count = find_dataset(workspace(), run.config.dataset).split_counts()["validation"]
        accuracy = run.facts.get("validation_accuracy")
        if count and accuracy is not None:
            said = say_interval(accuracy, count)
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
        reading = read_curves([event for event in events if isinstance(event, EpochEnded)])
        goes_on = reading.sign == "unfinished" and not seen.run.is_over
        st.write(STILL_LEARNING if goes_on else reading.says)
    if (saved := savings(events)) is not None:
        st.caption(say_savings(saved))
