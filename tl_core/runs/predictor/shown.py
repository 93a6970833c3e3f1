"""The picture that a question to the predictor is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tl_core.backbones.card import Preprocessing
from tl_core.data.augment import to_input
from tl_core.errors import UnreadableImageError, UserError
from tl_core.runs.predictor.wire import Message


def opened(request: Message, prepare: Callable[[Path], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the picture's pixels `(H, W, 3)` as the network sees them.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return prepare(Path(request["picture"]))
    except UnreadableImageError as error:
        raise UserError(f"This picture cannot be shown ({error}); choose another one.") from error


def as_input(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> Tensor:
    """Return pixels `(H, W, 3)` as a batch of one `(1, 3, H, W)`."""
    x = torch.from_numpy(np.array(pixels))[None]
    return to_input(x, preprocessing.mean, preprocessing.std)
