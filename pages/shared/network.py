"""The upper parts of the Backbone page: the shelves, a card, one's own weights."""

from __future__ import annotations

import hashlib

import streamlit as st

from pages.shared.drawing import count
from pages.shared.escape import on_page
from pages.shared.state import brought_weights, choices, choose, workspace
from pages.shared.wording import GLOSSARY
from tl_core.backbones.card import Card
from tl_core.backbones.catalog import catalogue
from tl_core.backbones.weights import works_offline
from tl_core.backbones.weights_file import check_file
from tl_core.errors import UserError
from tl_core.workspace import write_atomic

SHELVES = {
    "light": "Light and quick",
    "historic": "The historic line, 2012 to 2015",
    "large": "Large and modern",
}


def shelf_of(card: Card) -> str:
    """Return the shelf that a backbone stands on."""
    published = card.weights is not None and not card.weights.bundled
    if card.year <= 2015 and (published or card.contest is not None):
        return "historic"
    return "light" if card.gmac < 0.7 else "large"


def pick_backbone() -> Card:
    """Let a person pick a backbone from one of three shelves, and remember it."""
    cards = catalogue()
    now = cards.get(choices().backbone, cards["mobilenet_v2"])
    shelf = st.segmented_control(
        "Shelf",
        list(SHELVES),
        format_func=lambda key: SHELVES[key],
        default=shelf_of(now),
        label_visibility="collapsed",
        required=True,
    )
    names = [card.name for card in sorted(cards.values(), key=_by_age) if shelf_of(card) == shelf]
    brought = choices().backbone if brought_weights() else ""
    lines = {name: one_line(cards[name], brought == name) for name in names}
    picked = st.selectbox(
        "Backbone",
        names,
        names.index(now.name) if now.name in names else 0,
        format_func=lines.__getitem__,
        key=f"backbone-{shelf}-{choices().weights}",  # the lines say what is brought
    )
    if picked != choices().backbone:
        choose(backbone=picked, recipe="", freeze="", weights="")
        st.rerun()  # what stands above was drawn with the earlier choice
    return cards[picked]


def _by_age(card: Card) -> tuple[int, int]:
    return card.year, card.parameters


def one_line(card: Card, with_own_weights: bool) -> str:
    """Return a backbone's line in the list."""
    if with_own_weights:
        state = "with your weights file"
    elif card.weights is None:
        state = "starts from scratch"
    elif card.weights.bundled:
        state = "comes with the app"
    elif works_offline(card):
        state = "ready on this machine"
    else:
        state = f"downloads {card.weights.bytes / 1e6:.0f} MB once"
    return f"{card.title} · {card.year} · {count(card.parameters)} parameters · {state}"


def show_card(card: Card) -> None:
    """Show what is known of a backbone."""
    left, right = st.columns(2)
    with left:
        st.subheader(f"{card.title}, {card.year}")
        st.write(card.story)
        if card.contest:
            st.write(f":material/trophy: ImageNet challenge: {card.contest}")
        licence = card.weights.licence if card.weights else "No weights: it starts from scratch."
        st.caption(f"{on_page(card.paper, 200)}  \n{on_page(licence, 300)}")
    with right:
        figures = st.columns(3)
        figures[0].metric("Parameters", count(card.parameters), help=GLOSSARY["parameters"])
        figures[1].metric(
            "Work", f"{card.gmac:.1f} G", help="Billions of multiply-adds for one picture."
        )
        top1 = card.weights.top1 if card.weights else None
        figures[2].metric(
            "ImageNet",
            "–" if top1 is None else f"{top1:.0f} %",
            help="Share of 50,000 photos of 1000 classes that these weights name at the first "
            "guess. The challenge's figures are for several networks together.",
        )


def _kept(data: bytes, called: str) -> str:
    """Keep a weights file that the person calls `called`, unless it is none; return its name.

    Raises:
        UserError: it is no whole weights file, or the disk is full.
    """
    name = f"{hashlib.sha256(data).hexdigest()[:16]}.safetensors"
    file = workspace().weights / name
    if not file.exists():
        write_atomic(file, data)
        try:
            check_file(file)
        except UserError as error:
            file.unlink(missing_ok=True)
            raise UserError(str(error).replace(name, called)) from error
    return name


def bring_weights(card: Card) -> None:
    """Let a person bring a weights file for this backbone."""
    with st.expander("Bring a weights file for this backbone", expanded=bool(brought_weights())):
        st.caption(
            "For machines without internet, or for weights of your own. Only .safetensors files "
            "are read, because they cannot run code. A .pth file is converted in a terminal: "
            "`python -m tl_core convert-weights IN.pth OUT.safetensors`"
        )
        turn = st.session_state.setdefault("weights_turn", 0)
        file = st.file_uploader(
            "Weights file", type="safetensors", key=f"weights-{card.name}-{turn}"
        )
        if file is not None:
            # A fresh uploader lets go of the memory, and the list above is drawn anew.
            st.session_state["weights_turn"] = turn + 1
            st.session_state["weights_error"] = ""
            try:
                choose(weights=_kept(file.getvalue(), file.name))
            except UserError as error:
                st.session_state["weights_error"] = str(error)
            st.rerun()
        if said := st.session_state.get("weights_error"):
            st.error(on_page(said, 600))
        if brought_weights():
            st.success(
                "Your weights file is used. Whether it fits is checked when training starts."
            )
            if st.button("Leave my weights file out", icon=":material/undo:"):
                choose(weights="")
                st.rerun()
