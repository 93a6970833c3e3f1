"""The Learn page: the lesson, and every measured set with its figures and their command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.evidence import table, verdict
from pages.shared.lesson import CHAPTERS
from pages.shared.steps import LEARN, PAGES, STEPS, STORAGE
from pages.shared.wording import GLOSSARY, PROMISES
from tl_core.backbones import worth
from tl_core.studies.kinds import KINDS

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
    assert links(app)[: len(PAGES)] == [page.heading for page in PAGES]
    assert len({page.path for page in PAGES}) == len(PAGES), "every page has an address of its own"


def test_the_start_page_leads_there_and_its_cards_are_the_steps(open_page: Open) -> None:
    steps = [step.heading for step in STEPS[1:]]
    assert links(open_page()) == [LEARN.what, *steps, STORAGE.what]


def test_the_lesson_begins_with_what_it_is_and_what_it_promises(open_page: Open) -> None:
    app = open_page("learn", chapter="no such chapter")
    assert app.header[0].value == "Transfer learning"
    told = "\n".join(said(app))
    assert "**Transfer learning** reuses a network" in told
    for promise in PROMISES:
        assert f"**{promise}**" in told


def test_the_chapters_follow_each_other_and_each_has_an_address(open_page: Open) -> None:
    app = open_page("learn", chapter=CHAPTERS[0].key)
    for chapter in CHAPTERS[1:]:
        press(app, f"Next chapter: {chapter.title}")
        assert app.header[0].value == chapter.title
        assert chapter.text in said(app)
        assert app.query_params["chapter"] == chapter.key
    assert not [button for button in app.button if button.label.startswith("Next chapter")]


def test_a_chapter_is_chosen_from_the_list(open_page: Open) -> None:
    app = open_page("learn")
    app.button_group[0].set_value("years").run()
    assert app.header[0].value == "The ImageNet years"
    app.button_group[0].set_value("words").run()
    told = said(app)
    for word, meaning in GLOSSARY.items():
        assert f"**{word.capitalize()}**: {meaning}" in told


def test_every_study_has_its_chapter() -> None:
    assert {chapter.study for chapter in CHAPTERS} - {""} == set(KINDS)


def test_every_measured_set_can_be_looked_at(open_page: Open) -> None:
    figures = worth.measured()
    app = open_page("learn", chapter="pictures")
    assert app.code[0].value == figures.command
    for data in figures.sets:
        app.button_group[1].set_value(data).run()
        assert not app.exception
        assert verdict(figures, data) in said(app)
        assert table(figures, data) in said(app)


def test_the_steps_lead_to_the_data_page(open_page: Open) -> None:
    app = open_page("learn", chapter="steps")
    press(app, "Next: bring pictures")
    assert app.header[0].value == "Bring pictures, sorted into classes"


def test_mini_is_chosen_by_a_button(open_page: Open) -> None:
    app = open_page("learn", backbone="resnet18", freeze="layer2", chapter="network")
    press(app, "Choose Mini and see its chain")
    assert app.selectbox[0].value == "mini"
    assert app.query_params["backbone"] == "mini"
    assert "freeze" not in app.query_params


def test_without_the_figures_the_lesson_is_still_there(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(worth.measured, "__defaults__", (tmp_path / "gone.json",))
    app = open_page("learn", chapter="pictures")
    assert "missing or damaged" in app.error[0].value
    assert app.subheader[0].value == "On your own pictures: how many pictures?"
