"""What was found in a dataset: each with its pictures, why it matters, and what can be done.

Nothing is done at once: a person chooses, finding by finding or for all of a kind, and one button
makes a new version with all of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.small import show_small
from pages.shared.state import choose, workspace
from pages.shared.wording import SPLIT_WORDS
from tl_core import words
from tl_core.data.dataset import Dataset
from tl_core.data.finding import TITLES, Finding, Kind, Mend, by_kind
from tl_core.data.mend import mend
from tl_core.data.scan import Scan, kept_findings

_ICONS = {"problem": ":material/error:", "warning": ":material/warning:", "note": ":material/info:"}
_SHOWN = 12  # findings of one kind at once
_PICTURES = 4  # of one finding
_STEP = 0.4  # seconds of scanning between two looks at what a person does
_LEAVE = "Leave it"


def show_findings(dataset: Dataset) -> None:
    """Show what was found; before that, the progress of the scan."""
    found = kept_findings(workspace(), dataset)
    if found is None:
        _scanning(dataset)
    else:
        _found(dataset, found)


@st.fragment(run_every=_STEP / 2)
def _scanning(dataset: Dataset) -> None:
    key, work = st.session_state.get("scan", ("", None))
    if key != dataset.id:
        work = Scan(workspace(), dataset)
        st.session_state["scan"] = (dataset.id, work)
        seconds = 0.0  # the rest of the page waits for this first part
    else:
        seconds = _STEP
    assert work is not None  # noqa: S101
    with guarded():
        if work.step(seconds):
            work.finish()
            del st.session_state["scan"]
            st.rerun()
    share = work.done / max(work.total, 1)
    st.progress(share, f"Checking the pictures: {work.done} of {work.total}")
    st.caption("You can go on meanwhile; what is found will be shown here.")


@st.fragment
def _found(dataset: Dataset, found: Sequence[Finding]) -> None:
    st.subheader("What to look at before training")
    if not found:
        st.success("Nothing was found that would mislead the network or its figures.")
        return
    st.caption("Nothing is changed unless you choose it here and press the button below.")
    for kind, group in by_kind(found).items():
        severity = min((f.severity for f in group), key=list(_ICONS).index)
        title = f"{TITLES[kind]}: {len(group)}"
        with st.expander(title, icon=_ICONS[severity], expanded=severity == "problem"):
            _kind(dataset, kind, group)
    _apply(dataset)


def _kind(dataset: Dataset, kind: Kind, group: list[Finding]) -> None:
    reasons = {finding.why for finding in group}
    if len(reasons) == 1:
        st.write(on_page(group[0].why, 600))
    if len(group) > 1 and all(finding.mends for finding in group):
        says = on_page(group[0].mends[0].says)
        st.button(
            f"Choose “{says}” for all {len(group)}",
            key=f"all-{dataset.id}-{kind}",
            on_click=_choose_all,
            args=(dataset, kind, group),
        )
    pages = -(-len(group) // _SHOWN)
    page = 1
    if pages > 1:
        label = f"Part (of {pages})"
        page = int(st.number_input(label, 1, pages, 1, key=f"part-{dataset.id}-{kind}"))
    shown = range((page - 1) * _SHOWN, min(page * _SHOWN, len(group)))
    is_single = all(len(group[number].items) == 1 for number in shown)
    side_by_side = 4 if is_single else 2
    for start in range(shown.start, shown.stop, side_by_side):
        for column, number in zip(
            st.columns(side_by_side), shown[start - shown.start :], strict=False
        ):
            with column, st.container(border=True, height="stretch"):
                if len(reasons) > 1:
                    st.write(on_page(group[number].why, 600))
                _finding(dataset, group[number], _key(dataset, kind, number))


def _finding(dataset: Dataset, finding: Finding, key: str) -> None:
    if not finding.items:
        st.markdown(" · ".join(on_page(name) for name in finding.names))
    columns = st.columns(min(max(len(finding.items), 2), _PICTURES))
    for column, item in zip(columns, finding.items, strict=False):
        with column:
            show_small(
                dataset.path(item), item.name, dataset.classes[item.label], white=dataset.white
            )
        name = on_page(item.name.replace("\\", "/").rpartition("/")[2], 30)
        where = f"{on_page(dataset.classes[item.label], 30)} · {SPLIT_WORDS[item.split]}"
        column.caption(f"{where} · {name}")
    if len(finding.items) > _PICTURES:
        st.caption(f"and {len(finding.items) - _PICTURES} more")
    if finding.mends:
        options = [_LEAVE, *(one.says for one in finding.mends)]
        chosen = _chosen(dataset).get(key)
        st.radio(
            "What to do",
            options,
            index=0 if chosen is None else 1 + finding.mends.index(chosen),
            format_func=on_page,
            horizontal=True,
            label_visibility="collapsed",
            key=key,
            on_change=_choose_one,
            args=(dataset, finding, key),
        )


def _key(dataset: Dataset, kind: Kind, number: int) -> str:
    return f"mend-{dataset.id}-{kind}-{number}"


def _chosen(dataset: Dataset) -> dict[str, Mend]:
    """Return the mends chosen so far; widgets forget what is not on the page, this does not."""
    if st.session_state.get("mends", ("",))[0] != dataset.id:
        st.session_state["mends"] = (dataset.id, {})
    chosen: dict[str, Mend] = st.session_state["mends"][1]
    return chosen


def _choose_one(dataset: Dataset, finding: Finding, key: str) -> None:
    says = st.session_state[key]
    _chosen(dataset).pop(key, None)
    for one in finding.mends:
        if one.says == says:
            _chosen(dataset)[key] = one


def _choose_all(dataset: Dataset, kind: Kind, group: list[Finding]) -> None:
    for number, finding in enumerate(group):
        key = _key(dataset, kind, number)
        st.session_state[key] = finding.mends[0].says
        _chosen(dataset)[key] = finding.mends[0]


def _apply(dataset: Dataset) -> None:
    chosen = list(_chosen(dataset).values())
    count = words.count(len(chosen), "change")
    if st.button(
        f"Make a version with {count}" if chosen else "Make a version with these changes",
        disabled=not chosen,
        icon=":material/build:",
        key="mend",
    ):
        with guarded():
            made = mend(workspace(), dataset, chosen)
            st.session_state.pop("mends", None)
            choose(data=made.id, run="")
            st.rerun()
    st.caption(
        "These pictures stay as they are beside it, and so do runs that learned from them."
        if chosen
        else "Choose above what to change first."
    )
