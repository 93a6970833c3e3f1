"""What the head start of the bundled backbone is worth, as it was measured.

`benchmarks/bundled_backbone.py --figures` writes the file; nobody else does. The table of Mini's
card is printed from it: `python -m tl_core.backbones.worth`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tl_core.backbones.weights import ROOT
from tl_core.errors import UserError, unknown

FIGURES = ROOT / "assets" / "mini-figures.json"

PerClass = int | Literal["all"]
Method = Literal["nearest mean", "feature-extraction", "fine-tune", "scratch"]

METHODS: Mapping[Method, str] = {
    "nearest mean": "nearest mean",
    "feature-extraction": "feature extraction",
    "fine-tune": "fine-tuning",
    "scratch": "from scratch",
}
TRANSFER: tuple[Method, ...] = ("feature-extraction", "fine-tune")

# A folder's name is for machines; a set that is not named here is called what its folder is.
_TITLES = {
    "hymenoptera": "ants and bees",
    "weather": "weather",
    "digits": "handwritten digits",
    "phones": "drawn phones and laptops",
}


@dataclass(frozen=True)
class Row:
    """One method on one picture set with so many pictures to learn from.

    Attributes:
        data: the picture set, as the command names its folder or sample.
        measured_on: how many pictures the share is of; none of them was learned from.
        per_class: at most so many pictures of each class were learned from.
        method: how they were learned.
        mean: share of pictures right, over the seeds; `None` where it was not measured.
        spread: standard deviation over the seeds; `None` where nothing depends on the seed, or
            there was one alone.
        seeds: how many draws of the training pictures were tried.
    """

    data: str
    measured_on: int
    per_class: PerClass
    method: Method
    mean: float | None
    spread: float | None
    seeds: int

    @property
    def sampling_error(self) -> float:
        """How far the share would move on as many other pictures: its standard error."""
        share = self.mean or 0.0
        return math.sqrt(share * (1 - share) / self.measured_on)


@dataclass(frozen=True)
class Figures:
    """Every row, and the command that printed them."""

    command: str
    rows: tuple[Row, ...]

    @property
    def sets(self) -> tuple[str, ...]:
        """The picture sets, in the order of the command."""
        return tuple(dict.fromkeys(row.data for row in self.rows))

    def of(self, data: str) -> tuple[Row, ...]:
        """Return the rows of one picture set.

        Raises:
            UserError: nothing was measured on it.
        """
        if data not in self.sets:
            raise unknown("measured picture set", data, self.sets)
        return tuple(row for row in self.rows if row.data == data)


@dataclass(frozen=True)
class Gain:
    """How far transfer is ahead of training from scratch.

    Attributes:
        points: hundredths of the pictures; negative where from scratch is better.
        doubt: the spreads of both together, in points.
    """

    points: float
    doubt: float

    @property
    def is_clear(self) -> bool:
        """Whether the difference is larger than what the draw of the pictures makes."""
        return abs(self.points) > self.doubt


def measured(path: Path = FIGURES) -> Figures:
    """Read the figures that come with the app.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(Row(**row) for row in told["rows"])
        if not rows:
            raise ValueError("no rows")
        return Figures(str(told["command"]), rows)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"The measured figures in {path} are missing or damaged; get Headstart again, or "
            "measure them with benchmarks/bundled_backbone.py --figures."
        ) from error


def render(figures: Figures) -> str:
    """Return the text of the file, one line per row, so that a change reads well."""
    rows = ",\n  ".join(json.dumps(asdict(row)) for row in figures.rows)
    return f'{{\n "command": {json.dumps(figures.command)},\n "rows": [\n  {rows}\n ]\n}}\n'


def title_of(data: str) -> str:
    """Return what people call a picture set.

    >>> title_of("hymenoptera"), title_of("my-flowers")
    ('ants and bees', 'my-flowers')
    """
    return _TITLES.get(data, data)


def by_method(rows: tuple[Row, ...], per_class: PerClass) -> dict[Method, Row]:
    """Return what was measured with so many pictures of each class."""
    return {row.method: row for row in rows if row.per_class == per_class and row.mean is not None}


def gain(figures: Figures, data: str, per_class: PerClass) -> Gain | None:
    """Return the better of both transfer recipes against from scratch; `None` if one is missing.

    Raises:
        UserError: nothing was measured on this picture set.
    """
    found = by_method(figures.of(data), per_class)
    recipes = [found[method] for method in TRANSFER if method in found]
    if not recipes or "scratch" not in found:
        return None
    transfer, scratch = max(recipes, key=lambda row: row.mean or 0.0), found["scratch"]
    assert transfer.mean is not None and scratch.mean is not None  # noqa: S101, PT018 (by_method)
    # One draw alone says nothing about the next.
    doubt = sum(math.inf if row.spread is None else row.spread for row in (transfer, scratch))
    return Gain(100 * (transfer.mean - scratch.mean), 100 * doubt)


def card_table(figures: Figures) -> str:
    """Return the table of the model card, in Markdown; bold is a win of training from scratch."""
    lines = [
        f"| pictures, measured on | each class | {' | '.join(METHODS.values())} |",
        "|---" * (2 + len(METHODS)) + "|",
    ]
    for data in figures.sets:
        rows = figures.of(data)
        name = f"{title_of(data)}, {rows[0].measured_on}"
        for per_class in dict.fromkeys(row.per_class for row in rows):
            found = by_method(rows, per_class)
            cells = [_cell(found.get(method)) for method in METHODS]
            difference = gain(figures, data, per_class)
            if difference and difference.points < 0:
                cells[-1] = f"**{cells[-1]}**"
            lines.append(" | ".join([f"| {name}".rstrip(), str(per_class), *cells]) + " |")
            name = ""
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return "not measured"
    return f"{row.mean:.2f}" + ("" if row.spread is None else f" ± {row.spread:.2f}")


if __name__ == "__main__":
    sys.stdout.write(card_table(measured()) + "\n")
