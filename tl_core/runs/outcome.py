"""What a run's bundle says of itself: how it was made, how good it is, whose terms it inherits."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import torch
import torchvision

from tl_core.backbones.catalog import find_card
from tl_core.bundles.manifest import MOST_IN_CONFUSION, Figures, Manifest, Setting
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, Split
from tl_core.data.decode import OPENER
from tl_core.evaluation.metrics import confusion_matrix
from tl_core.evaluation.predictions import Predictions
from tl_core.training.phases import Plan
from tl_core.version import __version__


def manifest_of(config: RunConfig, dataset: Dataset, todo: Plan) -> Manifest:
    """Return what a run's bundle says before its figures are known."""
    card = find_card(config.backbone)
    return Manifest(
        backbone=config.backbone,
        classes=dataset.classes,
        preprocessing=card.preprocessing.reading(dataset.white),
        opener=OPENER,
        recipe=todo.recipe,
        frozen_stages=card.stage_names[: todo.cut],
        dataset=dataset.id,
        versions=versions(),
        licence=_licence(config, todo),
        dataset_name=dataset.name,
        settings=_settings(config, todo),
    )


def figures_of(made: Mapping[Split, Predictions]) -> dict[Split, Figures]:
    """Return what a bundle says of its own answers."""
    figures: dict[Split, Figures] = {}
    for split, answers in made.items():
        classes = answers.logits.shape[1]
        matrix = confusion_matrix(answers.labels, answers.answers, classes).tolist()
        rows = tuple(map(tuple, matrix)) if classes <= MOST_IN_CONFUSION else ()
        figures[split] = Figures(len(answers.labels), int(answers.right.sum()), rows)
    return figures


def _settings(config: RunConfig, todo: Plan) -> dict[str, Setting]:
    """Return what a model's card tells of the run, without paths of this machine."""
    last = todo.phases[-1]
    return {
        "epochs": ", then ".join(f"at most {phase.epochs}" for phase in todo.phases),
        "batch size": last.batch_size,
        "learning rate of the head": ", then ".join(f"{phase.head_lr:g}" for phase in todo.phases),
        "variation of the pictures": last.augment,
        "seed": config.seed,
        "weights it started from": _beginning(config, todo),
    }


def _beginning(config: RunConfig, todo: Plan) -> str:
    if todo.recipe == "scratch":
        return "random"
    return "a file of one's own" if config.weights is not None else "the published ones"


def _licence(config: RunConfig, todo: Plan) -> str:
    """Return the terms that a model inherits from the weights it started from."""
    weights = find_card(config.backbone).weights
    if todo.recipe == "scratch" or weights is None:
        return ""
    if config.weights is not None:
        return "Started from a weights file of your own, whose terms apply."
    return weights.licence


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on."""
    return {
        "headstart": __version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "python": platform.python_version(),
    }
