"""The Learn page: the lesson, and every measured set with its figures and their command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.evidence import table, verdict
from pages.shared.steps import BAR, LEARN, PAGES, STEPS
from pages.shared.wording import PROMISES
from tl_core.backbones import worth

Open = Callable[..., AppTest]


def said(app: AppTest) -> list[str]:
    return [str(part.value) for part in [*app.markdown, *app.caption]]


def links(app: AppTest) -> list[str]:
    return [link.proto.label.strip("*") for link in app.get("page_link")]


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def test_it_stands_beside_the_steps(open_page: Open) -> None:
    assert LEARN not in STEPS
    app = open_page("learn")
    assert links(app)[: len(BAR)] == [page.heading for page in BAR]
    assert len({page.path for page in PAGES}) == len(PAGES), "every page has an address of its own"


def test_the_start_page_leads_there_and_its_cards_are_the_steps(open_page: Open) -> None:
    assert links(open_page()) == [LEARN.what, *(step.heading for step in STEPS[1:])]


def test_the_lesson_and_its_promises(open_page: Open) -> None:
    told = "\n".join(said(open_page("learn")))
    assert "**Transfer learning** reuses a network" in told
    for promise in PROMISES:
        assert f"**{promise}**" in told


def test_every_measured_set_can_be_looked_at(open_page: Open) -> None:
    figures = worth.measured()
    app = open_page("learn")
    assert app.code[0].value == figures.command
    for data in figures.sets:
        app.button_group[0].set_value(data).run()
        assert not app.exception
        assert verdict(figures, data) in said(app)
        assert table(figures, data) in said(app)


def test_the_next_step_is_the_data_page(open_page: Open) -> None:
    app = open_page("learn")
    press(app, "Next: bring pictures")
    assert app.header[0].value == "Bring pictures, sorted into classes"


def test_mini_is_chosen_by_a_button(open_page: Open) -> None:
    app = open_page("learn", backbone="resnet18", freeze="layer2")
    press(app, "Choose Mini and see its card")
    assert app.selectbox[0].value == "mini"
    assert app.query_params["backbone"] == "mini"
    assert "freeze" not in app.query_params


def test_without_the_figures_the_lesson_is_still_there(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(worth.measured, "__defaults__", (tmp_path / "gone.json",))
    app = open_page("learn")
    assert "missing or damaged" in app.error[0].value
    assert "**Transfer learning**" in "\n".join(said(app))
    assert any(button.label == "Next: bring pictures" for button in app.button)
