"""Whether the same configuration and seed give the same run: train twice and compare."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from table import show
from terminal import answer

MAY_DIFFER = {"run_id", "bundle", "seconds", "wall_seconds", "images_per_second"}


def main() -> None:
    """Train each recipe twice in separate workspaces and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a folder or .zip of class folders")
    parser.add_argument("--weights", required=True, metavar="BACKBONE=FILE")
    parser.add_argument("--recipes", nargs="+", default=["feature-extraction", "fine-tune"])
    args = parser.parse_args()
    backbone, file = args.weights.split("=", 1)
    rows = []
    for recipe in args.recipes:
        twice = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as home:
                twice.append(
                    answer(
                        Path(home), "train", "--data", args.data, "--backbone", backbone,
                        "--weights", file, "--recipe", recipe, "--seed", "7",
                    )
                )  # fmt: skip
        first, second = twice
        differ = sorted(key for key in first if first[key] != second[key])
        rows.append(
            {
                "recipe": recipe,
                "fields": len(first),
                "differ": ", ".join(differ),
                "as promised": set(differ) <= MAY_DIFFER,
            }
        )
    show("repeatable", rows)


if __name__ == "__main__":
    main()
