"""Which figures of a study stand in its table, what their columns are called, and how they read."""

from __future__ import annotations

from collections.abc import Mapping

from tl_core import words
from tl_core.studies import decade, how_many, race, where_to_cut, which_backbone

SHARES = ("accuracy", "mean", "low", "high", "error")
"""Fields that are shares of 1."""

BYTES = ("memory",)
"""Fields that count bytes."""

_COLUMNS: Mapping[str, Mapping[str, str]] = {
    race.NAME: {
        "way": "way",
        "seed": "seed",
        "state": "state",
        "seconds": "seconds at the end of each epoch",
        "accuracy": "right after each epoch",
    },
    how_many.NAME: {
        "way": "way",
        "per_class": "pictures of each class",
        "mean": "right (mean)",
        "low": "worst draw",
        "high": "best draw",
        "seeds": "draws",
    },
    where_to_cut.NAME: {
        "stage": "stage",
        "accuracy": "right",
        "error": "standard error",
        "trainable": "parameters that learn",
        "epoch_seconds": "seconds for an epoch (estimate)",
        "memory": "memory of a step (estimate)",
        "suggested": "suggested",
    },
    which_backbone.NAME: {
        "title": "backbone",
        "accuracy": "right",
        "error": "standard error",
        "behind": "points against the best",
        "clear": "more than luck",
        "seconds": "seconds for a picture",
        "parameters": "parameters",
        "missing": "why there is no figure",
    },
    decade.NAME: {
        "year": "year",
        "title": "what",
        "accuracy": "right",
        "seconds": "seconds",
        "parameters": "parameters",
        "megabytes": "MB",
        "missing": "why there is no figure",
    },
}


def columns(kind: str) -> Mapping[str, str]:
    """Return the heads of a study's table by the names of its rows' fields."""
    return _COLUMNS[kind]


def cell(name: str, value: object) -> str:
    """Return a row's field as a person reads it; what is listed epoch by epoch stays empty.

    >>> cell("error", 0.0106), cell("memory", 1_304_865_304), cell("seconds", 0.98765)
    ('1.1%', '1.3 GB', '0.988')
    >>> cell("trainable", 1_234_567), cell("year", 2012), cell("clear", True), cell("low", (1, 2))
    ('1,234,567', '2012', 'yes', '')
    """
    if value is None or isinstance(value, list | tuple):
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.1%}" if name in SHARES else f"{value:,.3g}"
    if isinstance(value, int):
        if name in BYTES:
            return words.size(value)
        return f"{value:,}" if value >= 10_000 else str(value)  # a year has no comma
    return str(value)
