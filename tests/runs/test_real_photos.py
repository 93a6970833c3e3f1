"""Ants and bees with nothing set but the backbone: the figures that step 1 promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.runs.pipeline import Result, train_run
from tl_core.workspace import Workspace

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def ants_and_bees(workspace: Workspace, shared_data: Path) -> Dataset:
    return import_source(workspace, shared_data / "hymenoptera")


@pytest.fixture
def train(
    workspace: Workspace, ants_and_bees: Dataset, shared_data: Path, tmp_path: Path
) -> Callable[..., Result]:
    def run(backbone: str, recipe: str, seed: int = 0) -> Result:
        weights = shared_data / "weights" / f"{backbone}-imagenet.safetensors"
        config = RunConfig(
            ants_and_bees.id, backbone, recipe=recipe, seed=seed, weights=str(weights)
        )
        return train_run(config, ants_and_bees, workspace, tmp_path, lambda _: None)

    return run


def test_the_photos_are_all_there(ants_and_bees: Dataset) -> None:
    # 244 JPEGs and a GIF, which most loaders pass over.
    assert ants_and_bees.split_counts() == {"train": 245, "validation": 153, "test": 0}
    assert ants_and_bees.classes == ("ants", "bees")
    assert not ants_and_bees.skipped


@pytest.mark.parametrize(
    ("backbone", "least"),
    [
        ("squeezenet1_1", 0.88),
        pytest.param("mobilenet_v2", 0.93, marks=pytest.mark.slow),
    ],
)
def test_feature_extraction_with_default_settings(
    backbone: str, least: float, train: Callable[..., Result]
) -> None:
    result = train(backbone, "feature-extraction")
    assert result.validation_accuracy >= least
    assert result.test_accuracy is None, "there is no test folder, so there is no figure"
    assert result.train_accuracy >= result.validation_accuracy
