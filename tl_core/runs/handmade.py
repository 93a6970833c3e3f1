"""A run as it was done in 2010: features made by hand and a linear support vector machine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.config import RunConfig
from tl_core.data.dataset import SPLITS, Dataset, Split
from tl_core.data.fewer import fewer
from tl_core.data.handmade import PREPROCESSING, describe
from tl_core.data.pixels import decode_pixels
from tl_core.errors import UserError
from tl_core.runs.following import Emit, Following
from tl_core.runs.run import Wish
from tl_core.workspace import Workspace

_FOLDS = 3
_PENALTIES = (0.001, 0.01, 0.1, 1.0)  # C of the machine; which one is seen from the data


@dataclass(frozen=True)
class Result:
    """What it came to; a figure that does not exist is `None`.

    Attributes:
        stopped: never: it is over in seconds.
        trainable_parameters: of the machine.
        train_accuracy: share of right answers on each split.
        validation_accuracy: likewise.
        test_accuracy: likewise.
        images_per_second: described and learned from.
    """

    stopped: bool
    trainable_parameters: int
    train_accuracy: float | None
    validation_accuracy: float | None
    test_accuracy: float | None
    images_per_second: float


def handmade_run(
    config: RunConfig,
    dataset: Dataset,
    workspace: Workspace,
    folder: Path,  # noqa: ARG001 (it leaves no model)
    emit: Emit,
    *,
    learn: Callable[..., None] = lambda **_: None,
    wish: Callable[[], Wish] = lambda: "",
    **_: object,
) -> Result:
    """Describe every picture and fit the machine on the training pictures; see `train_run`.

    Raises:
        UserError: something that the person can mend.
        StoppedError: the person stopped it.
        PausedError: the person paused it; it begins anew.
    """
    dataset = fewer(dataset, config.per_class, config.seed)
    learn(device="the processor", device_kind="cpu", dataset_name=dataset.name,
          classes=list(dataset.classes))  # fmt: skip

    told, seen = Following([], emit, wish), PREPROCESSING.reading(dataset.white)
    features: dict[Split, NDArray[np.float32]] = {}
    began = time.perf_counter()
    for split in SPLITS:
        if items := dataset.of(split):
            paths = [dataset.path(item) for item in items]
            opening = told.counting(f"Opening the pictures of the {split} set")
            pixels = decode_pixels(paths, seen, workspace.cache, opening)
            features[split] = describe(
                pixels[:], told.counting(f"Describing the {split} set by hand")
            )
    labels = {split: [item.label for item in dataset.of(split)] for split in SPLITS}
    machine = fit_machine(features["train"], labels["train"], config.seed)

    def accuracy(split: Split) -> float | None:
        return float(machine.score(features[split], labels[split])) if split in features else None

    return Result(
        stopped=False,
        trainable_parameters=(features["train"].shape[1] + 1) * len(dataset.classes),
        train_accuracy=accuracy("train"),
        validation_accuracy=accuracy("validation"),
        test_accuracy=accuracy("test"),
        images_per_second=round(len(dataset.of("train")) / (time.perf_counter() - began), 1),
    )


def fit_machine(features: NDArray[np.float32], labels: Sequence[int], seed: int) -> Any:
    """Fit a linear support vector machine to features `(N, F)`, in scikit-learn's manner.

    How strongly it is held back is chosen on parts of the training pictures, where every class has
    enough of them.

    Raises:
        UserError: there is one class alone.
    """
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    counts = Counter(labels)
    if len(counts) < 2:
        raise UserError("There is one class alone, so there is nothing to tell apart; add another.")
    machine = make_pipeline(StandardScaler(), LinearSVC(random_state=seed, max_iter=5000))
    if min(counts.values()) < _FOLDS:
        return machine.set_params(linearsvc__C=_PENALTIES[0]).fit(features, labels)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    return GridSearchCV(machine, {"linearsvc__C": _PENALTIES}, cv=folds).fit(features, labels)
