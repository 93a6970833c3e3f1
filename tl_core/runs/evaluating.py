"""What a finished run's model said of its pictures: as kept, or asked anew where it was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tl_core.data.dataset import SPLITS, Dataset, Split, find_dataset
from tl_core.data.stored import damaged_items
from tl_core.errors import UserError
from tl_core.evaluation.predictions import (
    FILE,
    Predictions,
    load_predictions,
    predictions_of,
    save_predictions,
)
from tl_core.runs.locate import find_bundle
from tl_core.runs.store import Run
from tl_core.workspace import Workspace

Progress = Callable[[int, int], None]
_STEP = 64  # pictures between two calls of it


def kept_predictions(workspace: Workspace, run: Run, split: Split) -> Predictions | None:
    """Return what was kept when the run ended, or `None`."""
    made = load_predictions(workspace.runs / run.id / FILE, split)
    if made is None or made.logits.shape[1] != len(run.facts.get("classes") or ()):
        return None
    return made


def predictions(
    workspace: Workspace, run: Run, split: Split, progress: Progress | None = None
) -> Predictions:
    """Return what a run's model says of one split; where that was not kept, ask all splits anew.

    Asking anew imports torch and takes as long as predicting all pictures; the answers are kept.

    Args:
        workspace: of the run.
        run: finished, or stopped with a model.
        split: which pictures.
        progress: called with (done, in all) while the model is asked anew.

    Raises:
        UserError: the run has no model, its pictures are not what they were, or the split is empty.
    """
    made = kept_predictions(workspace, run, split)
    if made is not None:
        return made
    bundle = find_bundle(run.id)
    dataset = _unchanged(workspace, run)
    if not dataset.of(split):
        raise UserError(
            f"The pictures of run {run.id} have no {split} pictures, so there is nothing to count; "
            "evaluate it on another split."
        )
    asked = _ask(workspace, bundle, dataset, progress)
    save_predictions(workspace.runs / run.id / FILE, asked)
    return asked[split]


def _ask(
    workspace: Workspace, bundle: Path, dataset: Dataset, progress: Progress | None
) -> dict[Split, Predictions]:
    from tl_core.bundles.predict import Model
    from tl_core.data.pixels import decode_pixels

    model, done = Model(bundle), 0
    made: dict[Split, Predictions] = {}
    for split in SPLITS:
        if not (items := dataset.of(split)):
            continue
        paths = [dataset.path(item) for item in items]
        pixels = decode_pixels(paths, model.manifest.preprocessing, workspace.cache)
        logits = []
        for start in range(0, len(items), _STEP):
            logits.append(model.logits(model.features(pixels[start : start + _STEP])))
            done += len(logits[-1])
            if progress:
                progress(done, len(dataset.items))
        made[split] = predictions_of(items, np.concatenate(logits))
    return made


def _unchanged(workspace: Workspace, run: Run) -> Dataset:
    """Return the run's dataset if every picture of it is what it was.

    Raises:
        UserError: it is gone, or pictures were changed or erased.
    """
    try:
        dataset = find_dataset(workspace, run.config.dataset)
    except UserError as error:
        raise UserError(
            f"The pictures of run {run.id} are no longer here, and what its model said of them was "
            "not kept; import the same pictures again, or train on others."
        ) from error
    lost = [*dataset.erased, *damaged_items(dataset)]
    if lost:
        first = f"delete the folder {dataset.folder} and " if dataset.erased else ""
        raise UserError(
            f"{len(lost)} of the {len(dataset.items) + len(dataset.erased)} pictures of run "
            f"{run.id} {'was' if len(lost) == 1 else 'were'} changed or erased since it was "
            f"trained ({lost[0].name or lost[0].file}, for one), so its figures cannot be counted "
            f"again; {first}import the same pictures once more."
        )
    return dataset


def names_of(workspace: Workspace, run: Run, made: Predictions) -> list[str]:
    """Return what the pictures were called when they came; their hash where that is forgotten."""
    try:
        named = {i.file: i.name for i in find_dataset(workspace, run.config.dataset).items}
    except UserError:
        named = {}
    return [named.get(file, file) for file in made.files]
