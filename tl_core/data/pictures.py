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
from tl_core.data.augment import VARIATION, augment, normalise, to_input
from tl_core.data.pixels import Pixels
from tl_core.data.residence import free_memory, is_resident

_BLOCK = 256  # pictures copied to the device at once; 38 MB at 224 pixels


class Pictures:
    """Decoded pictures, varied and normalised in batches on the device.

    Args:
        pixels: `(N, S, S, 3)` uint8; mapped from a file, streamed, or any array.
        labels: N class numbers.
        preprocessing: tells mean and standard deviation.
        device: where batches are wanted; a set that fits into a share of its free memory
            lives there as a whole.
        strength: of the variation.
        seed: of the variation.

    Attributes:
        key: fingerprint of all that `batch` depends on beside its arguments: the pictures, how
            they are fitted and normalised, and, where they are varied, how and by which seed.
    """

    def __init__(
        self,
        pixels: Pixels | NDArray[np.uint8],
        labels: Sequence[int],
        preprocessing: Preprocessing,
        device: torch.device,
        strength: Augment = "none",
        seed: int = 0,
    ) -> None:
        self.labels = torch.tensor(labels, dtype=torch.int64, device=device)
        self.preprocessing, self.strength, self.seed = preprocessing, strength, seed
        self._held = _Held(pixels if isinstance(pixels, Pixels) else Pixels.of(pixels), device)
        self.key = self._fingerprint()

    def varied(self, strength: Augment) -> Self:
        """Return the same pictures varied differently, which share their memory with these."""
        other = copy.copy(self)
        other.strength = strength
        other.key = other._fingerprint()
        return other

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Return inputs `(B, 3, S, S)`; `view` numbers a variation, `None` varies nothing."""
        pixels = self._held.of(indices)
        mean, std = self.preprocessing.mean, self.preprocessing.std
        if view is None or self.strength == "none":
            return to_input(pixels, mean, std)
        varied = augment(pixels, indices, epoch=view, seed=self.seed, strength=self.strength)
        return normalise(varied, mean, std)

    def let_go(self) -> None:
        """Give the device's memory back; what is asked for later is sent there again."""
        self._held.let_go()

    def _fingerprint(self) -> str:
        varied = [] if self.strength == "none" else [VARIATION, self.strength, self.seed]
        content = [self._held.pixels.key, self.preprocessing.mean, self.preprocessing.std, *varied]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class _Held:
    """Pictures, on the device as a whole from when they are first asked for, where they fit."""

    def __init__(self, pixels: Pixels, device: torch.device) -> None:
        self.pixels, self._device = pixels, device

    @cached_property
    def _whole(self) -> Tensor | None:
        fits = is_resident(self.pixels.nbytes, free_memory(self._device))
        return _copied(self.pixels, self._device) if fits else None

    def of(self, indices: Tensor) -> Tensor:
        """Return `(B, S, S, 3)` uint8 on the device."""
        if self._whole is not None:
            return self._whole[indices]
        rows = np.ascontiguousarray(self.pixels[indices.cpu().numpy()])
        return _sent(torch.from_numpy(rows), self._device)

    def let_go(self) -> None:
        """Forget what lives on the device."""
        self.__dict__.pop("_whole", None)


def _copied(pixels: Pixels, device: torch.device) -> Tensor:
    """Copy a whole set, part by part: a second copy of it in main memory might not fit."""
    whole = torch.empty(pixels.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(pixels), _BLOCK):
        part = np.array(pixels[start : start + _BLOCK])
        whole[start : start + len(part)] = torch.from_numpy(part)
    return whole


def _sent(pixels: Tensor, device: torch.device) -> Tensor:
    """Send a batch; from pinned memory it travels while the GPU computes."""
    if device.type == "cuda":
        return pixels.pin_memory().to(device, non_blocking=True)
    return pixels.to(device)
