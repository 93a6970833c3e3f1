"""The drawn network is well-formed, complete, and says where the line is."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from pages.shared.drawing import draw_chain
from tl_core.backbones.card import Stage
from tl_core.backbones.catalog import catalogue, find_card

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", catalogue())
def test_every_backbone_draws_at_every_cut(name: str) -> None:
    card = find_card(name)
    for cut in range(len(card.stages) + 1):
        words = "".join(ET.fromstring(draw_chain(card, cut, 3)).itertext())  # noqa: S314
        assert words.count("frozen") >= cut
        assert all(stage in words for stage in card.stage_names)


def test_a_click_freezes_up_to_the_stage_and_thaws_the_last_frozen_one() -> None:
    drawing = ET.fromstring(draw_chain(find_card("resnet18"), 2, 3))  # noqa: S314
    targets = [int(g.attrib["data-cut"]) for g in drawing.iter("g")]
    assert targets == [1, 1, 3, 4, 5]


def test_names_are_text() -> None:
    card = replace(find_card("resnet18"), stages=(Stage("<script>", 1, 1, (1,)),))
    assert "<script>" not in draw_chain(card, 0, 2)
