"""Whether the studies suggest well: their choice against the best found by really training all.

"Which backbone" and "where to cut" ask a linear probe, in seconds. Here everything that they choose
from is trained as well: for each labelled set, backbone, number of frozen stages and seed one
training with the app's own plan. Its accuracy is that of the best epoch: on the validation folder
where the source has one; on the app's validation and test pictures together where it has none,
which is steadier. What was trained is kept in `results/`, so that the tables grow with every call,
and several calls may train at once (`--only train`, then `--only table`). A suggestion is good
where its accuracy (mean of the seeds) is within 2 points or one standard error of the best.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.backbones.catalog import find_card
from tl_core.backbones.inference import choose_path, inference_body
from tl_core.backbones.load import load_backbone
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, Item
from tl_core.data.open import open_dataset
from tl_core.data.pictures import Pictures
from tl_core.data.pixels import decode_pixels
from tl_core.runs.probing import probe_run
from tl_core.studies.where_to_cut import suggest
from tl_core.training.cutcache import CutCache
from tl_core.training.device import Device, choose_device, set_up
from tl_core.training.fit import fit
from tl_core.training.keeping import Keeping
from tl_core.training.loop import evaluate
from tl_core.training.phases import Phase, plan
from tl_core.training.sources import Inference
from tl_core.workspace import Workspace, new_id

KEPT = Path(__file__).with_name("results") / "suggestions-trained.jsonl"


@dataclass(frozen=True)
class Setting:
    """One training: which set, backbone (with its own weights, or a file), cut and seed."""

    data: str
    backbone: str
    cut: int
    seed: int

    @property
    def key(self) -> str:
        """Its name among the kept figures."""
        return f"{Path(self.data).name} {self.backbone} {self.cut} {self.seed}"


def main() -> None:
    """Train what was not trained yet, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", help="folders, .zip files or names like sample:digits")
    parser.add_argument("--backbones", nargs="+", default=["mini"], metavar="NAME[=FILE]")
    parser.add_argument("--cuts", nargs="+", type=int, help="numbers of frozen stages; else all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", choices=["train", "table"], help="else both")
    parser.add_argument("--home", type=Path, default=Path("workspace"))
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="cpu")
    args = parser.parse_args()
    workspace = Workspace.open(args.home)
    device = choose_device(args.device)
    set_up(device)
    weights = {name: file for name, _, file in (b.partition("=") for b in args.backbones)}
    if args.only != "table":
        train(workspace, args, weights, device)
    if args.only == "train":
        return
    probed = {
        (data, name): probe(
            workspace, open_dataset(workspace, data), name, weights[name], device.kind
        )
        for data in args.data
        for name in weights
    }
    cuts = [cut_row(workspace, data, name, found) for (data, name), found in probed.items()]
    backbones = [backbone_row(workspace, data, probed, list(weights)) for data in args.data]
    for title, name, rows in (
        ("Where to cut", "suggested-cuts", cuts),
        ("Which backbone", "suggested-backbones", backbones),
    ):
        print(f"\n{title}")
        if any(rows):
            show(name, [row for row in rows if row])
        else:
            print("Too little was trained to compare yet.")


def train(
    workspace: Workspace, args: argparse.Namespace, weights: dict[str, str], device: Device
) -> None:
    """Train all that was asked for and is not kept yet."""
    for data in args.data:
        dataset = open_dataset(workspace, data)
        for backbone, file in weights.items():
            stages = len(find_card(backbone).stages)
            cuts = args.cuts or range(stages, -1, -1)
            for cut, seed in product((cut for cut in cuts if cut <= stages), args.seeds):
                setting = Setting(data, backbone, cut, seed)
                if setting.key in kept():
                    continue
                began = time.perf_counter()
                found = trained(workspace, dataset, setting, file, device)
                keep(setting, found, time.perf_counter() - began)
                print(setting.key, found, round(time.perf_counter() - began, 1), flush=True)


Probed = list[tuple[float, float]]  # accuracy and its error after each stage


def probe(workspace: Workspace, dataset: Dataset, backbone: str, weights: str, on: str) -> Probed:
    """Probe every stage as the study does."""
    config = RunConfig(dataset.id, backbone, weights=weights or None, device=on, work="probe")
    facts: dict[str, Any] = {}
    folder = workspace.runs / new_id()
    probe_run(config, dataset, workspace, folder, lambda _: None, learn=lambda **f: facts.update(f))
    return [(stage["accuracy"], stage["error"]) for stage in facts["stages"]]


def means(data: str, backbone: str) -> dict[int, tuple[float, int]]:
    """Return the mean accuracy at each cut that was trained, and over how many seeds."""
    found: dict[int, list[float]] = {}
    for key, row in kept().items():
        name, trained_one, cut, _ = key.rsplit(" ", 3)
        if (name, trained_one) == (Path(data).name, backbone):
            found.setdefault(int(cut), []).append(row["accuracy"])
    return {cut: (statistics.mean(each), len(each)) for cut, each in sorted(found.items())}


def judged(chosen: float, best: float, held: int) -> dict[str, Any]:
    """Say how far a choice is behind the best, and whether that is near enough."""
    error = 100 * (best * (1 - best) / held) ** 0.5
    behind = 100 * (best - chosen)
    return {"behind": behind, "standard error": error, "good": behind <= max(2, error)}


def cut_row(workspace: Workspace, data: str, backbone: str, probed: Probed) -> dict[str, Any]:
    """Compare the suggested cut with the best one."""
    found, stages = means(data, backbone), len(probed)
    cut, _ = suggest(find_card(backbone), probed)
    if cut not in found or stages not in found:
        return {}
    best = max(found, key=lambda one: found[one][0])
    return {
        "data": Path(data).name,
        "backbone": backbone,
        "probe": probed[-1][0],
        "a head alone": found[stages][0],
        "suggested": cut,
        "its accuracy": found[cut][0],
        "best": best,
        "its accuracy ": found[best][0],
        **judged(found[cut][0], found[best][0], held_out(workspace, data)),
        "trained (seeds)": " ".join(f"{one}:{n}" for one, (_, n) in found.items()),
    }


def backbone_row(
    workspace: Workspace, data: str, probed: dict[tuple[str, str], Probed], names: list[str]
) -> dict[str, Any]:
    """Compare the suggested backbone with the best one, each at its own suggested cut."""
    trained_ones = {}
    for name in names:
        cut, _ = suggest(find_card(name), probed[data, name])
        if cut in means(data, name):
            trained_ones[name] = means(data, name)[cut][0]
    if len(trained_ones) < len(names):
        return {}
    chosen = max(names, key=lambda name: (probed[data, name][-1][0], -find_card(name).gmac))
    best = max(trained_ones, key=lambda name: trained_ones[name])
    return {
        "data": Path(data).name,
        **{f"probe of {name}": probed[data, name][-1][0] for name in names},
        **trained_ones,
        "suggested": chosen,
        "best": best,
        **judged(trained_ones[chosen], trained_ones[best], held_out(workspace, data)),
    }


def held_out(workspace: Workspace, data: str) -> int:
    """Count what accuracies were measured on."""
    dataset = open_dataset(workspace, data)
    return len(dataset.of("validation") + dataset.of("test"))


def kept() -> dict[str, Any]:
    """Return what was trained so far."""
    rows = map(json.loads, KEPT.read_text().splitlines() if KEPT.is_file() else [])
    return {row["setting"]: row for row in rows}


def keep(setting: Setting, accuracy: float, seconds: float) -> None:
    """Add one training's accuracy."""
    KEPT.parent.mkdir(exist_ok=True)
    row = {"setting": setting.key, "accuracy": accuracy, "seconds": round(seconds, 1)}
    with KEPT.open("a") as file:
        file.write(json.dumps(row) + "\n")


def trained(
    workspace: Workspace, dataset: Dataset, setting: Setting, weights: str, device: Device
) -> float:
    """Train as the app does and return the share of right answers on what was held out."""
    card = find_card(setting.backbone)
    chain = load_backbone(
        setting.backbone, len(dataset.classes), weights=weights or None, seed=setting.seed
    )
    chain = chain.to(device.torch, memory_format=torch.channels_last)

    def pictures(items: list[Item]) -> Pictures:
        paths = [dataset.path(item) for item in items]
        pixels = decode_pixels(paths, card.preprocessing, workspace.cache)
        labels = [item.label for item in items]
        return Pictures(pixels, labels, card.preprocessing, device.torch, "none", setting.seed)

    splits = {split: pictures(dataset.of(split)) for split in ("train", "validation")}
    held = dataset.of("validation") + dataset.of("test")

    def source_of(split: str, phase: Phase) -> Pictures:
        return splits[split].varied(phase.augment if split == "train" else "none")

    recipe = "feature-extraction" if setting.cut == len(card.stages) else "fine-tune"
    config = RunConfig(
        dataset.id, setting.backbone, recipe=recipe, freeze=str(setting.cut), seed=setting.seed
    )
    path = choose_path(chain.body(len(chain.names)), device.kind)
    inference = Inference(
        path, lambda stages, shape: inference_body(stages, path, device.torch, shape)
    )
    cache = CutCache(workspace.cache / "activations")
    todo = plan(config, card, len(dataset.of("train")), device.kind)
    for _ in fit(
        chain, source_of, todo, device, seed=setting.seed,
        keeping=Keeping(chain, device, cache, inference),
    ):  # fmt: skip
        pass
    whole = chain.freeze("none").eval().tail(0)
    return evaluate(whole, pictures(held), device, device.tile).accuracy


if __name__ == "__main__":
    main()
