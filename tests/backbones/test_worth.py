"""The measured figures: they come with the app, the card says the same, and gains are honest."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from tl_core.backbones.worth import (
    FIGURES,
    METHODS,
    Figures,
    Method,
    PerClass,
    Row,
    card_table,
    gain,
    measured,
    render,
)
from tl_core.errors import UserError

CARD = Path(__file__).parents[2] / "assets" / "mini-card.md"


def row(
    method: Method,
    mean: float | None,
    spread: float | None = 0.02,
    per_class: PerClass = 5,
    data: str = "digits",
) -> Row:
    return Row(data, 100, per_class, method, mean, spread, 3)


def figures(*rows: Row) -> Figures:
    return Figures("python measure.py", rows)


def test_the_card_says_what_the_file_says() -> None:
    card = CARD.read_text(encoding="utf-8")
    shipped = measured()
    assert f"\n{card_table(shipped)}\n\n" in card, "run: python -m tl_core.backbones.worth"
    assert f"\n{shipped.command}\n" in card


def test_the_file_is_as_the_benchmark_writes_it() -> None:
    assert FIGURES.read_text(encoding="utf-8") == render(measured())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = figures(row("scratch", 0.5), row("fine-tune", None, None, "all"))
    file = tmp_path / "figures.json"
    file.write_text(render(written), encoding="utf-8")
    assert measured(file) == written


def test_shares_are_shares_of_pictures() -> None:
    for each in measured().rows:
        assert each.method in METHODS
        assert each.measured_on > 0
        assert each.mean is None or (0 <= each.mean <= 1 and each.seeds >= 1)
        assert each.spread is None or 0 <= each.spread <= 0.5, "of shares, at most a half"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        '{"rows": []}',
        '{"command": "", "rows": []}',
        '{"command": "", "rows": [{}]}',
    ],
)
def test_a_damaged_file_is_a_sentence(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "figures.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="get Headstart again"):
        measured(file)


def test_the_gain_is_that_of_the_better_recipe() -> None:
    told = gain(
        figures(row("feature-extraction", 0.7), row("fine-tune", 0.8, 0.05), row("scratch", 0.6)),
        "digits",
        5,
    )
    assert told
    assert told.points == pytest.approx(20)
    assert told.doubt == pytest.approx(7)
    assert told.is_clear


@pytest.mark.parametrize(
    ("scratch", "spread", "is_clear"),
    [(0.95, 0.02, True), (0.65, 0.02, True), (0.79, 0.02, False), (0.83, 0.02, False),
     (0.6, None, False)],
)  # fmt: skip
def test_a_gain_is_clear_beyond_both_spreads(
    scratch: float, spread: float | None, is_clear: bool
) -> None:
    told = gain(figures(row("fine-tune", 0.8), row("scratch", scratch, spread)), "digits", 5)
    assert told
    assert told.is_clear is is_clear
    assert math.copysign(1, told.points) == math.copysign(1, 0.8 - scratch)


def test_what_was_not_measured_has_no_gain() -> None:
    found = figures(row("fine-tune", 0.8), row("scratch", None), row("scratch", 0.5, 0.1, 20))
    assert gain(found, "digits", 5) is None
    assert gain(found, "digits", 20) is None
    assert gain(found, "digits", "all") is None
    with pytest.raises(UserError, match="digits"):
        gain(found, "digit", 5)


def test_the_table_of_the_card() -> None:
    table = card_table(
        figures(
            row("nearest mean", 0.5, None),
            row("feature-extraction", 0.7),
            row("scratch", 0.75),
            row("fine-tune", 0.6, 0.1, "all"),
            row("fine-tune", 1.0, 0.0, 5, "mine"),
        )
    )
    assert [re.split(r" *\| ?", line)[1:-1] for line in table.splitlines()[2:]] == [
        ["handwritten digits, 100", "5", "0.50", "0.70 ± 0.02", "not measured", "**0.75 ± 0.02**"],
        ["", "all", "not measured", "not measured", "0.60 ± 0.10", "not measured"],
        ["mine, 100", "5", "not measured", "not measured", "1.00 ± 0.00", "not measured"],
    ]


def test_many_pictures_leave_less_to_chance() -> None:
    few, many = (Row("x", n, 5, "scratch", 0.8, 0.0, 3) for n in (100, 400))
    assert few.sampling_error == pytest.approx(0.04)
    assert many.sampling_error == pytest.approx(0.02)
