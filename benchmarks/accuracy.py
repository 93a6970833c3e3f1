"""Validation accuracy with default settings: each recipe, each backbone, several seeds."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from table import show
from terminal import answer


def main() -> None:
    """Train every combination and print mean and spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a folder or .zip of class folders")
    parser.add_argument("--weights", nargs="+", required=True, metavar="BACKBONE=FILE")
    parser.add_argument(
        "--recipes", nargs="+", default=["feature-extraction", "fine-tune", "scratch"]
    )
    parser.add_argument("--seeds", nargs="+", default=["0", "1", "2"])
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as home:
        for pair in args.weights:
            backbone, file = pair.split("=", 1)
            for recipe in args.recipes:
                runs = [
                    answer(
                        Path(home), "train", "--data", args.data, "--backbone", backbone,
                        *([] if recipe == "scratch" else ["--weights", file]),
                        "--recipe", recipe, "--seed", seed,
                    )
                    for seed in args.seeds
                ]  # fmt: skip
                accuracies = [run["validation_accuracy"] for run in runs]
                rows.append(
                    {
                        "backbone": backbone,
                        "recipe": recipe,
                        "mean": statistics.mean(accuracies),
                        "lowest": min(accuracies),
                        "highest": max(accuracies),
                        "median seconds": statistics.median(run["seconds"] for run in runs),
                    }
                )
                show("accuracy", rows[-1:])
        print()
        show("accuracy", rows)


if __name__ == "__main__":
    main()
