"""The one predicting path: the page, the terminal and a run's own final figures all use it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from tl_core.backbones.catalog import find_card
from tl_core.backbones.inference import Body, choose_path, inference_body
from tl_core.bundles.bundle import read_bundle, read_familiar
from tl_core.bundles.doubts import Doubt
from tl_core.config import BodyPath
from tl_core.data.augment import to_input
from tl_core.data.decode import as_rgb, fit, open_image
from tl_core.data.pixels import Pixels
from tl_core.errors import UnreadableImageError, UserError
from tl_core.training.device import halve, release_memory

Picture = Path | str | bytes | BinaryIO | Image.Image | NDArray[np.uint8]
TILES = {"cpu": 8}  # elsewhere 64; eight pictures fit a processor's cache
DECODERS = 2  # threads that open pictures while the network computes
AHEAD = 32  # pictures that may be waiting for the network

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Prediction:
    """What a model says of one picture.

    Attributes:
        best: the class with the largest share.
        probabilities: share of every class, in the model's order; they add up to 1.
        doubts: why the answer is better not believed, if there is a reason.
    """

    best: str
    probabilities: dict[str, float]
    doubts: tuple[Doubt, ...] = ()

    @property
    def probability(self) -> float:
        """Share of the best class."""
        return self.probabilities[self.best]


class Model:
    """A trained model that was read from a bundle. Computes in fp32, without TF32.

    Args:
        path: of the bundle.
        device: where to compute: "cpu", "cuda" or "mps".
        body: how to compute the stages; `None` chooses by rule.

    Raises:
        UserError: see `read_bundle`.
    """

    def __init__(self, path: Path, device: str = "cpu", body: BodyPath | None = None) -> None:
        self.manifest, chain = read_bundle(path)
        self.familiar = read_familiar(path)
        self.device = torch.device(device)
        self.tile = TILES.get(self.device.type, 64)
        self.chain = chain.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.path = body or choose_path(self.chain.body(len(self.chain.names)), self.device.type)

    @cached_property
    def body(self) -> Body:
        """What computes the stages; made when first asked for, which takes longer than reading."""
        size = self.manifest.preprocessing.size
        stages = self.chain.body(len(self.chain.names))
        return inference_body(stages, self.path, self.device, (3, size, size))

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.manifest.classes

    def prepare(self, picture: Picture) -> NDArray[np.uint8]:
        """Open a picture as training did: `(S, S, 3)` uint8.

        Raises:
            UnreadableImageError: no picture could be read from it.
            UserError: it is nothing that a picture can be read from.
        """
        preprocessing = self.manifest.preprocessing
        if isinstance(picture, str):
            picture = Path(picture)
        if isinstance(picture, np.ndarray):
            image = _as_image(picture)
        elif isinstance(picture, Image.Image):
            image = as_rgb(picture, preprocessing.white)
        elif isinstance(picture, Path) and picture.exists() and not picture.is_file():
            # Opening a pipe or a device could wait for ever.
            raise UnreadableImageError("not a file but a folder, a pipe or a device")
        elif not isinstance(picture, (Path, bytes)) and not hasattr(picture, "read"):
            raise UserError(f"A picture cannot be a {type(picture).__name__}; {_TAKEN}.")
        else:
            image = open_image(picture, preprocessing.white)
        return fit(image, preprocessing)

    def features(self, pixels: Pixels | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what the last stage makes `(N, F)` of prepared pictures `(N, S, S, 3)`.

        A tile too large for the memory is halved, and stays so.

        Raises:
            UserError: one picture alone exceeds the memory.
        """
        rows, done = [np.empty((0, find_card(self.manifest.backbone).features), np.float32)], 0
        while done < len(pixels):
            try:
                rows.append(self._compute(np.array(pixels[done : done + self.tile])))
            except RuntimeError as error:
                self.tile = halve(self.tile, error)
            else:
                done += len(rows[-1])
                continue
            # Not in the handler: its exception keeps what the failed attempt had computed.
            release_memory(self.device.type)
        return np.concatenate(rows)

    def _compute(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode(), _exact():
            tile = torch.from_numpy(pixels).to(self.device)
            x = to_input(tile, self.manifest.preprocessing.mean, self.manifest.preprocessing.std)
            features: NDArray[np.float32] = self.body(x).float().cpu().numpy()
        return features

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the head says `(N, C)` of features `(N, F)`.

        Row by row: a product of matrices rounds differently with the number of its rows.

        Raises:
            UserError: they are no numbers, as weights from elsewhere may bring about.
        """
        rows = [torch.empty(0, len(self.classes), device=self.device)]
        with torch.inference_mode(), _exact():
            known = torch.from_numpy(features).to(self.device)
            rows += [self.chain.head(row).float() for row in torch.split(known, 1)]
        logits: NDArray[np.float32] = torch.cat(rows).cpu().numpy()
        if not np.isfinite(logits).all():
            raise UserError(
                "This model's weights give no numbers, so it cannot say anything; train it anew "
                "with a smaller learning rate, or ask for its file again."
            )
        return logits

    def classify(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return class shares `(N, C)` for features `(N, F)`, at the bundle's temperature."""
        logits = torch.from_numpy(self.logits(features))
        return (logits / self.manifest.temperature).softmax(1).numpy()

    def probabilities(self, pixels: Pixels | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return class shares `(N, C)` for prepared pictures `(N, S, S, 3)`."""
        return self.classify(self.features(pixels))

    def predict(
        self, pictures: Iterable[Picture] | Picture
    ) -> list[Prediction | UnreadableImageError]:
        """Predict pictures in order; one that cannot be read gives its reason instead.

        One picture alone is taken as a list of one.

        Raises:
            UserError: it is nothing that a picture can be read from.
        """
        if _is_one(pictures):
            return list(self.stream([pictures]))
        if not isinstance(pictures, Iterable):
            raise UserError(f"Pictures cannot be a {type(pictures).__name__}; {_TAKEN}.")
        return list(self.stream(cast("Iterable[Picture]", pictures)))

    def stream(self, pictures: Iterable[Picture]) -> Iterator[Prediction | UnreadableImageError]:
        """Predict pictures as `predict` does, one after another: any number fits the memory."""
        prepared = ahead(self._try_to_prepare, pictures, DECODERS, AHEAD)
        while tile := list(islice(prepared, self.tile)):
            pixels = [outcome for outcome in tile if not isinstance(outcome, Exception)]
            made = iter(self._predictions(np.stack(pixels)) if pixels else ())
            for outcome in tile:
                yield outcome if isinstance(outcome, UnreadableImageError) else next(made)

    def _try_to_prepare(self, picture: Picture) -> NDArray[np.uint8] | UnreadableImageError:
        try:
            return self.prepare(picture)
        except UnreadableImageError as error:
            return error

    def _predictions(self, pixels: NDArray[np.uint8]) -> Iterator[Prediction]:
        features = self.features(pixels)
        if self.familiar is None:
            strange = np.zeros(len(pixels), np.bool_)
        else:
            strange = self.familiar.is_strange(features)
        for shares, is_strange in zip(self.classify(features), strange, strict=True):
            doubts: list[Doubt] = ["unsure"] if shares.max() < self.manifest.threshold else []
            doubts += ["strange"] if is_strange else []
            named = zip(self.classes, map(float, shares), strict=True)
            yield Prediction(self.classes[int(shares.argmax())], dict(named), tuple(doubts))


_TAKEN = (
    "give a path, a file's bytes, an open binary file, a Pillow image, an array (height, width, 3) "
    "of uint8, or a list of these"
)


def _is_one(given: object) -> TypeGuard[Picture]:
    if isinstance(given, np.ndarray):
        return given.ndim <= 3
    return isinstance(given, (str, Path, bytes, Image.Image)) or hasattr(given, "read")


def _as_image(array: NDArray[Any]) -> Image.Image:
    """Return an array of red, green and blue as a picture, the values as they are."""
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
        raise UserError(
            f"An array of shape {array.shape} and type {array.dtype} is no picture here; {_TAKEN}."
        )
    return Image.fromarray(np.ascontiguousarray(array))


def ahead(
    function: Callable[[_Item], _Made], items: Iterable[_Item], threads: int, most: int
) -> Iterator[_Made]:
    """Yield `function(item)` in order, while threads work on at most `most` items to come.

    >>> list(ahead(abs, [-1, 2, -3], threads=2, most=2))
    [1, 2, 3]
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[_Made]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _exact() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
