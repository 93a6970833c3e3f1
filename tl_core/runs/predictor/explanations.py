"""What pages ask the predictor about a model: each returns a job to look in on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, Item
from tl_core.evaluation.embedding import choose_evenly
from tl_core.evaluation.explanation import (
    Activations,
    Attention,
    Covering,
    PictureMap,
)
from tl_core.runs.predictor.jobs import Job
from tl_core.runs.predictor.predicting import Predictor
from tl_core.runs.predictor.wire import Message


def attention(
    predictor: Predictor, model: Path, picture: Path, name: str | None = None
) -> Job[Attention]:
    """Ask which places of a picture speak for the class `name`, or for the likeliest one."""
    return _ask(predictor, "attend", model, Attention, picture=str(picture), **{"class": name})


def covering(predictor: Predictor, model: Path, picture: Path, name: str) -> Job[Covering]:
    """Ask what the class `name` loses where each place of the picture is covered."""
    return _ask(predictor, "cover", model, Covering, picture=str(picture), **{"class": name})


def activations(predictor: Predictor, model: Path, picture: Path, stage: str) -> Job[Activations]:
    """Ask what a stage makes of a picture."""
    return _ask(predictor, "activate", model, Activations, picture=str(picture), stage=stage)


def first_filters(predictor: Predictor, model: Path) -> Job[NDArray[np.float32]]:
    """Ask for the filters that see the picture itself, `(K, h, w, 3)` between 0 and 1."""
    return predictor.later(_request("filters", model), lambda answer: answer["filters"])


def backbone_activations(
    predictor: Predictor, backbone: str, picture: Path, stage: str, white: int = 0
) -> Job[Activations]:
    """Ask what a stage of a backbone as it comes makes of a picture of a set; see `deep`."""
    request = {"do": "look", "backbone": backbone, "picture": str(picture), "stage": stage,
               "white": white}  # fmt: skip
    return predictor.later(request, lambda answer: Activations(**answer))


def backbone_filters(predictor: Predictor, backbone: str) -> Job[NDArray[np.float32]]:
    """Ask for the first filters of a backbone as it comes; see `first_filters`."""
    request = {"do": "first", "backbone": backbone}
    return predictor.later(request, lambda answer: answer["filters"])


def picture_map(
    predictor: Predictor,
    model: Path,
    began: RunConfig,
    pictures: Sequence[Path],
    labels: Sequence[int],
) -> Job[PictureMap]:
    """Ask for a map of pictures with their classes, before and after the run told `began`."""
    return _ask(
        predictor, "embed", model, PictureMap, **_began(began),
        pictures=[str(picture) for picture in pictures], labels=list(labels),
    )  # fmt: skip


def items_on_map(dataset: Dataset, most: int) -> list[Item]:
    """Return at most `most` pictures for a map, of every class as many as there can be.

    Half of them are validation pictures, or all of these where there are fewer; the others are
    training pictures.
    """
    held, learned = dataset.of("validation"), dataset.of("train")
    some = _evenly(held, max(most // 2, most - len(learned)))
    return some + _evenly(learned, most - len(some))


def _evenly(items: list[Item], most: int) -> list[Item]:
    return [items[place] for place in choose_evenly([item.label for item in items], most)]


def _ask(predictor: Predictor, do: str, model: Path, kind: Any, **values: Any) -> Job[Any]:
    return predictor.later(_request(do, model) | values, lambda answer: kind(**answer))


def _request(do: str, model: Path) -> Message:
    """Name the model with its time, so that one that was trained anew is asked anew."""
    changed = model.stat().st_mtime_ns if model.is_file() else 0
    return {"do": do, "model": str(model), "changed": changed}


def _began(config: RunConfig) -> dict[str, Any]:
    return {"weights": config.weights, "seed": config.seed}
