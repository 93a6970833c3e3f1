"""A run that trains nothing: it asks what frozen stages know of the classes already.

Every picture passes once through the network; a linear probe tells how well the classes can be
told apart after each stage. A training step is taken as well, to tell what each cut would cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from tl_core.backbones.catalog import find_card
from tl_core.backbones.inference import choose_path
from tl_core.backbones.load import load_backbone
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.fewer import fewer
from tl_core.data.pictures import Pictures
from tl_core.data.pixels import decode_pixels, trim
from tl_core.errors import UserError
from tl_core.runs.following import Emit, Following
from tl_core.runs.frozen import cut_cache, inference_on
from tl_core.runs.probe_file import write_probe
from tl_core.runs.run import Wish
from tl_core.training.averaged import averages
from tl_core.training.device import choose_device, set_up
from tl_core.training.footprint import EXAMPLES, measure_step
from tl_core.training.probe import probe
from tl_core.workspace import CACHE_BUDGET, Workspace

_MOST = 2000  # pictures; with more, an answer no longer comes in seconds
_LEAST = 5  # of each class, however many classes there are
_HEAVY = 2.0  # billion multiply-adds for a picture, from where a step is taken on two


@dataclass(frozen=True)
class Result:
    """How it ended; what was found stands in the run's facts and in its folder."""

    stopped: bool = False


def probe_run(
    config: RunConfig,
    dataset: Dataset,
    workspace: Workspace,
    folder: Path,
    emit: Emit,
    *,
    learn: Callable[..., None] = lambda **_: None,
    wish: Callable[[], Wish] = lambda: "",
    **_: object,
) -> Result:
    """Probe the stages of one backbone on the training pictures; see `train_run`.

    Facts: `stages` lists name, accuracy, error (its standard error) and seconds (to pass one
    picture up to there) of each; `probed` counts the pictures, `training` those that there are;
    `footprint` is what a training step costs. The run's folder holds which pictures each stage got
    right (`probe_file`).

    Raises:
        UserError: something that the person can mend.
        StoppedError: the person stopped it.
        PausedError: the person paused it; it begins anew.
    """
    device, card = choose_device(config.device), find_card(config.backbone)
    if card.weights is None and config.weights is None:
        raise UserError(
            f"{card.title} has no pre-trained weights, so its stages know nothing that could be "
            "asked for; choose a backbone with weights."
        )
    set_up(device)
    told = Following([], emit, wish)
    most = max(_LEAST, _MOST // len(dataset.classes))
    dataset = fewer(dataset, config.per_class, config.seed)
    items = fewer(dataset, most, config.seed).of("train")
    learn(device=device.title, device_kind=device.kind, dataset_name=dataset.name,
          classes=list(dataset.classes), training=len(dataset.of("train")),
          probed=len(items))  # fmt: skip
    trim(workspace.cache, CACHE_BUDGET)
    preprocessing = card.preprocessing.reading(dataset.white)
    pixels = decode_pixels(
        [dataset.path(item) for item in items], preprocessing, workspace.cache,
        told.counting("Opening the pictures"),
    )  # fmt: skip
    chain = load_backbone(
        card.name, len(dataset.classes), weights=config.weights, seed=config.seed,
        progress=told.counting(f"Downloading the weights of {card.title}"),
    )  # fmt: skip
    chain = chain.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
    labels = [item.label for item in items]
    pictures = Pictures(pixels, labels, preprocessing, device.torch)
    path = config.body or choose_path(chain.body(len(chain.names)), device.kind)
    learn(body_path=path)
    cuts = [chain.cut(config.freeze)] if config.freeze else list(range(1, len(chain.names) + 1))
    passed = averages(
        chain, pictures, cuts, device, inference_on(path, device),
        cut_cache(workspace) if config.cache else None,
        told.counting("Passing the pictures through the stages"),
    )  # fmt: skip
    probed = {}
    for number, (cut, features) in enumerate(zip(cuts, passed.features, strict=True), 1):
        probed[chain.names[cut - 1]] = probe(features, labels)
        told.counting("Probing the stages")(number, len(cuts))
    if not config.freeze:
        few = 2 if card.gmac > _HEAVY else EXAMPLES
        learn(footprint=asdict(measure_step(chain, pictures, device, few)))
    right = {name: found.right.tolist() for name, found in probed.items()}
    write_probe(folder, [item.file for item in items], right)
    learn(
        stages=[
            {"name": name, "accuracy": found.accuracy, "error": found.error,
             "seconds": seconds / len(items)}
            for (name, found), seconds in zip(probed.items(), passed.seconds, strict=True)
        ]
    )  # fmt: skip
    return Result()
