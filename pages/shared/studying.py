"""A study on one's own pictures: a button that starts it, and what it has told, live."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from pages.shared import study_charts
from pages.shared.escape import on_page
from pages.shared.frame import go_to, guarded, next_step, shown_alone
from pages.shared.once import Once
from pages.shared.ready import use_sample
from pages.shared.receipts import offer_receipt
from pages.shared.state import (
    brought_weights,
    choose,
    chosen_card,
    chosen_dataset,
    engine,
    store,
    workspace,
)
from pages.shared.watching import refreshing
from tl_core import words
from tl_core.data.dataset import Dataset
from tl_core.runs.progress import progress
from tl_core.studies.columns import BYTES, SHARES, columns
from tl_core.studies.kinds import ABOUT_A_BACKBONE, find_kind
from tl_core.studies.study import Asked, Kind, Reading, Study, find_study, start, stop, studies


def show_study(name: str, doing: str) -> None:
    """Show the newest study of a kind on the chosen pictures, and a button for a new one."""
    kind, dataset = find_kind(name), chosen_dataset()
    st.subheader(f"On your own pictures: {kind.TITLE[:1].lower()}{kind.TITLE[1:]}")
    st.write(doing)
    if dataset is None:
        without_pictures()
        return
    asked = Asked(dataset, _backbone(), weights=_weights())
    found = None
    with guarded():
        found = _newest(name, dataset, asked.backbone)
    if found is None or found.is_over:
        _starting(kind, asked, again=found is not None)
    if found is not None:
        _show(kind, found)


def without_pictures() -> None:
    """Say that pictures are needed, and lead to some."""
    st.info("Choose pictures first, or try it with those that Headstart draws.")
    left, right = st.columns(2)
    if left.button("Try it with the drawn phones and laptops", icon=":material/play_arrow:"):
        with guarded():
            use_sample("phones")
            st.rerun()
    with right:
        next_step("data", "Choose pictures")


def _backbone() -> str:
    card = chosen_card()
    return card.name if card is not None else "mini"


def _weights() -> dict[str, str]:
    brought = brought_weights()
    return {_backbone(): str(brought)} if brought else {}


def _newest(name: str, dataset: Dataset, backbone: str) -> Study | None:
    """Return the newest study of these pictures, and of this backbone where it is about one."""
    for study in studies(store()):
        fits = name not in ABOUT_A_BACKBONE or study.first.backbone == backbone
        if study.kind == name and study.first.dataset == dataset.id and fits:
            return study
    return None


def _starting(kind: Kind, asked: Asked, *, again: bool) -> None:
    with guarded():
        plan = kind.plan(asked)
        about = f" · {find_title(asked.backbone)}" if kind.NAME in ABOUT_A_BACKBONE else ""
        st.caption(
            f"{on_page(asked.dataset.name, 60)}{about} · {words.count(len(plan.parts), 'run')}"
        )
        label = "Ask again" if again else "Find out"
        if st.button(label, key=f"start-{kind.NAME}", type="secondary" if again else "primary",
                     icon=":material/experiment:"):  # fmt: skip
            start(engine(), kind.NAME, plan, asked.dataset.name)
            st.rerun()


def find_title(backbone: str) -> str:
    """Return what people call a backbone."""
    card = chosen_card()
    return card.title if card is not None and card.name == backbone else "Mini"


def _show(kind: Kind, study: Study) -> None:
    if study.is_over:
        _told(kind, study)
        return
    every, _ = refreshing()
    if st.button("Stop", icon=":material/stop:", key=f"stop-{kind.NAME}"):
        stop(engine(), study)
        st.rerun()
    st.fragment(_live, run_every=every)(kind, study.id, every)


@dataclass(frozen=True)
class _Look:
    """A study as one look at the store found it, at a time of `time.monotonic`."""

    at: float
    study: Study
    reading: Reading[Any]


@st.cache_resource
def _looks() -> Once[str, _Look]:
    return Once(most=32)


def _look(kind: Kind, study_id: str) -> _Look:
    now, study = time.monotonic(), find_study(store(), study_id)
    engine().warm(study.first.device)
    return _Look(now, study, kind.read(study, store(), workspace()))


def _live(kind: Kind, study_id: str, every: int) -> None:
    with guarded():
        seconds, _ = refreshing()
        # Everybody who refreshes in this interval shares the look of the first of them.
        oldest = time.monotonic() - 0.9 * every
        seen = _looks().get(study_id, lambda: _look(kind, study_id), lambda kept: kept.at >= oldest)
        if seen.study.is_over or seconds != every:
            st.rerun()
        _bar(seen.study)
        _reading(kind, seen.reading)
        st.caption("You may close this page: the runs go on, and this chapter finds them again.")


def _bar(study: Study) -> None:
    over = sum(run.is_over for _, run in study.runs)
    label, run = next((pair for pair in study.runs if pair[1].state == "running"), ("", None))
    within, doing = 0.0, "waiting for its turn"
    if run is not None:
        state = progress(store().milestones(run.id), run.facts.get("phases", []))
        within, doing = state.share, f"{label}: {state.doing}"
    st.progress(
        min(1.0, (over + within) / len(study.runs)),
        f"Run {min(over + 1, len(study.runs))} of {len(study.runs)} · {on_page(doing, 160)}",
    )


def _told(kind: Kind, study: Study) -> None:
    with shown_alone("This study"):
        failed = [run for _, run in study.runs if run.state == "failed"]
        stopped = [run for _, run in study.runs if run.state == "stopped"]
        reading = kind.read(study, store(), workspace())
        _reading(kind, reading)
        if failed:
            st.caption(
                f"{len(failed)} of {len(study.runs)} runs did not finish: "
                f"{on_page(failed[0].message, 300)}"
            )
        if stopped:
            st.caption(
                f"You stopped this study when {len(study.finished)} of its {len(study.runs)} runs "
                "had finished; what they found is kept. *Ask again* begins anew."
            )
        if study.finished:
            offer_receipt(study.id, "study")
        _use(reading)


def _reading(kind: Kind, reading: Reading[Any]) -> None:
    if reading.headline:
        st.markdown(f"**{on_page(reading.headline, 400)}** {on_page(reading.why, 600)}")
    drawn = study_charts.figure(kind.NAME, reading.rows)
    if drawn is not None:
        st.plotly_chart(drawn, key=f"figure-{kind.NAME}", config={"displayModeBar": False})
    _absent(reading)
    if reading.rows:
        with st.expander("The figures as a table"):
            heads = columns(kind.NAME)
            rows = [asdict(row) for row in reading.rows]
            st.dataframe(
                [{head: row[name] for name, head in heads.items()} for row in rows],
                hide_index=True,
                column_config={
                    head: _as_read(name)
                    for name, head in heads.items()
                    if not isinstance(rows[0][name], tuple)  # one figure for each epoch
                },
            )


def _as_read(name: str) -> Any:
    """Return how the table shows a figure, which stays a number to sort by."""
    look = "percent" if name in SHARES else "bytes" if name in BYTES else None
    return st.column_config.NumberColumn(format=look) if look else None


def _absent(reading: Reading[Any]) -> None:
    """Say how many could not take part."""
    absent = [row for row in reading.rows if getattr(row, "missing", "")]
    if absent:
        which = "1 has" if len(absent) == 1 else f"{len(absent)} have"
        st.caption(
            f"{which} no figure; the table says why. Weights that are downloaded on the Backbone "
            "page take part the next time."
        )


def _use(reading: Reading[Any]) -> None:
    """Offer to choose what was found."""
    if not reading.suggestion:
        return
    label = "Use this freeze line" if "freeze" in reading.suggestion else "Choose this backbone"
    if st.button(label, key="use-suggestion", icon=":material/check:"):
        choose(**reading.suggestion, run="")
        go_to("backbone")
