"""One bundle of the small network, and the pictures that it is asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.bundles.archive import FAMILIAR, amend
from tl_core.bundles.bundle import write_bundle
from tl_core.bundles.manifest import Figures, Manifest
from tl_core.evaluation.familiar import Familiar

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
