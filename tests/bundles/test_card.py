"""The card that lies in every bundle: readable, true to the manifest, and text is text."""

from __future__ import annotations

from dataclasses import replace

from tl_core.bundles.card import card
from tl_core.bundles.manifest import Figures, Manifest


def test_it_says_what_there_is_to_know(manifest: Manifest) -> None:
    text = card(manifest)
    for said in ("Small network", "- ants", "9 of 10", "90.0%", "60% to 98%", "For teaching only",
                 "| **ants** | 4 | 1 | 0 |", "64 × 64", "frozen stages | stem", "knows no others",
                 "chosen by Headstart", "0000000000000000"):  # fmt: skip
        assert said in text, said
    assert text.startswith("# Insects \\| and \\*more\\*\n")
    assert "=cmd|" not in text, "a name is text, in a table as elsewhere"


def test_test_pictures_go_before_validation_pictures(manifest: Manifest) -> None:
    test = Figures(2, 0, ((0, 0, 2), (0, 0, 0), (0, 0, 0)))
    text = card(replace(manifest, figures={**manifest.figures, "test": test}))
    assert "| **ants** | 0 | 0 | 2 |" in text
    assert "| **ants** | 4 | 1 | 0 |" not in text


def test_what_is_not_known_is_not_told(manifest: Manifest) -> None:
    text = card(replace(manifest, figures={}, licence="", dataset_name=""))
    assert "How good" not in text
    assert "Licence" not in text
    many = replace(manifest, classes=tuple(f"class {n}" for n in range(300)))
    figures = {"validation": Figures(300, 299)}
    assert "What it takes for what" not in card(replace(many, figures=figures))
