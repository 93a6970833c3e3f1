"""Whether a picture is like anything that a model was taught: nearest neighbours among features.

A network answers with one of its classes whatever it is shown, and often surely. What its last
stage makes of a strange picture lies away from what it made of the pictures that it learned from:
the cosine distance to the k-th nearest of them (Sun, Ming, Zhu and Li, "Out-of-Distribution
Detection with Deep Nearest Neighbors", 2022). No strange pictures are needed to set the limit.

Measured on models for ants and bees with 516 photos of weather, at a limit that 5 % of the
validation pictures exceed: 32 to 97 % of the weather was noticed by this, 0 to 57 % by a share as
high; distances to class means, with or without a covariance, noticed less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

NEIGHBOUR = 5
PERCENTILE = 95
"""Of the validation pictures, those that are taken as like what was taught."""
FEWEST = 19
"""Held-out pictures that can set a limit. A new picture like n others lies farther than all of them
once in n + 1 times: of fewer, even the farthest would call more than 5 % of such pictures strange.
"""
MOST = 1000
"""Rows that are kept; of 512 to 4,096 numbers each, 1 to 8 MB."""

_TILE = 1024


@dataclass(frozen=True)
class Familiar:
    """What a model has seen, and how far from it a picture may lie.

    Attributes:
        rows: features of training pictures `(N, F)`, each of length 1; some of them where there
            are many, of every class.
        limit: the largest distance, between 0 and 2, at which a picture is like them.
    """

    rows: NDArray[np.float16]
    limit: float

    @classmethod
    def learn(
        cls,
        learned: NDArray[np.float32],
        labels: NDArray[np.int64],
        held_out: NDArray[np.float32],
    ) -> Self:
        """Take in what a model was taught.

        Args:
            learned: features `(N, F)` of the training pictures.
            labels: `(N,)`, their class numbers.
            held_out: features `(M, F)` of pictures that it did not learn from; they set the limit,
                because those that it learned from lie closer than any other can. Fewer than
                `FEWEST` set none, and nothing is strange.
        """
        seen = cls(_of_length_one(learned[_spread(labels)]).astype(np.float16), 2.0)
        if len(held_out) < FEWEST:
            return seen
        limit = np.percentile(seen.distances(held_out), PERCENTILE, method="higher")
        return cls(seen.rows, float(limit))

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far pictures lie from what was taught `(M,)`, 0 (the same) to 2.

        Args:
            features: `(M, F)`.
        """
        rows, k = self.rows.astype(np.float32), min(NEIGHBOUR, len(self.rows))
        found = [np.empty(0, np.float32)]
        for start in range(0, len(features), _TILE):
            near = _of_length_one(features[start : start + _TILE]) @ rows.T
            found.append(1 - np.partition(near, -k, axis=1)[:, -k])
        return np.concatenate(found)

    def is_strange(self, features: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell which pictures are not like anything that was taught `(M,)`."""
        # What is on the limit up to the rounding of the sums is within it.
        return np.asarray(self.distances(features) > self.limit + 1e-5)

    def to_bytes(self) -> bytes:
        """Return it as a safetensors file."""
        return save({"rows": self.rows, "limit": np.array([self.limit], np.float32)})

    @classmethod
    def from_bytes(cls, content: bytes, features: int) -> Self:
        """Read what `to_bytes` wrote, or someone else did.

        Args:
            content: of the file.
            features: F, that of the model.

        Raises:
            ValueError: it is something else.
        """
        tensors = load(content)
        rows, limit = tensors.get("rows"), tensors.get("limit")
        if rows is None or limit is None or len(tensors) > 2:
            raise ValueError("its neighbours are not named as they should be")
        right = rows.dtype == np.float16 and rows.shape[1:] == (features,) and limit.shape == (1,)
        if not right or not 1 <= len(rows) <= MOST or not np.isfinite(rows).all():
            raise ValueError("its neighbours are not this network's")
        if not 0 <= float(limit[0]) <= 2:
            raise ValueError("its limit is out of bounds")
        return cls(rows, float(limit[0]))


def _of_length_one(features: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12), np.float32)


def _spread(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return at most `MOST` places, as many of each class as there are, the rest shared out."""
    turn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        turn[of_class] = np.arange(len(of_class))
    first = np.argsort(turn, kind="stable")[:MOST]
    return np.sort(first)
