"""What a finished model made of its dataset's pictures, kept so that nobody computes it again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tl_core.data.dataset import Item, Split
from tl_core.workspace import write_atomic

FILE = "predictions.safetensors"
_HASH = 32  # bytes of a SHA-256
_PARTS = ("logits", "labels", "files")


@dataclass(frozen=True)
class Predictions:
    """What a model said of the N pictures of one split, in the dataset's order.

    Attributes:
        logits: `(N, C)`, before any temperature; computed by the bundle's own predicting path.
        labels: `(N,)`, the class number of each picture.
        files: SHA-256 of each picture's file, in hexadecimal.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    files: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.logits) == len(self.labels) == len(self.files):
            raise ValueError("logits, labels and files do not belong together")
        classes = self.logits.shape[1]
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < classes:
            raise ValueError("a label has no logit")

    @property
    def answers(self) -> NDArray[np.int64]:
        """The class number that was said of each picture `(N,)`."""
        return np.asarray(self.logits.argmax(1), np.int64)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which of the answers are right `(N,)`."""
        return np.asarray(self.answers == self.labels)


def predictions_of(items: Sequence[Item], logits: NDArray[np.float32]) -> Predictions:
    """Return what was said of these items, one row of logits `(N, C)` each."""
    labels = np.array([item.label for item in items], np.int64)
    return Predictions(logits, labels, tuple(item.file for item in items))


def save_predictions(path: Path, splits: Mapping[Split, Predictions]) -> None:
    """Write the predictions of several splits into one file.

    Raises:
        UserError: the disk is full.
    """
    tensors: dict[str, NDArray[Any]] = {}
    checksums: dict[str, str] = {}
    for split, made in splits.items():
        digests = np.frombuffer(bytes.fromhex("".join(made.files)), np.uint8).reshape(-1, _HASH)
        logits = np.ascontiguousarray(made.logits, np.float32)
        labels = np.ascontiguousarray(made.labels, np.int64)
        tensors[f"{split}.logits"] = logits
        tensors[f"{split}.labels"] = labels
        tensors[f"{split}.files"] = digests
        checksums[split] = _checksum(split, logits, labels, digests)
    write_atomic(path, save(tensors, checksums))


def load_predictions(path: Path, split: Split) -> Predictions | None:
    """Read one split, or return `None` where it was not kept or the file is damaged.

    Earlier versions wrote no checksums; what they kept is taken as it is.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            checksums = file.metadata()
            logits, labels, digests = (file.get_tensor(f"{split}.{part}") for part in _PARTS)
        if checksums and checksums.get(split) != _checksum(split, logits, labels, digests):
            return None
        if digests.shape != (len(logits), _HASH) or not np.isfinite(logits).all():
            return None
        return Predictions(logits, labels, tuple(row.tobytes().hex() for row in digests))
    except (OSError, SafetensorError, ValueError, IndexError):
        return None


def _checksum(split: Split, *parts: NDArray[Any]) -> str:
    """Return the checksum of what was said of one split, and of which."""
    digest = hashlib.sha256(split.encode())
    for part in parts:
        digest.update(f"{part.dtype} {part.shape}".encode())
        digest.update(part.tobytes())
    return digest.hexdigest()
