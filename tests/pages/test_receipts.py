"""The button that gives a run's receipt: there when the run is over, and made when asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.shared.receipts import offer_receipt
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.runs.store import Store

Open = Callable[..., AppTest]


def offered(app: AppTest) -> list[str]:
    return [given.label for given in app.get("download_button")]


def test_a_run_that_is_over_offers_it(
    open_page: Open, store: Store, dataset: Dataset, finished: str
) -> None:
    assert "Receipt to print" in offered(open_page("train", run=finished))
    waiting = store.create(RunConfig(dataset.id, "small"))
    assert "Receipt to print" not in offered(open_page("train", run=waiting))


@pytest.mark.usefixtures("workspace")
def test_it_is_made_when_somebody_asks(finished: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}
    monkeypatch.setattr(st, "download_button", lambda _, **how: given.update(how))
    st.cache_resource.clear()
    offer_receipt(finished, "run")
    assert given["file_name"] == f"receipt-run-{finished[:6]}.html"
    html = given["data"]()
    assert html.startswith("<!DOCTYPE html>")
    assert finished in html
    assert "colours: Small network" in html
