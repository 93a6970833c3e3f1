"""Pictures of an exported script: opened, fitted, normalised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tl_core.bundles.standalone.settings import PREPROCESSING
from tl_core.data.augment import to_input
from tl_core.data.decode import fit, load


def open_picture(path: Path) -> Tensor:
    """Open a picture as Headstart does: uint8, height x width x 3."""
    with path.open("rb") as file, Image.open(file) as image:
        seen = load(image, file, PREPROCESSING.white).image
    return torch.from_numpy(np.array(fit(seen, PREPROCESSING)))


def normalised(pixels: Tensor) -> Tensor:
    """Return what the network sees of opened pictures: float32, pictures x 3 x height x width."""
    return to_input(pixels, PREPROCESSING.mean, PREPROCESSING.std)
