"""The drawn network is well-formed, complete, and says where the line is."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from pages.shared.drawing import FIRST, STEP, draw_chain, draw_moved
from tl_core.backbones.card import Stage
from tl_core.backbones.catalog import catalogue, find_card


@pytest.mark.parametrize("name", catalogue())
def test_every_backbone_draws_at_every_cut(name: str) -> None:
    card = find_card(name)
    for cut in range(len(card.stages) + 1):
        words = "".join(ET.fromstring(draw_chain(card, cut, 3)).itertext())  # noqa: S314
        assert words.count("frozen") >= cut
        assert all(stage in words for stage in card.stage_names)


def stages(drawing: ET.Element) -> list[ET.Element]:
    return [part for part in drawing.iter() if part.attrib.get("class") == "stage"]


def test_a_click_freezes_up_to_the_stage_and_thaws_the_last_frozen_one() -> None:
    drawing = ET.fromstring(draw_chain(find_card("resnet18"), 2, 3))  # noqa: S314
    assert [int(g.attrib["data-cut"]) for g in stages(drawing)] == [1, 1, 3, 4, 5]


def test_a_line_that_moves_is_a_slider_to_a_screen_reader() -> None:
    card = find_card("resnet18")
    still = ET.fromstring(draw_chain(card, 2, 3))  # noqa: S314
    assert not any("tabindex" in part.attrib for part in still.iter())
    for cut, said in ((0, "nothing is frozen"), (2, "frozen up to layer1")):
        drawing = ET.fromstring(draw_chain(card, cut, 3, is_movable=True))  # noqa: S314
        (line,) = (part.attrib for part in drawing.iter() if "tabindex" in part.attrib)
        assert line["role"] == "slider"
        assert line["aria-label"] == "Freeze line"
        assert (line["aria-valuenow"], line["aria-valuemax"]) == (str(cut), "5")
        assert line["aria-valuetext"] == said
        (reach,) = (part for part in drawing.iter() if part.attrib.get("class") == "reach")
        middle = float(reach.attrib["x"]) + float(reach.attrib["width"]) / 2
        assert middle == FIRST + cut * STEP, "where a drag looks for it"


def test_the_further_a_stage_moved_the_fuller_it_is_and_words_say_it_too() -> None:
    card = find_card("resnet18")
    shares = dict(zip(card.stage_names, (0.0, 0.0, 0.0, 0.02, 0.3), strict=True))
    drawing = ET.fromstring(draw_moved(card, shares, 2, 3))  # noqa: S314
    drawn = stages(drawing)
    full = [float(next(iter(g)).attrib["fill-opacity"]) for g in drawn]
    assert full[2] < full[3] < full[4]
    words = ["|".join(g.itertext()) for g in drawn]
    assert [("unmoved" in w, "by 2%" in w, "by 30%" in w) for w in words] == [
        (True, False, False), (True, False, False), (True, False, False), (False, True, False),
        (False, False, True),
    ]  # fmt: skip
    hatched = [any(r.attrib.get("fill") == "url(#hatch)" for r in g) for g in drawn]
    assert hatched == [True, True, False, False, False], "frozen ones, so not by colour alone"
    legend = "".join(drawing.itertext())
    assert "frozen, unmoved" in legend
    assert "30% moved" in legend
    assert not any("data-cut" in g.attrib for g in drawn)


def test_nothing_moved_at_all() -> None:
    card = find_card("resnet18")
    for frozen in (0, 5):
        draw_moved(card, dict.fromkeys(card.stage_names, 0.0), frozen, 2)


def test_names_are_text() -> None:
    card = replace(find_card("resnet18"), stages=(Stage("<script>", 1, 1, (1,)),))
    assert "<script>" not in draw_chain(card, 0, 2)
