"""Pictures to try a model on: uploads, snapshots, and those it never learned from."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.data.dataset import find_dataset
from tl_core.errors import UserError
from tl_core.evaluation.predictions import Predictions
from tl_core.runs.store import Run
from tl_core.workspace import Workspace, write_atomic

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

KEPT_SECONDS = 3600.0


@dataclass(frozen=True)
class Tried:
    """One picture to predict.

    Attributes:
        path: of the file.
        name: for people.
        truth: the class it is known to be of, or empty.
    """

    path: Path
    name: str
    truth: str = ""


def uploaded_pictures(workspace: Workspace, files: Sequence[UploadedFile]) -> list[Tried]:
    """Put uploaded pictures where the predicting process can read them, for an hour.

    Raises:
        UserError: the disk is full.
    """
    _clear(workspace.uploads)
    tried = []
    for file in files:
        data = file.getvalue()
        path = workspace.uploads / hashlib.sha256(data).hexdigest()
        if not path.exists():
            write_atomic(path, data)
        tried.append(Tried(path, file.name))
    return tried


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_file() and path.stat().st_mtime < time.time() - KEPT_SECONDS:
            path.unlink(missing_ok=True)


def validation_pictures(
    workspace: Workspace, run: Run, made: Predictions, places: Sequence[int], most: int = 12
) -> list[Tried]:
    """Return the first of a run's validation pictures that are still here.

    Args:
        workspace: of the dataset.
        run: that was asked.
        made: what it said of its validation pictures.
        places: of pictures in `made`.
        most: to return.
    """
    try:
        dataset = find_dataset(workspace, run.config.dataset)
    except UserError:
        return []
    items = {(item.file, item.label): item for item in dataset.of("validation")}
    keys = [(made.files[place], int(made.labels[place])) for place in places]
    found = [items[key] for key in keys if key in items][:most]
    return [Tried(dataset.path(i), i.name, dataset.classes[i.label]) for i in found]


def sample_pictures(workspace: Workspace, run: Run, most: int = 8) -> list[Tried]:
    """Return some pictures of the run's dataset that it did not learn from, of every class."""
    try:
        dataset = find_dataset(workspace, run.config.dataset)
    except UserError:
        return []
    held = dataset.of("test") or dataset.of("validation")
    by_class = [[item for item in held if item.label == k] for k in range(len(dataset.classes))]
    rounds = max((len(items) for items in by_class), default=0)
    mixed = [items[i] for i in range(rounds) for items in by_class if i < len(items)]
    return [Tried(dataset.path(i), i.name, dataset.classes[i.label]) for i in mixed[:most]]
