"""A run as scripts: they stand alone, and do what the run did."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.bundles.conftest import RunAlone, pictures
from tl_core.backbones.catalog import catalogue, find_card
from tl_core.bundles.bundle import read_bundle
from tl_core.bundles.collect import Collector, Place
from tl_core.bundles.manifest import Manifest
from tl_core.bundles.predict import Model
from tl_core.bundles.script import Recipe, predicting_script, training_script
from tl_core.bundles.standalone.network import read_weights
from tl_core.config import RunConfig
from tl_core.data.dataset import Item
from tl_core.data.open import open_dataset
from tl_core.runs import exporting
from tl_core.runs.run import Run
from tl_core.training.phases import plan
from tl_core.workspace import Workspace

slow = pytest.mark.slow
EVIL = "'; import os; os.system('touch executed') #\n\"\"\"\\"
ITEMS = [Item(f"{n:064x}", EVIL, n % 2, "validation" if n % 5 == 0 else "train") for n in range(20)]


def scripts(manifest: Manifest, **settings: Any) -> list[str]:
    """Return both scripts of a run with default settings."""
    card = find_card(manifest.backbone)
    recipe = Recipe(plan(RunConfig("d", card.name, **settings), card, 16, "cpu").phases, 3, ITEMS)
    return [training_script(manifest, recipe), predicting_script(manifest)]


def told(script: str) -> dict[str, Any]:
    """Return the plain values that a script sets."""
    values = {}
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return values


def test_no_name_is_missing_and_nothing_of_ours_is_imported(
    manifest: Manifest, tmp_path: Path
) -> None:
    for name in catalogue():
        made = replace(
            manifest, backbone=name, preprocessing=find_card(name).preprocessing, frozen_stages=()
        )
        for number, script in enumerate(scripts(made)):
            assert "tl_core" not in script
            assert "# noqa" not in script
            (tmp_path / f"{name}_{number}.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_what_people_named_is_a_value_and_nothing_else(manifest: Manifest) -> None:
    hostile = replace(
        manifest, classes=(EVIL, '"""', "{x}"), dataset_name=EVIL, licence=EVIL,
        versions={EVIL: EVIL}, settings={EVIL: EVIL},
    )  # fmt: skip
    for script in scripts(hostile):
        assert told(script)["CLASSES"] == (EVIL, '"""', "{x}")
        assert script.isascii() or "os.system" not in script.replace(ascii(EVIL), "")
        assert script.count("os.system") == 1


def test_every_picture_keeps_its_split(manifest: Manifest) -> None:
    script, _ = scripts(manifest)
    rows = [line.split() for line in told(script)["PICTURES"].splitlines() if line]
    found = [(split, int(label), name) for split, label, *names in rows for name in names]
    of = sorted(ITEMS, key=lambda item: item.split)  # train before validation, in their order
    assert found == [(item.split, item.label, item.file[:12]) for item in of]


def test_it_says_what_it_starts_from(manifest: Manifest) -> None:
    resnet = replace(manifest, backbone="resnet18")
    assert told(scripts(resnet)[0])["PUBLISHED"] == "ResNet18_Weights.IMAGENET1K_V1"
    for recipe, expected in (
        (Recipe((), 0, ITEMS, from_scratch=True), ("", "")),
        (Recipe((), 0, ITEMS, starts_from="own.safetensors"), ("", "own.safetensors")),
    ):
        values = told(training_script(resnet, recipe))
        assert (values["PUBLISHED"], values["STARTS_FROM"]) == expected


def test_two_things_of_one_name_are_refused() -> None:
    collector = Collector()
    collector.add(Place("tl_core.backbones.families.alexnet", "assemble"))
    with pytest.raises(ValueError, match="one name"):
        collector.add(Place("tl_core.backbones.families.vgg", "assemble"))


# --- run -----------------------------------------------------------------------------------------


def weights_of(file: Path) -> dict[str, torch.Tensor]:
    if file.suffix == ".headstart":
        return read_bundle(file)[1].state_dict()
    state: dict[str, torch.Tensor] = torch.load(file, weights_only=True)
    return state


def test_what_a_gpu_saved_is_read_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, state = tmp_path / "model.pt", {"a": torch.ones(2)}
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda _: "cuda:7")
        torch.save(state, file)
    assert torch.equal(read_weights(file)["a"], state["a"])


@pytest.mark.parametrize(
    ("backbone", "settings"),
    [
        ("mini", {"recipe": "fine-tune", "epochs": 4, "augment": "none"}),
        pytest.param("mini", {"recipe": "feature-extraction", "epochs": 4}, marks=slow),
        pytest.param("mini", {"recipe": "gradual", "epochs": 5, "augment": "none"}, marks=slow),
        pytest.param("small", {"epochs": 3, "augment": "none"}, marks=slow),
    ],
)
def test_the_same_run_again(
    backbone: str, settings: dict[str, Any], workspace: Workspace,
    photo_folder: Callable[..., Path], train: Callable[..., Run], run_alone: RunAlone,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Where pictures are not varied, a script comes to the weights that the run came to."""
    photos = photo_folder({"red": 12, "blue": 12}, size=40)
    run = train(open_dataset(workspace, photos, EVIL), backbone, body="eager", **settings)
    made = tmp_path / "out" / "again.py"
    made.parent.mkdir()
    files = exporting.export(workspace, run.id, "script", made).files
    assert [file.name for file in files[:2]] == ["again.py", "again_predict.py"]
    assert [file.name for file in files[2:]] == ["again_start.safetensors"] * (backbone == "mini")
    printed = run_alone(made, photos, "--save", "again.pt")
    for split in ("train", "validation", "test"):
        assert f"{split}: {run.facts[f'{split}_accuracy']:.1%}" in printed
    assert f"epoch {run.facts['best_epoch']} " in printed
    bundle = Path(run.facts["bundle"])
    expected, given = weights_of(bundle), weights_of(made.with_suffix(".pt"))
    assert expected.keys() == given.keys()
    for name, tensor in expected.items():
        assert torch.allclose(given[name], tensor, atol=1e-3), name

    picture = next(photos.rglob("*.png"))
    answer = json.loads(run_alone(files[1], made.with_suffix(".pt"), picture, "--json"))
    shares = Model(bundle).predict([picture])[0].probabilities
    assert answer["predictions"][0]["probabilities"] == pytest.approx(shares, abs=1e-2)


@pytest.mark.slow
def test_varied_pictures_and_missing_ones(
    workspace: Workspace, photo_folder: Callable[..., Path], train: Callable[..., Run],
    run_alone: RunAlone, tmp_path: Path,
) -> None:  # fmt: skip
    photos = photo_folder({"red": 12, "blue": 12}, size=40)
    run = train(open_dataset(workspace, photos), "small", epochs=1, augment="strong")
    exporting.export(workspace, run.id, "script", tmp_path / "again.py")
    (photos / "red" / "000.png").unlink()
    (photos / "notes.txt").write_text("no picture")
    printed = run_alone(tmp_path / "again.py", photos)
    assert "1 pictures of the run are not in" in printed
    assert (tmp_path / "model.pt").is_file()
    with pytest.raises(AssertionError, match="photos of the run are not in"):
        run_alone(tmp_path / "again.py", tmp_path / "out")


@pytest.mark.slow
def test_a_bundle_from_elsewhere_predicts_and_cannot_train(
    bundle: Path, workspace: Workspace, tmp_path: Path, run_alone: RunAlone
) -> None:
    made = exporting.export(workspace, str(bundle), "script", tmp_path / "predict.py")
    assert made.files == (tmp_path / "predict.py",)
    Image.fromarray(pictures(1, 80)[0]).save(tmp_path / "photo.png")
    printed = run_alone(tmp_path / "predict.py", bundle, tmp_path / "photo.png")
    assert "photo.png" in printed


def test_a_library_that_is_not_meant_to_be_there_is_noticed(
    tmp_path: Path, run_alone: RunAlone
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from importlib.util import find_spec as f\n"
        "print([n for n in ('torch', 'torchvision', 'PIL', 'numpy', 'sympy') if f(n)],"
        "[n for n in ('tl_core', 'safetensors', 'sklearn', 'streamlit') if f(n)])"
    )
    assert run_alone(script) == "['torch', 'torchvision', 'PIL', 'numpy', 'sympy'] []\n"


@pytest.mark.slow
@pytest.mark.shared
def test_ants_and_bees_again(
    shared_data: Path, workspace: Workspace, train: Callable[..., Run], run_alone: RunAlone,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Where Headstart is not installed, the script comes within 2 points of the run."""
    photos, weights = shared_data / "hymenoptera", shared_data / "weights"
    dataset = open_dataset(workspace, photos)
    for backbone, recipe in (("mobilenet_v2", "feature-extraction"), ("mini", "fine-tune")):
        own = weights / f"{backbone}-imagenet.safetensors"
        settings = {"weights": str(own)} if own.is_file() else {}
        run = train(dataset, backbone, recipe=recipe, **settings)
        script = tmp_path / f"{backbone}.py"
        exporting.export(workspace, run.id, "script", script)
        printed = run_alone(script, photos)
        (line,) = [line for line in printed.splitlines() if line.startswith("validation: ")]
        accuracy = float(line.split()[1].rstrip("%")) / 100
        print(f"{backbone}, {recipe}: {accuracy:.1%}, run {run.facts['validation_accuracy']:.1%}")  # noqa: T201
        assert accuracy >= run.facts["validation_accuracy"] - 0.02
