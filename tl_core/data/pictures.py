"""Pictures as a source of examples for the training loop."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tl_core.backbones.card import Preprocessing
from tl_core.config import Augment
from tl_core.data.augment import augment, normalise, to_input

RESIDENT = 4 << 30
VARIATION = 1  # raise it when the same pixels, seed and view no longer give the same input


class Pictures:
    """Decoded pictures, varied and normalised in batches on the device.

    Args:
        pixels: `(N, S, S, 3)` uint8, may be memory-mapped.
        labels: N class numbers.
        preprocessing: tells mean and standard deviation.
        device: where batches are wanted; small sets live there as a whole.
        strength: of the variation.
        seed: of the variation.
        content: names the pixels, as `pixels_key` does; empty where nothing may be kept of them.

    Attributes:
        key: all that `batch` depends on beside its arguments; see `training.sources.Source`.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: Sequence[int],
        preprocessing: Preprocessing,
        device: torch.device,
        strength: Augment = "none",
        seed: int = 0,
        content: str = "",
    ) -> None:
        self.labels = torch.tensor(labels, dtype=torch.int64, device=device)
        self.preprocessing, self.strength, self.seed = preprocessing, strength, seed
        self.content = content
        self._pixels = _Pixels(pixels, device)
        self.key = self._fingerprint()

    def varied(self, strength: Augment) -> Self:
        """Return the same pictures varied differently, which share their memory with these."""
        other = copy.copy(self)
        other.strength = strength
        other.key = other._fingerprint()
        return other

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Return inputs `(B, 3, S, S)`; `view` numbers a variation, `None` varies nothing."""
        pixels = self._pixels.of(indices)
        mean, std = self.preprocessing.mean, self.preprocessing.std
        if view is None or self.strength == "none":
            return to_input(pixels, mean, std)
        varied = augment(pixels, indices, epoch=view, seed=self.seed, strength=self.strength)
        return normalise(varied, mean, std)

    def _fingerprint(self) -> str:
        if not self.content:
            return ""
        varied = [] if self.strength == "none" else [VARIATION, self.strength, self.seed]
        parts = [self.content, self.preprocessing.mean, self.preprocessing.std, *varied]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class _Pixels:
    """Decoded pictures, on the device as a whole once asked for, where they fit."""

    def __init__(self, pixels: NDArray[np.uint8], device: torch.device) -> None:
        self._mapped, self._device = pixels, device

    @cached_property
    def _resident(self) -> Tensor | None:
        if self._device.type == "cpu" or self._mapped.nbytes > RESIDENT:
            return None
        return torch.from_numpy(np.array(self._mapped)).to(self._device)

    def of(self, indices: Tensor) -> Tensor:
        """Return `(B, S, S, 3)` uint8 on the device."""
        if self._resident is not None:
            return self._resident[indices]
        rows = np.ascontiguousarray(self._mapped[indices.cpu().numpy()])
        return torch.from_numpy(rows).to(self._device)
