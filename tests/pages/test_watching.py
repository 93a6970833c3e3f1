"""Everybody who watches a run shares one look at the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import streamlit as st

from pages.shared import watching
from tl_core.runs.engines import local
from tl_core.runs.store import Store
from tl_core.training.events import EpochEnded


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    st.cache_resource.clear()
    monkeypatch.setattr(local, "ensure_worker", lambda *_: False)
    yield
    st.cache_resource.clear()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count how often events are read from the store."""
    asked: list[str] = []
    read = Store.milestones

    def counting(self: Store, run: str) -> object:
        asked.append(run)
        return read(self, run)

    monkeypatch.setattr(Store, "milestones", counting)
    return lambda: len(asked)


def test_thirty_pages_read_once_in_an_interval(finished: str, reads: Callable[[], int]) -> None:
    looks = [watching.look(finished, seconds=60) for _ in range(30)]
    assert reads() == 1
    assert all(look is looks[0] for look in looks)


def test_a_page_that_is_opened_sees_what_is_there_now(finished: str, store: Store) -> None:
    before = watching.look(finished, seconds=60)
    store.append(finished, [EpochEnded(0, 4, 0.1, 1.0, 0.2, 0.9, 1e-3, 2.0, 14)])
    assert watching.look(finished, seconds=60).drawn == before.drawn
    assert watching.look(finished).drawn == before.drawn + 1
