"""A whole run: what it reuses of an earlier one, its figures, and the terms that it hands on."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tl_core.backbones import load
from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.bundles.archive import read_manifest
from tl_core.bundles.bundle import read_bundle, write_bundle
from tl_core.bundles.manifest import Manifest
from tl_core.bundles.predict import Model
from tl_core.config import BODY_PATHS, RunConfig
from tl_core.data import pictures
from tl_core.data.dataset import SPLITS, Dataset
from tl_core.data.open import open_dataset
from tl_core.evaluation.metrics import log_softmax
from tl_core.evaluation.predictions import FILE, load_predictions
from tl_core.runs import frozen, pipeline
from tl_core.runs.pipeline import Result, train_run
from tl_core.training import best
from tl_core.training.events import EpochEnded, Event
from tl_core.workspace import Workspace, new_id

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


# --- what a later run reuses --------------------------------------------------------------------


@dataclass
class Ran:
    """A run, and how many pictures passed through its frozen stages."""

    result: Result
    facts: dict[str, Any]
    epochs: list[EpochEnded]
    passed: int
    dataset: Dataset


@pytest.fixture
def run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Train `mini` on a folder; every run in one workspace, all stages frozen unless said."""

    def train(photos: Path, **settings: Any) -> Ran:
        dataset = open_dataset(workspace, photos)
        chosen = {"recipe": "feature-extraction", "epochs": 3, "device": "cpu"} | settings
        facts: dict[str, Any] = {}
        told: list[Event] = []
        passed = [0]
        build = load.load_backbone

        def counting(*args: Any, **kwargs: Any) -> Chain:
            chain = build(*args, **kwargs)

            def count(_: Any, inputs: tuple[torch.Tensor]) -> None:
                passed[0] += len(inputs[0])

            chain.stages["stem"].register_forward_pre_hook(count)
            return chain

        monkeypatch.setattr(pipeline, "load_backbone", counting)
        folder = workspace.runs / new_id()
        folder.mkdir()
        result = pipeline.train_run(
            RunConfig(dataset.id, "mini", **chosen), dataset, workspace, folder, told.append,
            learn=lambda **known: facts.update(known),
        )  # fmt: skip
        epochs = [replace(event, seconds=0) for event in told if isinstance(event, EpochEnded)]
        return Ran(result, facts, epochs, passed[0], dataset)

    return train


@pytest.fixture
def photos(photo_folder: Callable[..., Path]) -> Path:
    return photo_folder({"red": 10, "blue": 10}, size=32)


def figures(ran: Ran) -> tuple[float | None, ...]:
    result = ran.result
    return result.train_accuracy, result.validation_accuracy, result.test_accuracy


def test_a_second_run_passes_nothing_through_the_frozen_stages(
    run: Callable[..., Ran], photos: Path
) -> None:
    first = run(photos)
    assert first.passed == 20, "every picture once, those of the test set when the run ends"
    again = run(photos)
    assert again.passed == 0
    assert (figures(again), again.epochs) == (figures(first), first.epochs), "to the bit"
    for changes in ({"lr": 0.1}, {"epochs": 5}, {"seed": 1}, {"batch_size": 4}):
        assert run(photos, **changes).passed == 0, changes

    assert set(first.facts["moved"].values()) == {0}, "every stage was frozen"
    assert first.facts["cache"]["views"] == 1
    assert first.facts["cache"]["bytes"] > 0
    assert first.facts["cache"]["reused"] is False
    assert again.facts["cache"]["reused"] is True
    assert again.facts["cache"]["seconds"] > 0


def test_every_way_to_compute_the_frozen_stages_ends_in_the_same_figures(
    run: Callable[..., Ran], photos: Path
) -> None:
    ran = {path: run(photos, body=path) for path in (*BODY_PATHS, None)}
    assert [each.facts["body_path"] for each in ran.values()][:3] == list(BODY_PATHS)
    assert ran[None].facts["body_path"] in BODY_PATHS
    assert ran["eager"].passed == ran["folded"].passed == 20, "what one kept is not the other's"
    assert ran[None].passed == 0
    for each in ran.values():
        for split, figure, other in zip(SPLITS, figures(each), figures(ran["eager"]), strict=True):
            assert figure is not None
            assert other is not None
            assert abs(figure - other) * len(each.dataset.of(split)) < 1.5, "within one picture"


@pytest.mark.parametrize(
    "settings",
    [{}, {"augment": "light"}, {"cache": False}, {"recipe": "fine-tune", "freeze": "layer3"}],
    ids=str,
)
def test_final_figures_are_the_bundles_own(
    run: Callable[..., Ran], photos: Path, settings: dict[str, Any]
) -> None:
    for _ in range(2):
        ran = run(photos, **settings)
        model = Model(Path(ran.result.bundle))
        for split, figure in zip(SPLITS, figures(ran), strict=True):
            items = ran.dataset.of(split)
            pixels = [model.prepare(ran.dataset.path(item)) for item in items]
            shares = model.probabilities(np.stack(pixels))
            right = shares.argmax(1) == [item.label for item in items]
            assert right.mean() == figure, split
            kept = load_predictions(Path(ran.result.bundle).with_name(FILE), split)
            assert kept is not None
            assert kept.files == tuple(item.file for item in items)
            assert np.exp(log_softmax(kept.logits)) == pytest.approx(shares, abs=1e-6)


def test_another_variation_is_passed_anew(run: Callable[..., Ran], photos: Path) -> None:
    first = run(photos, augment="light")
    learned = len(first.dataset.of("train"))
    assert run(photos, augment="light", lr=0.1).passed == 0
    assert run(photos, augment="light", seed=1).passed == 3 * learned, "its seed varies pictures"
    assert run(photos, augment="strong").passed == 3 * learned
    assert run(photos, augment="light", epochs=4).passed == learned, "a fourth variation"
    assert run(photos).passed == 0, "as they are, the first run has measured on them"


def test_without_the_cache_nothing_is_kept_and_nothing_read(
    run: Callable[..., Ran], photos: Path, workspace: Workspace
) -> None:
    kept = run(photos)
    files = sorted((workspace.cache / "activations").iterdir())
    for file in files:
        file.write_bytes(b"not to be read")
    without = run(photos, cache=False)
    assert without.passed > 3 * 14
    assert without.facts.get("cache") is None
    assert figures(without) == figures(kept)
    for one, other in zip(without.epochs, kept.epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-5)
    assert {file.read_bytes() for file in files} == {b"not to be read"}


def test_one_photo_changed_is_passed_again_with_its_split(
    run: Callable[..., Ran], photos: Path
) -> None:
    first = run(photos)
    changed = Image.new("RGB", (32, 32), "green")
    changed.save(photos / "red" / "003.png")
    second = run(photos)
    assert second.dataset.id != first.dataset.id
    sizes = {len(second.dataset.of(split)) for split in SPLITS}
    assert second.passed in {*sizes, *(20 - size for size in sizes), 20}
    assert second.passed > 0


def test_damage_is_repaired(run: Callable[..., Ran], photos: Path, workspace: Workspace) -> None:
    first = run(photos)
    for file in (workspace.cache / "activations").iterdir():
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 255
        file.write_bytes(data)
    again = run(photos)
    assert again.passed == 20
    assert again.epochs == first.epochs


def test_fine_tuning_reads_what_the_same_fine_tuning_kept(
    run: Callable[..., Ran], photos: Path
) -> None:
    first = run(photos, recipe="fine-tune", freeze="layer3", epochs=4)
    again = run(photos, recipe="fine-tune", freeze="layer3", epochs=4)
    # What is left is the final measuring, for which the last stages have changed.
    learning = {split: len(again.dataset.of(split)) for split in SPLITS}
    assert first.passed > learning["train"] + learning["validation"]
    assert again.passed == 0, "the bundle that is measured is another chain"
    *frozen, last = first.facts["moved"].values()
    assert frozen == [0, 0, 0, 0], "not a bit of what was frozen"
    assert last > 0
    assert again.epochs == first.epochs


def test_the_cache_stays_within_its_budget(
    run: Callable[..., Ran], photos: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(photos)
    room = sum(file.stat().st_size for file in workspace.cache.rglob("*.npy")) + 100
    monkeypatch.setattr(frozen, "CACHE_BUDGET", room)
    monkeypatch.setattr(pipeline, "CACHE_BUDGET", room)
    run(photos, augment="strong")
    held = sum(file.stat().st_size for file in workspace.cache.rglob("*.npy"))
    assert held <= room + 10_000, "the last entry's header apart"


# --- what comes out ---------------------------------------------------------------------------


def test_weights_that_are_gone_when_it_ends_cost_no_run(
    run: Callable[..., Ran], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(pipeline, "moved", gone)
    ran = run(photos, recipe="fine-tune", epochs=2)
    assert ran.facts["moved"] == {}
    assert Path(ran.result.bundle).is_file()


def test_the_finished_model_has_the_room_that_training_had(
    run: Callable[..., Ran], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[Any]] = []
    left: list[tuple[int, int]] = []
    chains: list[Chain] = []

    def watching(module: Any, name: str, parts: Callable[[Any], Iterable[Any]]) -> None:
        make = getattr(module, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            made = make(*args, **kwargs)
            held.extend(map(weakref.ref, parts(made)))
            return made

        monkeypatch.setattr(module, name, watched)

    def write(path: Path, chain: Chain, manifest: Manifest) -> None:
        chains.append(chain)
        write_bundle(path, chain, manifest)

    def look(kind: str) -> None:
        assert kind == "cpu"
        grads = sum(p.grad is not None for p in chains[0].parameters())
        left.append((sum(each() is not None for each in held), grads))

    monkeypatch.setattr(pictures, "free_memory", lambda _: 1 << 30)
    watching(pictures, "_copied", lambda pixels: [pixels])
    watching(best, "copied", lambda state: state.values())
    monkeypatch.setattr(pipeline, "write_bundle", write)
    monkeypatch.setattr(pipeline, "release_memory", look)
    assert run(photos, recipe="fine-tune", epochs=2).result.epochs == 2
    assert held
    assert left == [(0, 0)], "what is left of pictures and copies, and of gradients"


def test_the_bundle_says_how_good_it_is(
    run: Callable[..., Ran], photos: Path, workspace: Workspace
) -> None:
    ran = run(photos)
    told = read_manifest(Path(ran.result.bundle))
    counts = ran.dataset.split_counts()
    assert {split: made.images for split, made in told.figures.items()} == counts
    for split, made in told.figures.items():
        assert made.accuracy == getattr(ran.result, f"{split}_accuracy")
        assert sum(row[k] for k, row in enumerate(made.confusion)) == made.right
    assert told.dataset_name == ran.dataset.name
    assert (told.temperature, told.threshold) == (1.0, 0.0)
    assert str(workspace.root) not in str(told.to_dict()), "no path of this machine leaves it"
