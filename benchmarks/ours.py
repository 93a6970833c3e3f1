"""One run of the app's own, through the path that a worker takes, with a clock."""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from steps import compare

from tl_core.backbones.catalog import family_of, find_card
from tl_core.config import RunConfig
from tl_core.data.dataset import find_dataset
from tl_core.data.intake import import_source
from tl_core.runs.pipeline import train_run
from tl_core.training.device import choose_device
from tl_core.training.events import Event, PhaseStarted, Preparing
from tl_core.workspace import Workspace, new_id


@dataclass(frozen=True)
class Outcome:
    """How long a run took, from its settings to its measured bundle, and what it came to.

    Attributes:
        seconds: the whole run.
        accuracy: of the bundle on the validation pictures.
        epochs: that took place; a phase may end early for want of progress.
        said: (what the run said it was doing, seconds from the start to the first and last word).
    """

    seconds: float
    accuracy: float
    epochs: int
    said: list[tuple[str, float, float]]


def import_data(home: str, data: str) -> str:
    """Import a folder into the workspace and return the dataset's id."""
    return import_source(Workspace.open(home), data, "benchmark").id


def train(home: str, dataset: str, settings: dict[str, Any], *, cold: bool = True) -> Outcome:
    """Train one run; `cold` first deletes everything that earlier runs left in the caches."""
    workspace = Workspace.open(home)
    if cold:
        shutil.rmtree(workspace.cache)
        workspace = Workspace.open(home)
    folder = workspace.runs / new_id()
    folder.mkdir()
    said: list[tuple[str, float, float]] = []

    def emit(event: Event) -> None:
        now = time.perf_counter() - began
        what = "Learning"
        if isinstance(event, Preparing):
            what = event.what
        elif isinstance(event, PhaseStarted):
            what = f"Phase: {event.name}"
        if said and said[-1][0] == what:
            said[-1] = (what, said[-1][1], now)
        else:
            said.append((what, now, now))

    config = RunConfig(dataset=dataset, **settings)
    began = time.perf_counter()
    result = train_run(config, find_dataset(workspace, dataset), workspace, folder, emit)
    seconds = time.perf_counter() - began
    shutil.rmtree(folder)
    assert result.validation_accuracy is not None, "the benchmark's data has validation pictures"
    return Outcome(seconds, result.validation_accuracy, result.epochs, said)


def parameters_of_last(backbone: str, stages: int) -> list[str]:
    """Return what torchvision calls the parameters of a backbone's last stages."""
    family = family_of(backbone)
    with torch.device("meta"):
        network = family.build(backbone)
        chain = family.assemble(network, None)
    last = list(chain.stages.values())[len(chain.stages) - stages :]
    wanted = {id(parameter) for stage in last for parameter in stage.parameters()}
    return [name for name, parameter in network.named_parameters() if id(parameter) in wanted]


def all_but(backbone: str, stages: int) -> str:
    """Return the freeze that lets the last stages learn."""
    return str(len(find_card(backbone).stages) - stages)


def step_seconds(backbone: str, batch: int, count: int) -> tuple[float, float]:
    """Return the seconds of a bare step and of ours, by medians of five rounds of `count` steps."""
    rates = compare(backbone, choose_device(), batch=batch, steps=count, rounds=5, augment="light")
    ratio = statistics.median(own / bare for own, bare in zip(rates.ours, rates.bare, strict=True))
    bare = 1 / statistics.median(rates.bare)
    return bare, bare / ratio
