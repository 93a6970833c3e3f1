"""One bundle of the small network, and the pictures that it is asked about."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tl_core.backbones.catalog import catalogue, families_by_name, find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.bundles.archive import FAMILIAR, amend
from tl_core.bundles.bundle import write_bundle
from tl_core.bundles.manifest import Figures, Manifest
from tl_core.config import RunConfig
from tl_core.data.augment import to_input
from tl_core.data.dataset import Dataset
from tl_core.data.decode import fit, open_image
from tl_core.evaluation.familiar import Familiar
from tl_core.runs.execute import execute
from tl_core.runs.queue import claim, forget_worker, register
from tl_core.runs.run import Run
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

CLASSES = ("ants", "bees", "=cmd|' /C calc'!A0")


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    return Manifest(
        backbone="small",
        classes=CLASSES,
        preprocessing=find_card("small").preprocessing,
        opener="1",
        recipe="scratch",
        frozen_stages=("stem",),
        dataset="0" * 16,
        versions={"torch": "2"},
        licence="For teaching only.",
        dataset_name="Insects | and *more*",
        settings={"epochs": 3, "learning rate": 1e-3, "weights": None},
        figures={"validation": Figures(10, 9, ((4, 1, 0), (0, 3, 0), (0, 0, 2)))},
        temperature=1.5,
        threshold=0.4,
    )


@pytest.fixture(scope="session")
def chain() -> Chain:
    """The small network as if it were trained: its BatchNorm has seen data, its logits differ."""
    made = load_backbone("small", len(CLASSES), pretrained=False, seed=1)
    random = torch.Generator().manual_seed(2)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=random)
            module.running_var.uniform_(0.5, 2, generator=random)
    with torch.no_grad():
        made.head.linear.weight.mul_(5)
    return made.to(memory_format=torch.channels_last).eval()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, chain: Chain, manifest: Manifest) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "model.headstart"
    write_bundle(path, chain, manifest)
    dice = np.random.default_rng(3)
    seen = dice.random((20, find_card("small").features)).astype(np.float32)
    familiar = Familiar.learn(seen, dice.integers(0, 3, 20), seen[:5] + 0.1)
    amend(path, {FAMILIAR: familiar.to_bytes()})
    return path


@pytest.fixture(scope="module", autouse=True)
def _small_sums(one_thread: None) -> None:
    """Every test of this folder computes on one thread."""


def pictures(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Return pictures `(count, size, size, 3)` of blurred coloured squares."""
    dice = np.random.default_rng(seed)
    small = dice.integers(0, 256, (count, 4, 4, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(s).resize((size, size))) for s in small])


def family_names() -> list[str]:
    """Name the smallest backbone of each family, and Swin's second version: other layers."""
    cards = catalogue()
    families = {id(f): f for f in families_by_name().values()}.values()
    smallest = [min(f.CARDS, key=lambda card: cards[card.name].parameters) for f in families]
    return [*(card.name for card in smallest), "swin_v2_t"]


@pytest.fixture
def bundle_of(
    tmp_path: Path, manifest: Manifest, give_memory_back: Callable[[], None]
) -> Callable[..., Path]:
    """Return a bundle of a backbone with random weights, whose answers differ from each other.

    `bundle_of(name, photos)` suits its BatchNorm and its head to those: what tells coloured
    squares apart says nearly the same of every photo, and what BatchNorm has not seen the like of
    makes numbers so large that rounding shows.
    """

    def make(name: str, photos: Sequence[Path] = ()) -> Path:
        give_memory_back()
        card = find_card(name)
        chain = load_backbone(name, 3, pretrained=False, seed=4)
        p = card.preprocessing
        shown = np.concatenate([pictures(8, p.size, seed) for seed in (1, 2)])
        if photos:
            shown = np.stack([fit(open_image(photo), p) for photo in photos])
        inputs = to_input(torch.from_numpy(shown), p.mean, p.std)
        for layer in chain.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 1.0
        with torch.no_grad():
            chain.train()(inputs)  # BatchNorm sees what it is about
            logits = chain.eval()(inputs)
            *_, linear = (layer for layer in chain.head.modules() if isinstance(layer, nn.Linear))
            linear.weight.div_((logits - logits.mean(0)).std())
            linear.bias.sub_(chain(inputs).mean(0))
        path = tmp_path / f"{name}.headstart"
        told = replace(manifest, backbone=name, preprocessing=p, frozen_stages=(), figures={})
        write_bundle(path, chain, told)
        return path

    return make


# --- where Headstart is not installed -----------------------------------------------------------

_ALONE = """
import runpy, sys
from importlib.machinery import PathFinder
class Some(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = path is None and name in {absent!r}
        return None if absent else super().find_spec(name, path, target)
sys.meta_path[:] = [Some if finder is PathFinder else finder for finder in sys.meta_path]
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def installed_with(*packages: str) -> set[str]:
    """Name the modules that come with packages and what these require."""
    todo, distributions = list(packages), set()
    while todo:
        name = re.split(r"[^\w.-]", todo.pop(), maxsplit=1)[0].lower().replace("_", "-")
        if name in distributions:
            continue
        with suppress(PackageNotFoundError):
            needed = requires(name) or []
            distributions.add(name)
            todo += [line for line in needed if "extra ==" not in line]
    return {
        module
        for module, owners in packages_distributions().items()
        if {owner.lower().replace("_", "-") for owner in owners} & distributions
    }


RunAlone = Callable[..., str]


@pytest.fixture(scope="session")
def run_alone() -> RunAlone:
    """Run a script that can import torch, torchvision, Pillow and what they need, nothing else.

    `run_alone(script, *arguments)` returns what it printed.
    """
    others = set(packages_distributions()) - installed_with("torch", "torchvision", "pillow")
    code = _ALONE.format(absent=others | {"tl_core", "pages", "tests"})

    def run(script: Path, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, str(script), *map(str, arguments)],
            cwd=script.parent, capture_output=True, text=True, check=False, timeout=1800,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


# --- runs -------------------------------------------------------------------------------------


@pytest.fixture
def train(workspace: Workspace) -> Callable[..., Run]:
    """Train in this process as a worker does: `train(dataset, backbone, **settings)`."""

    def run(dataset: Dataset, backbone: str, **settings: Any) -> Run:
        store = Store(workspace.store)
        config = RunConfig(dataset.id, backbone, device="cpu", **settings)
        made = store.create(config, dataset_name=dataset.name)
        register(store, "cpu", ["cpu"], made, os.getpid())
        claimed = claim(store, made)
        assert claimed
        execute(workspace, store, claimed, made)
        forget_worker(store, made)
        done = store.run(made)
        assert done.state == "finished", done.message
        return done

    return run
