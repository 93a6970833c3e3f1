"""Pictures as a source of examples for the training loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tl_core.backbones.card import Preprocessing
from tl_core.config import Augment
from tl_core.data.augment import augment, normalise, to_input

RESIDENT = 4 << 30


class Pictures:
    """Decoded pictures, varied and normalised in batches on the device.

    Args:
        pixels: `(N, S, S, 3)` uint8, may be memory-mapped.
        labels: N class numbers.
        preprocessing: tells mean and standard deviation.
        device: where batches are wanted; small sets live there as a whole.
        strength: of the variation.
        seed: of the variation.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: Sequence[int],
        preprocessing: Preprocessing,
        device: torch.device,
        strength: Augment = "none",
        seed: int = 0,
    ) -> None:
        self.labels = torch.tensor(labels, dtype=torch.int64, device=device)
        self.preprocessing, self.strength, self.seed = preprocessing, strength, seed
        self._pixels = pixels
        whole = device.type != "cpu" and pixels.nbytes <= RESIDENT
        self._resident = torch.from_numpy(np.array(pixels)).to(device) if whole else None

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Return inputs `(B, 3, S, S)`; `view` numbers a variation, `None` varies nothing."""
        if self._resident is not None:
            pixels = self._resident[indices]
        else:
            rows = np.ascontiguousarray(self._pixels[indices.cpu().numpy()])
            pixels = torch.from_numpy(rows).to(self.labels.device)
        mean, std = self.preprocessing.mean, self.preprocessing.std
        if view is None or self.strength == "none":
            return to_input(pixels, mean, std)
        varied = augment(pixels, indices, epoch=view, seed=self.seed, strength=self.strength)
        return normalise(varied, mean, std)
