"""Explanations as plain arrays: what a page draws, without torch. The predictor makes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Attention:
    """Which places of a picture speak for a class.

    Attributes:
        picture: `(S, S, 3)`, what the network sees of it.
        heat: `(S, S)`, from `gradcam`.
        label: number of the class.
        shares: of all classes, in the order of the model.
    """

    picture: NDArray[np.uint8]
    heat: NDArray[np.float32]
    label: int
    shares: NDArray[np.float32]


@dataclass(frozen=True)
class Covering:
    """What the answer loses where a place of the picture is covered.

    Attributes:
        heat: `(S, S)`, 1 at the place that costs most; all 0 where covering costs nothing.
        drop: the largest fall of the class's share.
        agreement: with Grad-CAM, from -1 to 1; `None` where one of them names no place.
    """

    heat: NDArray[np.float32]
    drop: float
    agreement: float | None


@dataclass(frozen=True)
class Activations:
    """What a stage hands on for one picture.

    Attributes:
        mean: `(h, h)`, the mean over all channels; `(0, 0)` where no place is left in it.
        strongest: `(K, h, h)`, the channels that answered most.
        numbers: `(K,)`, which channels these are, counted from 0.
        values: `(C,)`, what each channel answered on average.
    """

    mean: NDArray[np.float32]
    strongest: NDArray[np.float32]
    numbers: NDArray[np.int64]
    values: NDArray[np.float32]


@dataclass(frozen=True)
class PictureMap:
    """What the network makes of many pictures, as points.

    Attributes:
        found: `(N,)`, which of the pictures that were asked for could be read.
        points: `(2, 2, N, 2)`: before and after training; by principal components and by t-SNE.
        shown: before and after, what share of all differences the principal components show.
        alike: before and after, for what share of pictures the most alike one is of its class.
    """

    found: NDArray[np.int64]
    points: NDArray[np.float32]
    shown: tuple[float, float]
    alike: tuple[float, float]
