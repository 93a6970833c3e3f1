"""Pictures that are ready: the samples that come along, and public sets to download."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.small import tiles
from pages.shared.state import address, choose, chosen_dataset, workspace
from pages.shared.steps import page_file
from tl_core.data.public import PUBLIC_SETS, PublicSet, bytes_here, here_already, public_set
from tl_core.data.samples import SAMPLES, examples, find_sample, sample

_SHOWN = 6


def show_samples() -> None:
    """Show the samples, each with a few of its pictures and a button."""
    for entry in SAMPLES:
        with st.container(border=True):
            st.markdown(f"**{entry.title}** · {entry.about}")
            for place, (picture, tile) in enumerate(
                zip(_examples(entry.key), tiles(), strict=False), 1
            ):
                tile.image(picture, width="stretch", alt=f"{entry.title}: example {place}")
            st.caption(f"No internet needed. {entry.source} · Licence: {entry.licence}")
            if st.button(f"Use {entry.title}", key=f"sample-{entry.key}"):
                with guarded():
                    use_sample(entry.key)
                    st.rerun()
            _say_if_chosen(entry.title)


@st.cache_data(show_spinner="Making a few pictures …")
def _examples(key: str) -> list[bytes]:
    return examples(find_sample(key), _SHOWN)


def use_sample(key: str, **also: str) -> None:
    """Make a sample, with progress on the page, and choose it and whatever else is named.

    Raises:
        UserError: see `sample`.
    """
    place = st.empty()
    place.caption("Making the pictures …")
    made = sample(workspace(), key, _counted(place, "Making the pictures"))
    choose(data=made.id, run="", **also)


def show_public() -> None:
    """Show the public sets, each with what it is, what it costs and a button."""
    st.write(
        "Picture sets that researchers share. They are downloaded once, from where their authors "
        "publish them, and stay on this machine."
    )
    for chosen in PUBLIC_SETS:
        with st.container(border=True):
            _show_set(chosen)


def _show_set(chosen: PublicSet) -> None:
    st.markdown(
        f"**{chosen.title}** · {chosen.about}  \n"
        f"{chosen.classes} classes, {chosen.pictures:,} pictures. {chosen.taken}  \n"
        f":small[{on_page(chosen.paper, 200)} · Licence: {on_page(chosen.licence, 200)} · "
        f"[more about it]({chosen.home})]"
    )
    here, icon = bytes_here(workspace(), chosen), ":material/download:"
    size = _megabytes(chosen.bytes)
    if here_already(workspace(), chosen):
        label, icon, said = f"Use {chosen.title}", ":material/check:", "On this machine already."
    elif here:
        label = f"Go on with the download of {size}"
        said = f"{_megabytes(here)} have arrived already; it goes on from there."
    else:
        label, said = f"Download {size}", ""
    pressed = st.button(label, key=f"public-{chosen.key}", icon=icon)
    if said:
        st.caption(said)
    if pressed:
        with guarded():
            _use_public(chosen)
            st.rerun()
    _say_if_chosen(chosen.title)


def _use_public(chosen: PublicSet) -> None:
    place, note = st.empty(), st.empty()
    note.caption("Stay on this page until it is done. If you leave it, what has arrived is kept.")
    place.progress(0.0, "Looking for the server …")

    def tell(done: int, total: int) -> None:
        share = f"{_megabytes(done)} of {_megabytes(total)}"
        place.progress(min(done / total, 1.0), f"Downloading {chosen.title}: {share}")

    try:
        dataset = public_set(
            workspace(),
            chosen.key,
            downloading=tell,
            importing=_counted(place, "Taking in the pictures"),
        )
    finally:
        place.empty()
        note.empty()
    choose(data=dataset.id, run="")


def _counted(place: DeltaGenerator, doing: str) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        of = max(total, done, 1)  # a total that was estimated may grow
        place.progress(done / of, f"{doing}: {done} of {of}")

    return tell


def _say_if_chosen(title: str) -> None:
    dataset = chosen_dataset()
    if dataset is not None and dataset.name == title:
        st.page_link(
            page_file("backbone"),
            label="These pictures are chosen and shown below. Next: choose a backbone",
            icon=":material/check_circle:",
            query_params=address(),
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"
