"""The one opener: training and prediction see the same pixels of the same file.

`OPENER` names this behaviour. Change it whenever a file could decode to other pixels; pixel
caches are keyed by it and bundles record it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from tl_core.data.budget import MemoryBudget
from tl_core.data.deep import (
    RANGES,
    highest_value,
    is_negative,
    low_bytes,
    scaled_colours,
    scaled_greys,
    strips,
)
from tl_core.data.formats import FORMATS, HEIC, check_cost, check_header
from tl_core.data.limits import limits
from tl_core.data.resize import resized
from tl_core.errors import UnreadableImageError
from tl_core.heap import give_back
from tl_core.workspace import write_atomic

if TYPE_CHECKING:
    from tl_core.backbones.card import Preprocessing

OPENER = "2"

# Our own bound counts (`check_cost`). Once, not around each opening: filters are not per thread.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def opener_name(white: int) -> str:
    """Return what decides about a picture's pixels besides its file.

    >>> opener_name(0), opener_name(4095)
    ('2', '2-white-4095')
    """
    return f"{OPENER}-white-{white}" if white else OPENER


_WHITE = (255, 255, 255, 255)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_LARGE = 150_000_000  # bytes of memory to decode one
_BUDGET = MemoryBudget(lambda: limits().decoding_bytes)
_Seen = TypeVar("_Seen")
_LONGEST_STRIP = 100  # times the shorter side; the centre crop sees 1 of them


@dataclass(frozen=True)
class Decoded:
    """A picture as a person would see it.

    Attributes:
        image: RGB, without its file.
        highest: the highest value in its file; 0 where it has 8 bits.
    """

    image: Image.Image
    highest: int


def open_image(source: str | Path | bytes | BinaryIO, white: int = 0) -> Image.Image:
    """Read a picture as a person would see it, always RGB.

    The first frame, turned upright by its EXIF orientation, transparency over white, what has more
    than 8 bits scaled to 8.

    Args:
        source: a path, the file's bytes, or an open binary file.
        white: value that is white in pictures of more than 8 bits, as it was decided for the set
            that they belong to; 0 where nobody did: all that a file can hold.

    Returns:
        An RGB picture, fully decoded, without its file.

    Raises:
        UnreadableImageError: no picture could be read; the message is the reason alone.
    """
    return decode(source, white).image


def decode(source: str | Path | bytes | BinaryIO, white: int = 0) -> Decoded:
    """Read a picture as `open_image` does, and tell its highest value as well."""
    return look_at(source, white, lambda decoded: decoded)


def look_at(
    source: str | Path | bytes | BinaryIO, white: int, see: Callable[[Decoded], _Seen]
) -> _Seen:
    """Read a picture as `decode` does and return what `see` makes of it.

    All pictures that are open at once share a budget of memory, from their decoding until they
    have been seen.
    """
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    with ExitStack() as held:
        if isinstance(source, (str, Path)):
            try:
                source = held.enter_context(Path(source).open("rb"))
            except OSError as error:
                reason = f"the file cannot be opened ({error.strerror})"
                raise UnreadableImageError(reason) from error
        try:
            check_header(source)
            image = Image.open(source, formats=FORMATS)  # which closes no file that it is given
            needed = check_cost(image, source)
            held.enter_context(_BUDGET.hold(needed))
            if needed > _LARGE:  # else each thread's heap would keep as much
                held.callback(give_back)
            decoded = load(image, source, white)
        except UnreadableImageError:
            raise
        except Exception as error:  # Pillow's readers raise almost anything on hostile bytes
            raise UnreadableImageError(_reason(error, source)) from error
        try:
            return see(decoded)  # whose other mistakes are none of the picture's
        except MemoryError as error:
            raise UnreadableImageError(_reason(error, source)) from error
        finally:
            del decoded, image  # before the memory counts as given back


def load(image: ImageFile.ImageFile, file: BinaryIO, white: int = 0) -> Decoded:
    """Decode an opened picture; see `open_image`.

    Args:
        image: opened and not yet decoded.
        file: what it was opened from.
        white: see `open_image`.
    """
    # The upper bytes of 16-bit colours are all that is seen, unless white lies far below.
    low = low_bytes(image, file) if white != RANGES[-1] else None
    # In full: JPEG's quicker draft mode left pixels up to 110 of 255 away from it.
    image.load()
    highest = highest_value(image, low)
    if low is not None and white:
        return Decoded(as_rgb(scaled_colours(image, low, white)), highest)
    return Decoded(as_rgb(image, white), highest)


def as_rgb(image: Image.Image, white: int = 0) -> Image.Image:
    """Return a loaded picture as `open_image` would: upright, over white, 8 bits, RGB."""
    if image.mode == "F" or image.mode.startswith("I"):
        grey = scaled_greys(image, white)
        grey = grey.point(lambda value: 255 - value) if is_negative(image) else grey
        return _upright(grey, image).convert("RGB")
    return _over_white(_upright(image, image))


def fit(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Resize the shorter side, then crop the centre, as torchvision's weights expect it.

    The rounding is that of torchvision's `ImageClassification` preset on a Pillow image
    (`transforms.functional.resize` and `center_crop`), so the values are identical to it.

    Args:
        image: an RGB picture.
        preprocessing: the network's `size`, `resize` and `interpolation`.

    Returns:
        uint8 array `(size, size, 3)`.
    """
    short, size = preprocessing.resize, preprocessing.size
    image = _without_long_ends(image)
    width, height = image.size
    target = (
        (short, int(short * height / width))
        if width <= height
        else (int(short * width / height), short)
    )
    if target != image.size:
        image = resized(image, target, Image.Resampling[preprocessing.interpolation.upper()])
    left, top = (_crop_start(side, size) for side in target)
    # Pillow's crop fills what lies outside the picture with black, as torchvision's padding does.
    return np.asarray(image.crop((left, top, left + size, top + size)))


def fitted(source: Path | bytes, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Open a picture as its set is read, and `fit` it.

    Raises:
        UnreadableImageError: see `open_image`.
    """
    return look_at(source, preprocessing.white, lambda seen: fit(seen.image, preprocessing))


def thumbnail(path: Path, cache: Path, side: int = 160, white: int = 0) -> Path:
    """Return a small WebP copy of a stored picture, made when it is first asked for.

    Args:
        path: a stored file, named by its content's hash.
        cache: the workspace's cache folder.
        side: of the square that the copy fits into, in pixels.
        white: see `open_image`.

    Raises:
        UnreadableImageError: the picture cannot be read.
        UserError: the disk is full.
    """
    name = f"{path.name}-{side}-{opener_name(white)}.webp"
    small = cache / "thumbnails" / path.name[:2] / name
    if not small.exists():
        write_atomic(small, small_copy(path, side, white))
    return small


def small_copy(path: Path, side: int = 160, white: int = 0) -> bytes:
    """Return a small WebP copy of a stored picture, kept nowhere; see `thumbnail`."""
    if not path.exists():
        raise UnreadableImageError("the picture was erased")
    image = open_image(path, white)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


def _upright(image: Image.Image, told: Image.Image) -> Image.Image:
    """Undo the camera's rotation, which `told` tells; an unreadable EXIF block tells of none."""
    orientation = 1
    with suppress(Exception):
        orientation = int(told.getexif().get(0x0112, 1))
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    seen = Image.new("RGB", rgba.size)
    for box in strips(rgba.size):
        part = rgba.crop(box)
        white = Image.new("RGBA", part.size, _WHITE)
        seen.paste(Image.alpha_composite(white, part).convert("RGB"), box)
    return seen


def _without_long_ends(image: Image.Image) -> Image.Image:
    """Cut a very long strip to its middle: 1 × 100,000 pixels would be resized to 6 billion."""
    width, height = image.size
    longest = _LONGEST_STRIP * min(width, height)
    if max(width, height) <= longest:
        return image
    x, y = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return image.crop((x, y, min(width, x + longest), min(height, y + longest)))


def _crop_start(side: int, size: int) -> int:
    """Where the centre crop begins; negative where the picture is smaller than the crop."""
    return -((size - side) // 2) if side < size else round((side - size) / 2)


def _reason(error: Exception, source: BinaryIO) -> str:
    text = str(error).lower()
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return "too many pixels"
    if isinstance(error, MemoryError):
        return "the picture needs more memory than there is"
    if "truncated" in text or isinstance(error, EOFError):
        return "the file is cut off"
    if not isinstance(error, UnidentifiedImageError):
        return "the picture inside is damaged"
    head = _head(source)
    if not head:
        return "the file is empty"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        if HEIC:
            return "the picture inside is damaged"
        return "HEIC pictures need the package pi-heif (pip install pi-heif), or converting to JPEG"
    return "not a picture that can be read"


def _head(source: Any) -> bytes:
    with suppress(Exception):
        source.seek(0)
        return cast(bytes, source.read(12))
    return b""
