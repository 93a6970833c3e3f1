"""The button that gives the receipt of a run or a study to whoever wants to print it."""

from __future__ import annotations

import streamlit as st

from pages.shared.state import store, workspace
from tl_core.studies.receipt import receipt


def offer_receipt(which: str, what: str) -> None:
    """Offer a receipt; it is made when somebody asks for it.

    Args:
        which: id of a run that is over, or of a study of which a run has finished.
        what: "run" or "study".
    """
    st.download_button(
        "Receipt to print",
        data=lambda: receipt(workspace(), store(), which),
        file_name=f"receipt-{what}-{which[:6]}.html",
        mime="text/html",
        on_click="ignore",
        icon=":material/receipt_long:",
        key=f"receipt-{which}",
        help="One page with the pictures' fingerprint, the settings, the curve, what was mistaken "
        "and the command that does it again. Your browser opens and prints it.",
    )
