"""A run as one flat record, as `train --json` and `runs --json` answer it."""

from __future__ import annotations

from typing import Any

from tl_core.runs.store import Run, Store
from tl_core.training.events import EpochEnded

_FIGURES = (
    "frozen_stages",
    "frozen_parameters",
    "trainable_parameters",
    "epochs",
    "best_epoch",
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "seconds",
    "images_per_second",
    "bundle",
)


def result(run: Run) -> dict[str, Any]:
    """Return what `train --json` answers, `wall_seconds` apart; unknown figures are `None`."""
    return {
        "run_id": run.id,
        "state": run.state,
        "backbone": run.config.backbone,
        "recipe": run.facts.get("recipe"),
        "dataset": run.facts.get("dataset_name", run.config.dataset),
        "classes": run.facts.get("classes"),
        "seed": run.config.seed,
        "device": run.facts.get("device_kind"),
        **{name: run.facts.get(name) for name in _FIGURES},
    }


def overview(store: Store, run: Run) -> dict[str, Any]:
    """Return one entry of `runs --json`: where a run stands, whether it has ended or not."""
    epochs = [told.event for told in store.milestones(run.id) if isinstance(told.event, EpochEnded)]
    accuracy = run.facts.get("validation_accuracy")
    if accuracy is None and epochs:
        accuracy = max(event.validation_accuracy for event in epochs)
    return {
        "run_id": run.id,
        "state": run.state,
        "epoch": epochs[-1].epoch if epochs else 0,
        "epochs": run.facts.get("epochs_planned"),
        "backbone": run.config.backbone,
        "recipe": run.facts.get("recipe", run.config.recipe),
        "dataset": run.facts.get("dataset_name", run.config.dataset),
        "validation_accuracy": accuracy,
        "created": run.created,
        "message": run.message,
    }
