"""How near our training steps come to what the GPU can do: against bare steps on synthetic data.

ResNet-50 from random weights, everything unfrozen, 224 px, in bf16 where the GPU has it. Needs a
CUDA device. `HEADSTART_COMPILE=1` tells what `torch.compile` gives to our side.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import torch
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from steps import Rates, compare

from tl_core.training.device import choose_device

GOAL = 0.93


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=100, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--augment", nargs="+", default=["none", "light", "strong"])
    args = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("This needs a CUDA device, and PyTorch finds none on this machine.")
    device = choose_device("cuda")
    print(f"{device.title}, {device.half or torch.float32}, batch {args.batch}\n")
    rows: list[dict[str, Any]] = []
    for augment in args.augment:
        rates = compare(
            args.backbone, device, batch=args.batch, steps=args.steps, rounds=args.rounds,
            augment=augment,
        )  # fmt: skip
        rows.append(row(args.backbone, augment, args.batch, rates))
        print(rows[-1], flush=True)  # a machine on loan may be gone before the table
    show("gpu", rows)


def row(backbone: str, augment: str, batch: int, rates: Rates) -> dict[str, Any]:
    """Return a line of the table; the ratio is the median of the rounds' ratios."""
    ratios = [own / bare for own, bare in zip(rates.ours, rates.bare, strict=True)]
    ratio = statistics.median(ratios)
    return {
        "what": f"{backbone}, everything, {augment}",
        "bare images/s": statistics.median(rates.bare) * batch,
        "our images/s": statistics.median(rates.ours) * batch,
        "ratio": ratio,
        "lowest": min(ratios),
        "highest": max(ratios),
        "goal": f"≥ {GOAL}",
        "met": ratio >= GOAL,
        "peak memory MB": None if rates.peak is None else round(rates.peak / 1e6),
    }


if __name__ == "__main__":
    main()
