"""The script that every session runs: the steps' bar, then the page that the address names."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared.frame import step_bar
from pages.shared.state import show_in_address
from pages.shared.steps import ALL, page_file

LOGO = Path(__file__).parents[1] / "assets" / "logo.svg"

st.set_page_config(page_title="Headstart", page_icon=LOGO, layout="wide")

page = st.navigation(
    [
        st.Page(
            page_file(step.key),
            title=step.title,
            icon=step.icon,
            url_path=step.path,
            default=not step.path,
        )
        for step in ALL
    ],
    position="hidden",
)
show_in_address()
step_bar(page.title)
page.run()
