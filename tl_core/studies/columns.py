"""Which figures of a study stand in its table, and what their columns are called."""

from __future__ import annotations

from collections.abc import Mapping

from tl_core.studies import decade, how_many, race, where_to_cut, which_backbone

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
        "memory": "bytes of a step (estimate)",
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
