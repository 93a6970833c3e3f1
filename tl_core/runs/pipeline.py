"""One run from its settings to its bundle: pixels, chain, phases, bundle, final figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.backbones.card import Preprocessing
from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.inference import choose_path
from tl_core.backbones.load import load_backbone
from tl_core.bundles.archive import FAMILIAR, amend
from tl_core.bundles.bundle import write_bundle
from tl_core.bundles.predict import Model
from tl_core.config import BodyPath, RunConfig
from tl_core.data.dataset import SPLITS, Dataset, Split
from tl_core.data.edit import require_learnable
from tl_core.data.fewer import fewer
from tl_core.data.pictures import Pictures
from tl_core.data.pixels import Pixels, decode_pixels, trim
from tl_core.errors import HeadstartError
from tl_core.evaluation.familiar import Familiar
from tl_core.evaluation.moved import moved
from tl_core.evaluation.predictions import FILE, Predictions, predictions_of, save_predictions
from tl_core.runs.following import Emit, Following, StoppedError
from tl_core.runs.frozen import cut_cache, inference_on
from tl_core.runs.outcome import figures_of, manifest_of, versions
from tl_core.runs.recovery import Past, Recording
from tl_core.runs.run import Wish
from tl_core.runs.savings import savings
from tl_core.training.device import Device, choose_device, release_memory, set_up
from tl_core.training.events import EpochEnded, Event, Notice, Preparing, Stepped
from tl_core.training.fit import fit, is_over
from tl_core.training.keeping import Keeping, name_stages
from tl_core.training.phases import Phase, Plan, plan
from tl_core.training.sources import Kept
from tl_core.training.standing import Standing
from tl_core.workspace import CACHE_BUDGET, Workspace


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
    wish: Callable[[], Wish] = lambda: "",
    recording: Recording | None = None,
    past: Past | None = None,
) -> Result:
    """Train one run in this process.

    Args:
        config: what to do.
        dataset: what on.
        workspace: for the caches.
        folder: of the run; the bundle is written there.
        emit: receives events.
        learn: receives facts that are known before the end (the plan, the device).
        wish: asked between steps.
        recording: takes checkpoints.
        past: where to go on.

    Raises:
        UserError: something that the person can mend.
        StoppedError: stopped before the first epoch ended.
        PausedError: paused.
    """
    require_learnable(dataset)
    dataset = fewer(dataset, config.per_class, config.seed)
    device = choose_device(config.device)
    set_up(device)
    card = find_card(config.backbone)
    todo = _planned(config, dataset, device, past)
    told = Following([item.event for item in past.told] if past else [], emit, wish)
    learn(**_facts(card.name, dataset, todo, device))

    trim(workspace.cache, CACHE_BUDGET)
    preprocessing = card.preprocessing.reading(dataset.white)
    pixels = _opened(dataset, preprocessing, workspace, told)
    chain = _beginning(
        config, dataset, todo, told.counting(f"Downloading the weights of {card.title}")
    )
    chain = chain.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
    chosen: BodyPath | None = past.facts["body_path"] if past else config.body
    path = chosen or choose_path(chain.body(len(chain.names)), device.kind)
    learn(body_path=path)

    pictures = {
        split: Pictures(
            known, [item.label for item in dataset.of(split)], preprocessing, device.torch,
            "none", config.seed,
        )
        for split, known in pixels.items()
    }  # fmt: skip
    cache = cut_cache(workspace) if config.cache else None
    keeping = Keeping(chain, device, cache, inference_on(path, device))

    def source_of(split: str, phase: Phase) -> Pictures:
        return pictures[split].varied(phase.augment if split == "train" else "none")  # type: ignore[index]

    at = past.at if past else Standing()

    def keep(event: Event, *, must: bool) -> None:
        if recording and at.can_be_captured and isinstance(event, Stepped | EpochEnded):
            ended = isinstance(event, EpochEnded) and is_over(at, todo.phases[at.phase])
            choices = {"phases": [asdict(phase) for phase in todo.phases], "body_path": path}
            recording.offer(
                event, lambda: at.capture(choices, ended=ended, device=device), must=must or ended
            )

    stopped = told.follow(
        fit(chain, source_of, todo, device, seed=config.seed, keeping=keeping, at=at), at, keep
    )
    if not told.epochs:
        raise StoppedError
    if (saved := savings(told.events)) is not None:
        learn(cache=asdict(saved))
    learn(moved=_moved(chain, config, dataset, todo))
    bundle = folder / "model.headstart"
    write_bundle(bundle, chain, manifest_of(config, dataset, todo))
    # The finished model may need the room that training had.
    for source in pictures.values():
        source.let_go()
    at.let_go()
    chain.zero_grad(set_to_none=True)
    release_memory(device.kind)
    model = Model(bundle, device.kind, path)
    made, familiar = _measure(model, dataset, pictures, pixels, keeping, todo, emit)
    save_predictions(folder / FILE, made)
    amend(bundle, {FAMILIAR: familiar.to_bytes()}, figures=figures_of(made))
    return _result(told.epochs, made, bundle, stopped=stopped)


def _planned(config: RunConfig, dataset: Dataset, device: Device, past: Past | None) -> Plan:
    todo = plan(config, find_card(config.backbone), len(dataset.of("train")), device.kind)
    if past is None:
        return todo
    # As it was chosen then, by another version perhaps; what was asked for since comes after.
    phases = tuple(Phase(**phase) for phase in past.facts["phases"])
    return replace(todo, phases=(*phases, *todo.phases[len(phases) :]))


def _opened(
    dataset: Dataset, preprocessing: Preprocessing, workspace: Workspace, told: Following
) -> dict[Split, Pixels]:
    """Return the pixels of every split that has pictures."""
    pixels: dict[Split, Pixels] = {}
    for split in SPLITS:
        if paths := [dataset.path(item) for item in dataset.of(split)]:
            doing = told.counting(f"Opening the pictures of the {split} set")
            pixels[split] = decode_pixels(paths, preprocessing, workspace.cache, doing)
    for note in dict.fromkeys(known.note for known in pixels.values() if known.note):
        told.tell(Notice(note))
    return pixels


def _result(
    epochs: Sequence[EpochEnded], made: Mapping[Split, Predictions], bundle: Path, *, stopped: bool
) -> Result:
    learned, seconds = sum(e.examples for e in epochs), sum(e.seconds for e in epochs)
    return Result(
        stopped=stopped,
        bundle=str(bundle),
        best_epoch=max(event.epoch for event in epochs if event.best),
        epochs=len(epochs),
        train_accuracy=_accuracy(made, "train"),
        validation_accuracy=_accuracy(made, "validation"),
        test_accuracy=_accuracy(made, "test"),
        images_per_second=round(learned / seconds, 1),
    )


def _beginning(
    config: RunConfig, dataset: Dataset, todo: Plan, tell: Callable[[int, int], None] | None = None
) -> Chain:
    """Return the backbone as it is before training, with a new head."""
    return load_backbone(
        config.backbone,
        len(dataset.classes),
        weights=config.weights,
        pretrained=todo.recipe != "scratch",
        seed=config.seed,
        progress=tell,
    )


def _moved(chain: Chain, config: RunConfig, dataset: Dataset, todo: Plan) -> dict[str, float]:
    """Return how far each stage is from where it began; nothing where that is no longer here."""
    if todo.cut == len(chain.names):
        return dict.fromkeys(chain.names, 0.0)
    try:
        return moved(_beginning(config, dataset, todo), chain)
    except (HeadstartError, OSError):  # its file was deleted meanwhile: no reason to lose a run
        return {}


def _measure(
    model: Model,
    dataset: Dataset,
    pictures: Mapping[Split, Pictures],
    pixels: Mapping[Split, Pixels],
    keeping: Keeping,
    todo: Plan,
    emit: Emit,
) -> tuple[dict[Split, Predictions], Familiar]:
    """Ask the finished model about every split, by its own predicting path.

    What it makes of the training pictures, and of those held out, also tells what it knows.

    Where every stage stayed frozen and was computed as predicting does, in fp32, what the model
    makes of the pictures up to its head is in the cache, or belongs there.
    """
    whole = len(keeping.chain.names)
    exact = keeping.device.half is None and keeping.device.kind != "cuda"  # there with TF32
    known = exact and keeping.cache is not None and todo.cut == whole
    names = name_stages(keeping.chain.body(whole)) if known else []
    made: dict[Split, Predictions] = {}
    found: dict[Split, NDArray[np.float32]] = {}
    for split, source in pictures.items():
        what, features = f"Measuring the finished model on the {split} set", None
        emit(Preparing(what, 0, len(source.labels)))
        if known:
            features = _drained(keeping.keep(source, {None: (whole,)}, names, what), emit).exact()
        if features is None:
            features = model.features(pixels[split])
        made[split] = predictions_of(dataset.of(split), model.logits(features))
        if split != "test":
            found[split] = features
    return made, Familiar.learn(found["train"], made["train"].labels, found["validation"])


def _accuracy(made: Mapping[Split, Predictions], split: Split) -> float | None:
    return float(made[split].right.mean()) if split in made else None


def _drained(events: Generator[Event, None, Kept], emit: Emit) -> Kept:
    while True:
        try:
            emit(next(events))
        except StopIteration as end:
            kept: Kept = end.value
            return kept


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
