"""What predicting costs beyond opening the pictures and passing them through the network.

Ours is `Model.predict`, which the page, the terminal and the notebook use. Beside it, the sum of
what cannot be done without: the same opener picture by picture, and the network on batches of
ready-made tensors by the same body path, its head and softmax included. Every repeat takes all
three in turn; the table shows medians. Ours may be below the sum, because it opens the next
pictures while the network computes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import write_bundle
from tl_core.bundles.manifest import Manifest
from tl_core.bundles.predict import Model
from tl_core.config import BODY_PATHS
from tl_core.data.augment import to_input
from tl_core.data.decode import OPENER
from tl_core.runs.outcome import versions
from tl_core.training.device import choose_device, set_up

ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with pictures")
    parser.add_argument("--weights", help="a .safetensors file of the backbone")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--body", choices=BODY_PATHS, help="left out, as the app chooses")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    set_up(choose_device())
    found = sorted(path for path in args.data.rglob("*") if path.suffix.lower() in ENDINGS)
    if not found:
        parser.error(f"there is no picture in {args.data}")
    pictures = list(islice(cycle(found), args.count))
    show("predict", [measure(_model(args), pictures, args.batch, args.repeats)])


def measure(model: Model, pictures: list[Path], batch: int, repeats: int) -> dict[str, Any]:
    """Time ours and its parts in turn, after a few pictures that warm up."""
    p = model.manifest.preprocessing
    prepared = np.stack([model.prepare(picture) for picture in pictures])
    whole = torch.from_numpy(prepared).to(model.device)
    batches = [to_input(part, p.mean, p.std) for part in torch.split(whole, batch)]

    def forward() -> None:
        for part in batches:
            model.chain.head(model.body(part)).softmax(1)

    def opened() -> None:
        for picture in pictures:
            model.prepare(picture)

    model.predict(pictures[:batch])
    forward()
    rounds = [
        tuple(map(_timed, (lambda: model.predict(pictures), opened, forward)))
        for _ in range(repeats)
    ]
    ours, opening, passing = (statistics.median(times) for times in zip(*rounds, strict=True))
    ratios = [own / (first + second) for own, first, second in rounds]
    return {
        "backbone": model.manifest.backbone,
        "body": model.body.path,
        "pictures": len(pictures),
        "our s": ours,
        "opening s": opening,
        "forward s": passing,
        "ours / both": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
        "goal": "≤ 1.15",
    }


def _model(args: argparse.Namespace) -> Model:
    card = find_card(args.backbone)
    chain = load_backbone(args.backbone, 2, weights=args.weights, pretrained=bool(args.weights))
    manifest = Manifest(
        backbone=args.backbone, classes=("one", "other"), preprocessing=card.preprocessing,
        opener=OPENER, recipe="feature-extraction", frozen_stages=card.stage_names,
        dataset="benchmark", versions=versions(), licence="",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.headstart"
        write_bundle(path, chain, manifest)
        return Model(path, choose_device().kind, args.body)


@torch.inference_mode()
def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
