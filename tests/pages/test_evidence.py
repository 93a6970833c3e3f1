"""The words about what was measured are computed from it, and are honest whichever way it falls."""

from __future__ import annotations

from pages.shared.evidence import doubt, heading, table, verdict
from tl_core.backbones.worth import Figures, Method, PerClass, Row


def figures(*rows: tuple[PerClass, Method, float | None, float | None]) -> Figures:
    return Figures("python measure.py", tuple(Row("digits", 200, *row, 3) for row in rows))


def test_what_is_ahead_is_said_and_by_how_much() -> None:
    told = verdict(
        figures(
            (5, "fine-tune", 0.80, 0.02),
            (5, "scratch", 0.70, 0.02),
            (20, "fine-tune", 0.80, 0.02),
            (20, "scratch", 0.92, 0.02),
            (50, "feature-extraction", 0.90, 0.02),
            (50, "scratch", 0.93, 0.02),
            ("all", "fine-tune", 0.90, 0.0),
            ("all", "scratch", None, None),
        ),
        "digits",
    )
    assert told == (
        "**The head start is ahead** with 5 pictures of each class (by 10 points). "
        "**From scratch is ahead** with 20 pictures of each class (by 12 points). "
        "**Too close to tell** with 50 pictures of each class (from scratch 3 points higher). "
        "Not compared with all pictures."
    )


def test_several_amounts_and_no_difference() -> None:
    told = verdict(
        figures(
            (1, "fine-tune", 0.702, 0.02),
            (1, "scratch", 0.700, 0.02),
            (20, "fine-tune", 0.81, 0.02),
            (20, "scratch", 0.80, 0.02),
        ),
        "digits",
    )
    assert told == (
        "**Too close to tell** with 1 picture of each class (no difference) and 20 pictures of "
        "each class (the head start 1 point higher)."
    )


def test_the_table_has_a_line_for_each_method() -> None:
    found = figures(
        (5, "nearest mean", 0.6, None),
        (5, "scratch", 0.701, 0.024),
        ("all", "scratch", None, None),
    )
    assert table(found, "digits").splitlines() == [
        "| pictures of each class | 5 | all |",
        "|---|---|---|",
        "| nearest mean | 60% | not measured |",
        "| feature extraction | not measured | not measured |",
        "| fine-tuning | not measured | not measured |",
        "| from scratch | 70% ± 2 | not measured |",
    ]


def test_few_pictures_leave_doubt() -> None:
    said = doubt(figures((5, "scratch", 0.5, 0.1)), "digits")
    assert "over 3 draws" in said
    assert "Measured on 200 pictures, so each one counts for 0.5 points" in said
    assert "4 points higher or lower" in said


def test_names_of_folders_are_text() -> None:
    assert heading("phones") == "Drawn phones and laptops"
    assert heading("**bold**") == r"\*\*bold\*\*"
