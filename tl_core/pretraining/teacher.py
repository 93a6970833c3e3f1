"""What a trained network says of each picture, computed once: the answers to imitate.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.data.augment import to_input
from tl_core.pretraining.collection import Examples, Progress
from tl_core.training.device import Device
from tl_core.workspace import disk_errors, new_id


@dataclass(frozen=True)
class Answers:
    """A teacher's answers to N pictures.

    Attributes:
        key: fingerprint of the teacher and the pictures.
        logits: float16 `(N, C)`, mapped from a file.
        features: float16 `(N, F)`, averaged over the picture, likewise.
        mean: float32 `(F,)`, of the features.
    """

    key: str
    logits: NDArray[np.float16]
    features: NDArray[np.float16]
    mean: NDArray[np.float32]


def ask_teacher(
    name: str,
    weights: Path | None,
    examples: Examples,
    size: int,
    work: Path,
    device: Device,
    progress: Progress,
) -> Answers:
    """Run the teacher over whole, unvaried pictures, or find its answers from an earlier start.

    Args:
        name: the teacher's backbone.
        weights: its `.safetensors` file, with the head it was trained with; `None` takes the
            published ones.
        examples: the pictures.
        size: side to which they are enlarged for the teacher, in pixels.
        work: folder for the answers.
        device: to compute on.
        progress: called with what is done, how many are and how many there are.

    Raises:
        UserError: the weights do not fit the teacher, or the disk is full.
    """
    stem = (
        f"teacher-{name}-{fingerprint(weights) if weights else 'published'}-{size}-{examples.key}"
    )
    files = [work / f"{stem}-{what}.npy" for what in ("logits", "features")]
    if not all(file.exists() for file in files):
        answers = _ask(name, weights, examples, size, device, progress)
        for file, values in zip(files, answers, strict=True):
            _write(file, values)
    logits, features = (np.load(file, mmap_mode="r", allow_pickle=False) for file in files)
    return Answers(stem, logits, features, features.mean(0, dtype=np.float32))


def fingerprint(weights: Path) -> str:
    """Return the beginning of the hash of a weights file."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


@torch.inference_mode()
def _ask(
    name: str,
    weights: Path | None,
    examples: Examples,
    size: int,
    device: Device,
    progress: Progress,
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    from torch.fx.experimental.optimization import fuse

    preprocessing = find_card(name).preprocessing
    chain = load_backbone(name, weights=weights).eval()
    body = fuse(chain.body(len(chain.names)))
    body = body.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
    head = chain.head.to(device.torch)
    count = len(examples.labels)
    logits, features = [], []
    for start in range(0, count, device.tile):
        pixels = torch.from_numpy(np.array(examples.pixels[start : start + device.tile]))
        x = to_input(pixels.to(device.torch), preprocessing.mean, preprocessing.std)
        seen = body(F.interpolate(x, (size, size), mode="bilinear", align_corners=False))
        logits.append(head(seen).half().cpu().numpy())
        features.append((seen.mean((2, 3)) if seen.ndim == 4 else seen).half().cpu().numpy())
        if start // device.tile % 50 == 0 or start + device.tile >= count:
            progress(f"Asking {name}", min(start + device.tile, count), count)
    return np.concatenate(logits), np.concatenate(features)


def _write(file: Path, values: NDArray[np.float16]) -> None:
    part = file.with_name(f".{new_id()}.part")
    try:
        with disk_errors(file.name), part.open("wb") as out:
            np.save(out, values, allow_pickle=False)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
