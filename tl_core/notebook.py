"""The same in Python, for notebooks: load a dataset and a backbone, train, predict.

```python
import tl_core

dataset = tl_core.load_dataset("photos/")
run = tl_core.train(dataset, "mobilenet_v2", recipe="feature-extraction")
tl_core.load_model(run.bundle).predict(["new.jpg"])
```
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tl_core.backbones.load import load_backbone
from tl_core.bundles.predict import Model
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.open import open_dataset
from tl_core.runs.locate import find_bundle
from tl_core.runs.pipeline import Result, train_run
from tl_core.training.events import EpochEnded, Event, Notice
from tl_core.workspace import Workspace, new_id

__all__ = ["load_backbone", "load_dataset", "load_model", "train"]


def load_dataset(source: str | Path, name: str | None = None) -> Dataset:
    """Return a dataset of the workspace by name or id, or import a folder, a `.zip`, a sample.

    A sample is called `sample:phones`, a public set `public:eurosat`.

    Raises:
        UserError: there is no such dataset or source, or it cannot be used.
    """
    return open_dataset(Workspace.open(), source, name)


def train(dataset: Dataset, backbone: str, **settings: Any) -> Result:
    """Train in this process and return the figures and the bundle's path.

    Args:
        dataset: from `load_dataset`.
        backbone: name in the catalogue.
        **settings: any other field of `RunConfig`, e.g. `recipe`, `freeze`, `epochs`, `seed`.

    Raises:
        UserError: something that the person can mend.
    """
    workspace = Workspace.open()
    folder = workspace.runs / new_id()
    folder.mkdir(parents=True)
    config = RunConfig(dataset=dataset.id, backbone=backbone, **settings)
    return train_run(config, dataset, workspace, folder, _tell)


def _tell(event: Event) -> None:
    if isinstance(event, Notice):
        sys.stderr.write(f"{event.text}\n")
    elif isinstance(event, EpochEnded):
        sys.stderr.write(
            f"epoch {event.epoch}: loss {event.train_loss:.3f}, "
            f"validation accuracy {event.validation_accuracy:.1%}\n"
        )


def load_model(model: str | Path, device: str = "cpu") -> Model:
    """Return the model of a run's id or of a `.headstart` file.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    return Model(find_bundle(str(model)), device)
