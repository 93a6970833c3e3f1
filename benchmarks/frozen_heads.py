"""Feature extraction with nothing set, against logistic regression on the same features.

For each set, backbone, number of pictures per class and seed: our head as a run plans it, the same
head from random numbers (AdamW at 3e-3, at most 50 epochs: the default of 0.1.0), and
scikit-learn's logistic regression on standardised features, its strength by cross-validation. A
quarter of each class, or the validation folder where the source has one, is measured on and never
learned or chosen from; the seed draws the validation and training pictures from the rest. Logistic
regression learns without the validation pictures, too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bundled_backbone import EVERYTHING, Part, open_source
from numpy.typing import NDArray
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain, linear_head
from tl_core.backbones.inference import choose_path
from tl_core.backbones.load import load_backbone
from tl_core.config import RunConfig
from tl_core.data.pictures import Pictures
from tl_core.data.pixels import decode_pixels
from tl_core.data.samples import SAMPLES
from tl_core.runs.frozen import inference_on
from tl_core.training.device import choose_device, set_up
from tl_core.training.fit import fit
from tl_core.training.keeping import Keeping
from tl_core.training.loop import evaluate
from tl_core.training.phases import Phase, plan
from tl_core.training.sources import AtCut
from tl_core.workspace import Workspace

OURS, RANDOM, LOGISTIC = "ours", "from random numbers", "logistic regression"


class Features:
    """Feature vectors as a source of inputs for a chain that has no stages left to compute."""

    def __init__(self, part: Part) -> None:
        self.values, self.labels, self.key = (
            torch.from_numpy(part.pixels), torch.from_numpy(part.labels), "",
        )  # fmt: skip

    def batch(self, indices: torch.Tensor, view: int | None) -> torch.Tensor:  # noqa: ARG002
        """Return the features, which do not vary."""
        return self.values[indices]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    samples = [known.key for known in SAMPLES]
    parser.add_argument("data", nargs="+", help=f"folders or .zip files, or {', '.join(samples)}")
    parser.add_argument(
        "--weights", nargs="+", default=["mini="], metavar="BACKBONE=FILE",
        help="the backbones; without a file, with the weights that come with the app",
    )  # fmt: skip
    parser.add_argument("--per-class", nargs="+", default=["5", "20", "100", "all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    args = parser.parse_args()
    set_up(choose_device("cpu"))
    warnings.filterwarnings("ignore", module="sklearn")
    backbones = dict(pair.split("=", 1) for pair in args.weights)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as home:
        for backbone, weights in backbones.items():
            for source in args.data:
                parts = read(Workspace.open(home), source, backbone, weights or None)
                for per_class in args.per_class:
                    if row := measure(parts, source, backbone, per_class, args.seeds):
                        rows.append(row)
                        show("frozen_heads", rows[-1:])
    print()
    show("frozen_heads", [*rows, *means(rows, args.per_class)])


def read(
    workspace: Workspace, source: str, backbone: str, weights: str | None
) -> tuple[Part, NDArray[np.bool_]]:
    """Return features of all pictures with their labels, and which of them are measured on."""
    dataset = open_source(workspace, source)
    items = sorted({item.file: item for item in dataset.items}.values(), key=lambda i: i.file)
    card, device = find_card(backbone), choose_device("cpu")
    pixels = decode_pixels(
        [dataset.path(item) for item in items], card.preprocessing, workspace.cache
    )
    labels = [item.label for item in items]
    chain = load_backbone(backbone, len(dataset.classes), weights=weights)
    chain = chain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    body = chain.body(len(chain.names))
    pictures = Pictures(pixels, labels, card.preprocessing, device.torch)
    inference = inference_on(choose_path(body, device.kind), device)
    features = AtCut(pictures, body, device, inference=inference).batch(
        torch.arange(len(items)), None
    )
    held = np.array([item.split == "validation" for item in items])
    if not dataset.given_split:
        # Files are named by the hash of what they hold, so their order is no order of theirs.
        turn = {label: iter(range(len(items))) for label in set(labels)}
        held = np.array([next(turn[label]) % 4 == 0 for label in labels])
    return Part(features.numpy(), np.array(labels, np.int64)), held


def measure(
    parts: tuple[Part, NDArray[np.bool_]],
    source: str,
    backbone: str,
    per_class: str,
    seeds: list[int],
) -> dict[str, Any] | None:
    """Measure the three with every seed; nothing where there are not so many pictures."""
    every, held = parts
    most = EVERYTHING if per_class == "all" else int(per_class)
    rest = Part(every.pixels[~held], every.labels[~held])
    if per_class != "all" and np.bincount(rest.labels).min() * 4 // 5 <= most:
        return None
    asked = Part(every.pixels[held], every.labels[held])
    found: dict[str, list[float]] = {OURS: [], RANDOM: [], LOGISTIC: []}
    began = time.perf_counter()
    for seed in seeds:
        fifth = int(np.bincount(rest.labels).min()) // 5
        validation = rest.drawn(fifth, seed)
        known = {row.tobytes() for row in validation.pixels}
        left = np.array([row.tobytes() not in known for row in rest.pixels])
        train = Part(rest.pixels[left], rest.labels[left]).drawn(most, seed)
        found[OURS].append(head(train, validation, asked, backbone, seed, lambda p: p))
        found[RANDOM].append(head(train, validation, asked, backbone, seed, from_random))
        found[LOGISTIC].append(logistic(train, asked))
    spread = statistics.pstdev(found[OURS])
    return {
        "backbone": backbone,
        "set": Path(source).stem,
        "per class": per_class,
        **{name: statistics.mean(values) for name, values in found.items()},
        "spread of ours": spread,
        "seconds": round(time.perf_counter() - began, 1),
    }


def from_random(phase: Phase) -> Phase:
    """Return the phase nearly as 0.1.0 planned it; patience, and few epochs, differ a little."""
    return replace(phase, solve=False, head_lr=3e-3, epochs=min(2 * phase.epochs, 50))


def head(
    train: Part,
    validation: Part,
    asked: Part,
    backbone: str,
    seed: int,
    changed: Callable[[Phase], Phase],
) -> float:
    """Train a new head by the plan of a run and return its share of right answers."""
    torch.manual_seed(seed)
    classes = int(asked.labels.max()) + 1
    chain = Chain({}, linear_head(train.pixels.shape[1], classes))
    config = RunConfig("", backbone, recipe="feature-extraction", seed=seed)
    todo = plan(config, find_card(backbone), len(train.labels), "cpu")
    phases = tuple(replace(changed(phase), cut=0) for phase in todo.phases)
    sources = {"train": Features(train), "validation": Features(validation)}
    device = choose_device("cpu")
    planned = replace(todo, cut=0, phases=phases)
    for _ in fit(
        chain, lambda split, _: sources[split], planned, device, seed=seed,
        keeping=Keeping(chain, device),
    ):  # fmt: skip
        pass
    return evaluate(chain.eval().tail(0), Features(asked), device, 256).accuracy


def logistic(train: Part, asked: Part) -> float:
    """Fit logistic regression, its strength by cross-validation, in scikit-learn's manner."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = min(5, int(np.bincount(train.labels).min()))
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=np.logspace(-5, 2, 8), max_iter=300,
            cv=StratifiedKFold(folds, shuffle=True, random_state=0),
        ),
    )  # fmt: skip
    model.fit(train.pixels, train.labels)
    return float(model.score(asked.pixels, asked.labels))


def means(rows: list[dict[str, Any]], per_class: list[str]) -> list[dict[str, Any]]:
    """Return the means over all sets and backbones, for each number of pictures and in all."""
    made = []
    for chosen in [[known] for known in per_class] + [per_class]:
        of = [row for row in rows if row["per class"] in chosen]
        if not of:
            continue
        numbers = {
            name: statistics.mean(row[name] for row in of)
            for name in (OURS, RANDOM, LOGISTIC, "spread of ours")
        }
        wins = sum(row[OURS] >= row[LOGISTIC] for row in of)
        made.append(
            {"backbone": "mean", "set": f"ours ≥ logistic on {wins} of {len(of)}",
             "per class": "every" if len(chosen) > 1 else chosen[0], **numbers,
             "seconds": round(sum(row["seconds"] for row in of), 1)}
        )  # fmt: skip
    return made


if __name__ == "__main__":
    main()
