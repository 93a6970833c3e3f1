"""One run from its settings to its bundle: pixels, chain, phases, bundle, final figures."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision

from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import Manifest, write_bundle
from tl_core.bundles.predict import Model
from tl_core.config import RunConfig
from tl_core.data.dataset import SPLITS, Dataset
from tl_core.data.decode import OPENER
from tl_core.data.pictures import Pictures
from tl_core.data.pixels import decode_pixels, trim
from tl_core.training.device import Device, choose_device, set_up
from tl_core.training.events import EpochEnded, Event, Preparing
from tl_core.training.fit import fit
from tl_core.training.phases import Phase, Plan, plan
from tl_core.version import __version__
from tl_core.workspace import Workspace

Emit = Callable[[Event], None]
CACHE_BUDGET = 20 << 30  # bytes on disk


class StoppedError(Exception):
    """The person stopped the run before there was anything to keep."""


@dataclass(frozen=True)
class Result:
    """What a run came to; a figure that does not exist is `None`.

    Attributes:
        stopped: whether the person ended it before the plan did.
        bundle: the file that predicts.
        best_epoch: the epoch that the bundle holds.
        epochs: epochs that were trained.
        train_accuracy: of the bundle, on each split, computed by its own predicting path.
        validation_accuracy: likewise.
        test_accuracy: likewise.
        images_per_second: learned from, over the epochs' time.
    """

    stopped: bool
    bundle: str
    best_epoch: int
    epochs: int
    train_accuracy: float | None
    validation_accuracy: float | None
    test_accuracy: float | None
    images_per_second: float


def train_run(
    config: RunConfig,
    dataset: Dataset,
    workspace: Workspace,
    folder: Path,
    emit: Emit,
    *,
    learn: Callable[..., None] = lambda **_: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train one run in this process.

    Args:
        config: what to do.
        dataset: what on.
        workspace: for the caches.
        folder: of the run; the bundle is written there.
        emit: receives events.
        learn: receives facts that are known before the end (the plan, the device).
        should_stop: asked between steps.

    Raises:
        UserError: something that the person can mend.
        StoppedError: stopped before the first epoch ended.
    """
    device = choose_device(config.device)
    set_up(device)
    card = find_card(config.backbone)
    todo = plan(config, card, len(dataset.of("train")), device.kind)
    learn(**_facts(card.name, dataset, todo, device))

    trim(workspace.cache, CACHE_BUDGET)

    def progress(what: str) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            emit(Preparing(what, done, total))
            if should_stop():
                raise StoppedError

        return tell

    pixels = {
        split: decode_pixels(
            [dataset.path(item) for item in dataset.of(split)],
            card.preprocessing,
            workspace.cache,
            progress(f"Opening the pictures of the {split} set"),
        )
        for split in SPLITS
        if dataset.of(split)
    }
    labels = {split: [item.label for item in dataset.of(split)] for split in SPLITS}
    chain = load_backbone(
        config.backbone,
        len(dataset.classes),
        weights=config.weights,
        pretrained=todo.recipe != "scratch",
        seed=config.seed,
        progress=progress(f"Downloading the weights of {card.title}"),
    )
    chain = chain.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def source_of(split: str, phase: Phase) -> Pictures:
        strength = phase.augment if split == "train" else "none"
        return Pictures(
            pixels[split],  # type: ignore[index]
            labels[split],  # type: ignore[index]
            card.preprocessing,
            device.torch,
            strength,
            config.seed,
        )

    epochs, stopped = _follow(chain, source_of, todo, device, config.seed, emit, should_stop)
    if not epochs:
        raise StoppedError
    bundle = folder / "model.headstart"
    write_bundle(bundle, chain, _manifest(config, dataset, todo))
    model, figures = Model(bundle, device.kind), {}
    for split in SPLITS:
        emit(Preparing("Measuring the finished model", SPLITS.index(split), len(SPLITS)))
        known = pixels.get(split)
        figures[split] = None if known is None else model.accuracy(known, labels[split])
    return Result(
        stopped=stopped,
        bundle=str(bundle),
        best_epoch=max(event.epoch for event in epochs if event.best),
        epochs=len(epochs),
        train_accuracy=figures["train"],
        validation_accuracy=figures["validation"],
        test_accuracy=figures["test"],
        images_per_second=round(
            sum(event.examples for event in epochs) / sum(event.seconds for event in epochs), 1
        ),
    )


def _follow(
    chain: Chain,
    source_of: Callable[[str, Phase], Pictures],
    todo: Plan,
    device: Device,
    seed: int,
    emit: Emit,
    should_stop: Callable[[], bool],
) -> tuple[list[EpochEnded], bool]:
    epochs: list[EpochEnded] = []
    events = fit(chain, source_of, todo, device, seed=seed)
    for event in events:
        emit(event)
        if isinstance(event, EpochEnded):
            epochs.append(event)
        if should_stop():
            events.close()
            return epochs, True
    return epochs, False


def _facts(backbone: str, dataset: Dataset, todo: Plan, device: Device) -> dict[str, Any]:
    card = find_card(backbone)
    return {
        "recipe": todo.recipe,
        "cut": todo.cut,
        "frozen_stages": list(card.stage_names[: todo.cut]),
        "frozen_parameters": card.frozen_parameters(todo.cut),
        "trainable_parameters": card.trainable_parameters(todo.cut, len(dataset.classes)),
        "epochs_planned": todo.epochs,
        "phases": [
            asdict(phase) | {"frozen_share": card.frozen_share(phase.cut)} for phase in todo.phases
        ],
        "reasons": [asdict(reason) for reason in todo.reasons],
        "device": device.title,
        "device_kind": device.kind,
        "dataset_name": dataset.name,
        "classes": list(dataset.classes),
        "versions": versions(),
        "taken": time.time(),
    }


def _manifest(config: RunConfig, dataset: Dataset, todo: Plan) -> Manifest:
    card = find_card(config.backbone)
    return Manifest(
        backbone=config.backbone,
        classes=dataset.classes,
        preprocessing=card.preprocessing,
        opener=OPENER,
        recipe=todo.recipe,
        frozen_stages=card.stage_names[: todo.cut],
        dataset=dataset.id,
        versions=versions(),
        licence=_licence(config, todo),
    )


def _licence(config: RunConfig, todo: Plan) -> str:
    """Return the terms that a model inherits from the weights it started from."""
    weights = find_card(config.backbone).weights
    if todo.recipe == "scratch" or weights is None:
        return ""
    if config.weights is not None:
        return "Started from a weights file of your own, whose terms apply."
    return weights.licence


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on."""
    return {
        "headstart": __version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "python": platform.python_version(),
    }
