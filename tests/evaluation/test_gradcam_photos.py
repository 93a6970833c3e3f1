"""Grad-CAM on photos: its peak lies in the box that a person drew around the animal.

`animal_boxes.json` names the photos by their files' hash, with boxes as shares of width and height
(left, top, right, bottom). They were drawn before any map was computed. They are all animals of
the ImageNet samples (8), and every 11th photo of ants (70) and every 13th of bees (83) of
hymenoptera's validation folder; where such a photo shows several animals, or one that fills it,
the next one that shows a single whole animal.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.data.augment import to_input
from tl_core.data.decode import fit, open_image
from tl_core.evaluation.gradcam import gradcam

BOXES = json.loads(Path(__file__).with_name("animal_boxes.json").read_text(encoding="utf-8"))


def hits(name: str, weights: Path, shared_data: Path) -> tuple[list[str], float]:
    """Name the photos whose peak lies in the box, and say how large the boxes are on average."""
    p = find_card(name).preprocessing
    chain = load_backbone(name, weights=weights).eval()
    rows = (shared_data / "weights/imagenet_classes.tsv").read_text().splitlines()
    labels = {row.split("\t")[2]: int(row.split("\t")[0]) for row in rows}
    found, areas = [], []
    for told in BOXES.values():
        image = open_image(shared_data / told["file"])
        box = Image.new("RGB", image.size)
        left, top, right, bottom = (
            share * side for share, side in zip(told["box"], image.size * 2, strict=True)
        )
        ImageDraw.Draw(box).rectangle((left, top, right, bottom), fill="white")
        inside = fit(box, p)[..., 0] > 127
        x = to_input(torch.from_numpy(fit(image, p).copy())[None], p.mean, p.std)
        heat = gradcam(chain, x, labels[told["class"]])
        areas.append(float(inside.mean()))
        if inside[np.unravel_index(heat.argmax(), heat.shape)]:
            found.append(told["file"])
    return found, float(np.mean(areas))


@pytest.mark.shared
@pytest.mark.parametrize(("name", "least"), [("mobilenet_v2", 0.8), ("squeezenet1_1", 0.8)])
def test_the_peak_is_on_the_animal(shared_data: Path, name: str, least: float) -> None:
    weights = shared_data / "weights" / f"{name}-imagenet.safetensors"
    found, area = hits(name, weights, shared_data)
    missed = sorted({told["file"] for told in BOXES.values()} - set(found))
    told = f"{name}: {len(found)} of {len(BOXES)}, by chance {area:.0%}; missed {missed}"
    print(told)  # noqa: T201 (shown by -s)
    assert len(BOXES) == 20
    assert area < 0.45, "the boxes are small enough to be missed"
    assert len(found) >= least * len(BOXES), told
