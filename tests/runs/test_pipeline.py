"""What a run hands on from the weights that it started from: their terms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import read_bundle
from tl_core.config import RunConfig
from tl_core.data.open import open_dataset
from tl_core.runs.pipeline import train_run
from tl_core.workspace import Workspace

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def licence_of(workspace: Workspace, photo_folder: Callable[..., Path]) -> Callable[..., str]:
    """Train `mini` for an epoch and return the licence line in the bundle."""

    def train(**settings: object) -> str:
        dataset = open_dataset(workspace, photo_folder(size=32))
        config = RunConfig(dataset.id, "mini", epochs=1, device="cpu", **settings)  # type: ignore[arg-type]
        result = train_run(config, dataset, workspace, workspace.runs, lambda _: None)
        return read_bundle(Path(result.bundle))[0].licence

    return train


def test_a_model_inherits_the_terms_of_its_backbone(licence_of: Callable[..., str]) -> None:
    weights = find_card("mini").weights
    assert weights
    assert licence_of(recipe="feature-extraction") == weights.licence
    assert "non-commercial" in weights.licence


def test_a_model_from_scratch_inherits_nothing(licence_of: Callable[..., str]) -> None:
    assert licence_of(recipe="scratch") == ""


def test_a_weights_file_of_ones_own_has_its_own_terms(
    licence_of: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "own.safetensors"
    body = load_backbone("mini", 2, pretrained=False).stages.state_dict()
    published = {name.replace("layer4.features.", "layer4."): t for name, t in body.items()}
    save_file(published, path)
    assert "whose terms apply" in licence_of(recipe="feature-extraction", weights=str(path))
