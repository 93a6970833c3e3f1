"""What surrounds every page: where one is in the steps, and errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.state import (
    address,
    brought_model,
    choices,
    choose,
    chosen_card,
    chosen_dataset,
    chosen_run,
)
from pages.shared.steps import PAGES, STEPS, page_file
from pages.shared.wording import GONE
from tl_core.faults import as_sentence
from tl_core.log import get_log

# Streamlit writes white on primary buttons in both themes; on the dark theme's bright teal, dark
# text is the readable one (8.3:1). Captions, and code in them, it writes at 60 % of the text's
# strength (3.9:1); here they have 6:1, as has what is written in charts (3.5:1 on light ground).
_LOOK = """<style>
.stMainBlockContainer {padding-top: 4.2rem; max-width: 78rem}
[data-testid=stBaseButton-primary]:not(:disabled) {color: light-dark(#ffffff, #0f1518)}
[data-testid=stCaptionContainer] {opacity: 1; color: light-dark(#56626a, #aeada6)}
[data-testid=stCaptionContainer] code {color: inherit}
.js-plotly-plot :is(.xtick, .ytick, .textpoint, .annotation) text,
.js-plotly-plot :is(.xtitle, .ytitle) {fill: light-dark(#56626a, #e8e6dd) !important}
.st-key-steps [data-testid=stPageLink-NavLink] {padding-inline: 0.2rem; gap: 0.3rem}
@media (max-width: 640px) {
  .st-key-steps [data-testid=stColumn] {min-width: 0; flex: 0 0 auto; width: auto}
  .st-key-steps [data-testid=stCaptionContainer] {display: none}
}
</style>"""


def show_error(error: Exception) -> bool:
    """Show an error as one sentence; no traceback reaches a person."""
    if (told := as_sentence(error)) is not None:
        st.error(on_page(str(told), 2000))
        return True
    get_log().error("page", exc_info=error)
    st.error(
        "Something went wrong on our side. Nothing of yours is lost; reload the page, and if it "
        "happens again, look into the terminal that runs Headstart for the details."
    )
    return True


@contextmanager
def guarded() -> Iterator[None]:
    """Show an error where it happens and let the rest of the page go on."""
    try:
        yield
    except Exception as error:
        show_error(error)


@contextmanager
def shown_alone(what: str) -> Iterator[None]:
    """Let one thing of many fail by itself: its place says so, and the others are shown.

    Args:
        what: it is, at the beginning of a sentence; plain text.
    """
    try:
        yield
    except Exception as error:  # Streamlit's own ways to end a script are no `Exception`
        get_log().warning("%s cannot be shown", what, exc_info=error)
        why = str(as_sentence(error) or _INCOMPLETE)
        st.caption(f":material/warning: {on_page(what, 60)} cannot be shown. {on_page(why, 400)}")


_INCOMPLETE = (
    "What is kept of it is damaged or incomplete; the terminal that runs Headstart says more, and "
    "the Storage page can delete it."
)


def step_bar(current: str) -> None:
    """Show the pages as links, with what has been chosen in each so far."""
    st.html(_LOOK)
    if current == STEPS[0].title:
        return
    dataset, card, run = chosen_dataset(), chosen_card(), chosen_run()
    has_model = run is not None and "bundle" in run.facts
    to_predict_with = "a model from elsewhere" if brought_model() else "needs a finished run"
    said = {
        "start": "and earlier runs",
        "data": on_page(dataset.name, 24) if dataset else "not chosen yet",
        "backbone": card.title if card else "not chosen yet",
        "train": f"run {on_page(run.id[:6])}" if run else "not started",
        "validate": "its figures and mistakes" if has_model else "needs a finished run",
        "predict": "on pictures of yours" if has_model else to_predict_with,
        "compare": "runs beside each other",
        "learn": "what it is worth",
    }
    with st.container(key="steps"):
        columns = st.columns(len(PAGES), gap="xxsmall")
    for column, step in zip(columns, PAGES, strict=True):
        with column:
            here = "**" if step.title == current else ""
            st.page_link(
                page_file(step.key),
                label=f"{here}{step.heading}{here}",
                icon=step.icon,
                query_params=address(),
            )
            st.caption(said[step.key])
    _say_what_is_gone()


def _say_what_is_gone() -> None:
    """Say once that what the address names is not here, and choose nothing in its place."""
    for key, found in (("data", chosen_dataset()), ("run", chosen_run())):
        if found is None and getattr(choices(), key):
            st.warning(GONE[key])
            choose(**{key: ""})


def go_to(key: str) -> None:
    """Move to another step with the choices in the address."""
    st.switch_page(page_file(key), query_params=address())


def next_step(key: str, label: str, *, reason: str = "") -> None:
    """Show the button to the next step; where it is disabled, the reason stands beside it."""
    if st.button(label, type="primary", disabled=bool(reason), icon=":material/arrow_forward:"):
        go_to(key)
    if reason:
        st.caption(reason)
