"""Chains and sources of plain vectors: nothing in training may need a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones.chain import Chain
from tl_core.training.cutcache import CutCache
from tl_core.training.device import Device
from tl_core.training.keeping import Keeping
from tl_core.training.phases import Phase, Plan

WIDTH, CLASSES = 8, 3
CPU = Device("cpu", "the processor", None, tile=8)


@pytest.fixture(scope="module", autouse=True)
def _small_sums(one_thread: None) -> None:
    """Every test of this folder computes on one thread."""


class Vectors:
    """Points around one centre per class; `view` moves them a little, as augmentation would."""

    def __init__(self, count: int, seed: int, device: str, varied: bool) -> None:
        random = torch.Generator().manual_seed(seed)
        centres = torch.eye(CLASSES, WIDTH) * 4
        self.labels = torch.arange(count) % CLASSES
        self.points = centres[self.labels] + torch.randn(count, WIDTH, generator=random)
        self.labels, self.points = self.labels.to(device), self.points.to(device)
        self.varied = varied
        self.key = f"{count} points of {seed}{' varied' if varied else ''}"
        self.asked: list[tuple[list[int], int | None]] = []

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        self.asked.append((indices.tolist(), view))
        moved = 0.05 * view if self.varied and view is not None else 0.0
        return self.points[indices] + moved


@pytest.fixture
def vectors() -> Callable[..., Vectors]:
    """Make a source of `count` vectors."""

    def make(count: int = 60, seed: int = 0, device: str = "cpu", varied: bool = False) -> Vectors:
        return Vectors(count, seed, device, varied)

    return make


@pytest.fixture
def toy() -> Callable[..., Chain]:
    """Make a chain of three dense stages, with BatchNorm and biases unless told otherwise."""

    def make(
        seed: int = 0, norm: bool = True, extra: nn.Module | None = None, bias: bool = True
    ) -> Chain:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            stages = {
                name: nn.Sequential(
                    nn.Linear(WIDTH, WIDTH, bias),
                    nn.BatchNorm1d(WIDTH) if norm else nn.Tanh(),
                    nn.ReLU(),
                )
                for name in ("first", "second", "third")
            }
            if extra is not None:
                stages["third"].append(extra)
            chain = Chain(stages, nn.Linear(WIDTH, CLASSES))
            for module in chain.modules():
                if isinstance(module, nn.BatchNorm1d):  # as if it had seen data before
                    module.running_mean.normal_()
                    module.running_var.uniform_(0.5, 2)
            return chain

    return make


@pytest.fixture
def phase() -> Callable[..., Phase]:
    """Make a phase; what is not named is small and plain."""
    plain = Phase(
        name="a phase", cut=0, epochs=5, batch_size=16, head_lr=0.01, stage_lr=0.01,
        stage_decay=1.0, schedule="cosine", augment="none", views=0, patience=100,
    )  # fmt: skip

    def make(**changes: object) -> Phase:
        return replace(plain, **changes)

    return make


@pytest.fixture
def cpu() -> Device:
    return CPU


@pytest.fixture
def planned(phase: Callable[..., Phase]) -> Callable[..., Plan]:
    """Make a plan of one phase for every cut."""

    def make(*cuts: int, **changes: Any) -> Plan:
        phases = tuple(phase(cut=cut, name=f"cut {cut}", **changes) for cut in cuts)
        return Plan("fine-tune", cuts[-1], phases, ())

    return make


@pytest.fixture
def source_of(vectors: Callable[..., Any]) -> Callable[[str, Phase], Any]:
    def make(split: str, _: Phase) -> Any:
        return vectors(60 if split == "train" else 30, seed=("train", "validation").index(split))

    return make


@pytest.fixture
def keeping(tmp_path: Path, cpu: Device) -> Callable[[Chain], Keeping]:
    """Make what keeps a chain's activations, all in one folder."""
    return lambda chain: Keeping(chain, cpu, CutCache(tmp_path / "activations"))
