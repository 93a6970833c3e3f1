"""The one opener: training and prediction see the same pixels of the same file.

`OPENER` names this behaviour. Change it whenever a file could decode to other pixels; pixel
caches are keyed by it and bundles record it.
"""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tl_core.data.formats import FORMATS, HEIC, check_cost
from tl_core.errors import UnreadableImageError
from tl_core.workspace import write_atomic

if TYPE_CHECKING:
    from tl_core.backbones.card import Preprocessing

OPENER = "1"

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
_LONGEST_STRIP = 100  # times the shorter side; the centre crop sees 1 of them


def open_image(source: str | Path | bytes | BinaryIO) -> Image.Image:
    """Read a picture as a person would see it, always RGB.

    The first frame, turned upright by its EXIF orientation, transparency over white, 16-bit and
    floating-point greys scaled to 8 bits.

    Args:
        source: a path, the file's bytes, or an open binary file.

    Returns:
        An RGB picture, fully decoded, without its file.

    Raises:
        UnreadableImageError: no picture could be read; the message is the reason alone.
    """
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    elif isinstance(source, (str, Path)):
        try:
            with Path(source).open("rb") as file:
                return open_image(file)
        except OSError as error:
            raise UnreadableImageError(f"the file cannot be opened ({error.strerror})") from error
    try:
        with Image.open(source, formats=FORMATS) as image:
            check_cost(image, source)
            # In full: JPEG's quicker draft mode left pixels up to 110 of 255 away from it.
            image.load()
            return as_rgb(image)
    except UnreadableImageError:
        raise
    except Exception as error:  # Pillow's readers raise almost anything on hostile bytes
        raise UnreadableImageError(_reason(error, source)) from error


def as_rgb(image: Image.Image) -> Image.Image:
    """Return a loaded picture as `open_image` would: upright, over white, 8 bits, RGB."""
    return _to_rgb(_upright(image))


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
        image = image.resize(target, Image.Resampling[preprocessing.interpolation.upper()])
    left, top = (_crop_start(side, size) for side in target)
    # Pillow's crop fills what lies outside the picture with black, as torchvision's padding does.
    return np.asarray(image.crop((left, top, left + size, top + size)))


def thumbnail(path: Path, cache: Path, side: int = 160) -> Path:
    """Return a small WebP copy of a stored picture, made when it is first asked for.

    Args:
        path: a stored file, named by its content's hash.
        cache: the workspace's cache folder.
        side: of the square that the copy fits into, in pixels.

    Raises:
        UnreadableImageError: the picture cannot be read.
        UserError: the disk is full.
    """
    small = cache / "thumbnails" / path.name[:2] / f"{path.name}-{side}-{OPENER}.webp"
    if not small.exists():
        if not path.exists():
            raise UnreadableImageError("the picture was erased")
        image = open_image(path)
        image.thumbnail((side, side))
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=80)
        write_atomic(small, buffer.getvalue())
    return small


def _upright(image: Image.Image) -> Image.Image:
    """Undo the camera's rotation; an unreadable EXIF block means that there is none."""
    orientation = 1
    with suppress(Exception):
        orientation = int(image.getexif().get(0x0112, 1))
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        return _deep_grey_to_rgb(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba).convert("RGB")
    return image.convert("RGB")


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Scale greys of more than 8 bits; Pillow's own conversion would clip them to white."""
    values = np.asarray(image).astype(np.float32)
    grey = Image.fromarray(_to_eight_bits(values, sixteen=image.mode.startswith("I;16")))
    see_through = image.info.get("transparency")
    if isinstance(see_through, int):
        grey.paste(255, mask=Image.fromarray(values == see_through))
    return grey.convert("RGB")


def _to_eight_bits(values: NDArray[np.float32], *, sixteen: bool) -> NDArray[np.uint8]:
    """Map greys to 0..255: by the full range they use where that is clear, else by their own.

    >>> _to_eight_bits(np.array([0, 32896, 65535], np.float32), sixteen=True).tolist()
    [0, 128, 255]
    >>> _to_eight_bits(np.array([-1, 0, 1], np.float32), sixteen=False).tolist()
    [0, 128, 255]
    """
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    values = np.where(finite, values, low)
    if sixteen and low >= 0:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    scaled = (values.astype(np.float64) - low) / max(high - low, 1e-12)
    return np.floor(scaled * 255 + 0.5).clip(0, 255).astype(np.uint8)


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
