"""The one predicting path: the page, the terminal and a run's own final figures all use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tl_core.bundles.bundle import read_bundle
from tl_core.data.augment import to_input
from tl_core.data.decode import as_rgb, fit, open_image
from tl_core.data.pixels import Pixels
from tl_core.errors import UnreadableImageError

Picture = Path | str | bytes | BinaryIO | Image.Image
TILES = {"cpu": 8}  # elsewhere 64; eight pictures fit a processor's cache


@dataclass(frozen=True)
class Prediction:
    """What a model says of one picture.

    Attributes:
        best: the class with the largest share.
        probabilities: share of every class, in the model's order; they add up to 1.
    """

    best: str
    probabilities: dict[str, float]

    @property
    def probability(self) -> float:
        """Share of the best class."""
        return self.probabilities[self.best]


class Model:
    """A trained model that was read from a bundle. Computes in fp32, without TF32.

    Args:
        path: of the bundle.
        device: where to compute: "cpu", "cuda" or "mps".

    Raises:
        UserError: see `read_bundle`.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        self.manifest, chain = read_bundle(path)
        self.device = torch.device(device)
        self.chain = chain.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.manifest.classes

    def prepare(self, picture: Picture) -> NDArray[np.uint8]:
        """Open a picture as training did: `(S, S, 3)` uint8.

        Raises:
            UnreadableImageError: no picture could be read from it.
        """
        if isinstance(picture, Image.Image):
            image = as_rgb(picture)
        else:
            image = open_image(Path(picture) if isinstance(picture, str) else picture)
        return fit(image, self.manifest.preprocessing)

    def probabilities(self, pixels: Pixels | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return class shares `(N, C)` for prepared pictures `(N, S, S, 3)`."""
        return self.classify(self.features(pixels))

    def features(self, pixels: Pixels | NDArray[np.uint8]) -> Tensor:
        """Return what the last stage hands to the head, for prepared pictures `(N, S, S, 3)`."""
        p = self.manifest.preprocessing
        stages = self.chain.body(len(self.chain.names))
        rows = []
        with torch.inference_mode(), _exact():
            step = TILES.get(self.device.type, 64)
            for start in range(0, len(pixels), step):
                tile = torch.from_numpy(np.array(pixels[start : start + step])).to(self.device)
                rows.append(stages(to_input(tile, p.mean, p.std)))
        return torch.cat(rows)

    def classify(self, features: Tensor) -> NDArray[np.float32]:
        """Return class shares `(N, C)` for what `features` gives."""
        with torch.inference_mode(), _exact():
            shares = self.chain.head(features.to(self.device)).float().softmax(1)
        result: NDArray[np.float32] = shares.cpu().numpy()
        return result

    def predict(self, pictures: Iterable[Picture]) -> list[Prediction | UnreadableImageError]:
        """Predict pictures in order; one that cannot be read gives its reason instead."""
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Picture) -> Prediction | UnreadableImageError:
        try:
            pixels = self.prepare(picture)
        except UnreadableImageError as error:
            return error
        shares = self.probabilities(pixels[None])[0]
        return Prediction(
            self.classes[int(shares.argmax())],
            dict(zip(self.classes, map(float, shares), strict=True)),
        )

    def accuracy(
        self,
        pixels: Pixels | NDArray[np.uint8],
        labels: Sequence[int],
        features: Tensor | None = None,
    ) -> float | None:
        """Return the share of right answers, or `None` where there is nothing to answer.

        Args:
            pixels: prepared pictures `(N, S, S, 3)`.
            labels: N class numbers.
            features: of these pictures, where they are known already.
        """
        if not len(labels):
            return None
        shares = self.probabilities(pixels) if features is None else self.classify(features)
        return float((shares.argmax(1) == np.asarray(labels)).mean())


@contextmanager
def _exact() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
