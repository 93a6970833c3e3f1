"""What the head start of a backbone is worth: its weights against the same network from scratch.

For each labelled folder, number of pictures per class and seed: feature extraction and fine-tuning
from the weights, and training from scratch for as many epochs as fine-tuning has, all with the
app's own plan; beside them, each picture given to the class whose mean features are nearest. The
seed draws the training pictures. Accuracy is that of the best epoch: on the validation folder
where the source has one; on the app's validation and test pictures together where it has none,
which is steadier (the epoch was chosen by the validation half of them).

`--figures` keeps the rows for the app's Learn page and prints the table of Mini's card.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.backbones import worth
from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.open import open_dataset
from tl_core.data.pictures import Pictures
from tl_core.data.pixels import decode_pixels
from tl_core.data.samples import SAMPLES, sample
from tl_core.training.cutcache import CutCache
from tl_core.training.device import choose_device, set_up
from tl_core.training.fit import fit
from tl_core.training.keeping import Keeping
from tl_core.training.loop import evaluate
from tl_core.training.phases import Phase, plan
from tl_core.training.sources import AtCut
from tl_core.workspace import Workspace

METHODS = tuple(worth.METHODS)
EVERYTHING = 10**9


@dataclass(frozen=True)
class Part:
    """Pictures `(N, S, S, 3)` and their labels."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def drawn(self, per_class: int, seed: int) -> Part:
        """Return at most `per_class` pictures of each class, drawn by the seed."""
        random = np.random.default_rng(seed)
        rows = [random.permutation(np.flatnonzero(self.labels == k)) for k in set(self.labels)]
        chosen = np.sort(np.concatenate([each[:per_class] for each in rows]))
        return Part(self.pixels[chosen], self.labels[chosen])


@dataclass(frozen=True)
class Task:
    """A dataset, decoded: to learn from, to choose the epoch by, to measure on."""

    key: str
    cache: CutCache
    classes: int
    train: Part
    validation: Part
    measured: Part


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    samples = [known.key for known in SAMPLES]
    parser.add_argument("data", nargs="+", help=f"folders or .zip files, or {', '.join(samples)}")
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--weights", type=Path, help="a .safetensors file instead of its own")
    parser.add_argument("--per-class", nargs="+", default=["5", "20", "all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--freeze", help="the last stage that fine-tuning keeps frozen")
    parser.add_argument("--lr", type=float, help="the head's learning rate in fine-tuning")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--figures", action="store_true", help=f"write {worth.FIGURES} as well")
    args = parser.parse_args()
    if args.figures and (args.backbone != "mini" or args.weights):
        parser.error("the figures that the app shows are those of mini and its own weights")
    set_up(choose_device("cpu"))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as home:
        for source in args.data:
            task = read(Workspace.open(home), source, args.backbone)
            for per_class in args.per_class:
                for method in args.methods:
                    rows.append(row(task, per_class, method, args))
                    show("bundled_backbone", rows[-1:])
    print()
    show("bundled_backbone", rows)
    if args.figures:
        print(f"\n{keep(rows)}")


def keep(rows: list[dict[str, Any]]) -> str:
    """Write the figures that the app shows and return the table of Mini's card."""
    said = [word for word in sys.argv[1:] if word != "--figures"]
    command = shlex.join(["python", "benchmarks/bundled_backbone.py", *said])
    names = [field.name for field in fields(worth.Row)]
    told = tuple(worth.Row(**{name: row[name] for name in names}) for row in rows)
    figures = worth.Figures(command, told)
    worth.FIGURES.write_text(worth.render(figures), encoding="utf-8")
    return worth.card_table(figures)


def open_source(workspace: Workspace, source: str) -> Dataset:
    """Return a sample by its key, or import a folder or .zip file as the app does."""
    known = source in [each.key for each in SAMPLES]
    return sample(workspace, source) if known else open_dataset(workspace, source, None)


def read(workspace: Workspace, source: str, backbone: str) -> Task:
    """Import a source as the app does, and decode it for a backbone."""
    dataset = open_source(workspace, source)
    parts = {}
    for split in ("train", "validation", "test"):
        items = dataset.of(split)  # type: ignore[arg-type]
        pixels = decode_pixels(
            [dataset.path(item) for item in items],
            find_card(backbone).preprocessing,
            workspace.cache,
        )
        parts[split] = Part(pixels[:], np.array([item.label for item in items], np.int64))
    held = [parts["validation"]] if dataset.given_split else [parts["validation"], parts["test"]]
    measured = Part(
        np.concatenate([part.pixels for part in held]),
        np.concatenate([part.labels for part in held]),
    )
    return Task(
        Path(source).stem,
        CutCache(workspace.cache / "activations"),
        len(dataset.classes),
        parts["train"],
        parts["validation"],
        measured,
    )


def row(task: Task, per_class: str, method: str, args: argparse.Namespace) -> dict[str, Any]:
    """Measure one method with every seed."""
    most = EVERYTHING if per_class == "all" else int(per_class)
    began = time.perf_counter()
    found = [
        accuracy(task, task.train.drawn(most, seed), method, seed, args) for seed in args.seeds
    ]
    # The nearest mean of all pictures is the same for every seed: there is nothing to draw.
    varied = len(found) > 1 and (per_class != "all" or method != "nearest mean")
    return {
        "data": task.key,
        "measured_on": len(task.measured.labels),
        "per_class": "all" if per_class == "all" else most,
        "method": method,
        "mean": statistics.mean(found),
        "spread": statistics.pstdev(found) if varied else None,
        "seeds": len(found),
        "lowest": min(found),
        "highest": max(found),
        "seconds each": round((time.perf_counter() - began) / len(found), 1),
    }


def accuracy(task: Task, train: Part, method: str, seed: int, args: argparse.Namespace) -> float:
    """Train once and return the share of right answers."""
    backbone, weights, scratch = args.backbone, args.weights, method == "scratch"
    device, card = choose_device("cpu"), find_card(backbone)
    chain = load_backbone(
        backbone, task.classes, weights=None if scratch else weights, pretrained=not scratch,
        seed=seed,
    )  # fmt: skip
    chain = chain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def pictures(part: Part, strength: Any = "none") -> Pictures:
        return Pictures(
            part.pixels, part.labels.tolist(), card.preprocessing, device.torch, strength, seed
        )

    if method == "nearest mean":
        body = chain.body(len(chain.names))
        return nearest_mean(
            *(AtCut(pictures(part), body, device) for part in (train, task.measured))
        )

    def source_of(split: str, phase: Phase) -> Pictures:
        return pictures(train, phase.augment) if split == "train" else pictures(task.validation)

    config = RunConfig("", backbone, recipe="fine-tune", freeze=args.freeze, lr=args.lr, seed=seed)
    if method != "fine-tune":
        budget = plan(config, card, len(train.labels), device.kind).epochs if scratch else None
        config = config.with_(recipe=method, freeze=None, lr=None, epochs=budget)
    todo = plan(config, card, len(train.labels), device.kind)
    keeping = Keeping(chain, device, task.cache)
    for _ in fit(chain, source_of, todo, device, seed=seed, keeping=keeping):
        pass
    whole = chain.freeze("none").eval().tail(0)
    return evaluate(whole, pictures(task.measured), device, device.tile).accuracy


def nearest_mean(train: AtCut, measured: AtCut) -> float:
    """Give each picture to the class whose mean features lie nearest by angle."""
    features, questions = (_all(source) for source in (train, measured))
    means = torch.stack([features[train.labels == k].mean(0) for k in train.labels.unique()])
    alike = questions @ torch.nn.functional.normalize(means, dim=1).T
    return float((alike.argmax(1) == measured.labels).float().mean())


def _all(source: AtCut) -> torch.Tensor:
    features = source.batch(torch.arange(len(source.labels)), None)
    return torch.nn.functional.normalize(features, dim=1)


if __name__ == "__main__":
    main()
