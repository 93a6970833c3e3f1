"""Which formats of pictures are opened, and what one may cost before it is decoded.

Left out of Pillow's own: EPS (starts Ghostscript) and WMF (asks Windows to draw), formats that are
told by nothing but their file's ending (TGA, SPIDER), and icons, whose header says one size and
whose inside another.
"""

from __future__ import annotations

import io
import re
from typing import BinaryIO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    DdsImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PcxImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    PsdImagePlugin,
    QoiImagePlugin,
    SgiImagePlugin,
    SunImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    XbmImagePlugin,
    XpmImagePlugin,
)

from tl_core.data.limits import limits
from tl_core.errors import UnreadableImageError

try:
    # Not pillow-heif: its wheels bring x265, under the GPL. This one only reads.
    from pi_heif import register_heif_opener
except ImportError:
    HEIC = ""
else:
    # What lies beside the picture (thumbnails, depth) is not looked at.
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    HEIC = "HEIF"

_PLUGINS: tuple[type[ImageFile.ImageFile], ...] = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    GifImagePlugin.GifImageFile,
    WebPImagePlugin.WebPImageFile,
    BmpImagePlugin.BmpImageFile,
    TiffImagePlugin.TiffImageFile,
    AvifImagePlugin.AvifImageFile,
    PpmImagePlugin.PpmImageFile,
    Jpeg2KImagePlugin.Jpeg2KImageFile,
    DdsImagePlugin.DdsImageFile,
    PcxImagePlugin.PcxImageFile,
    PsdImagePlugin.PsdImageFile,
    QoiImagePlugin.QoiImageFile,
    SgiImagePlugin.SgiImageFile,
    SunImagePlugin.SunImageFile,
    XbmImagePlugin.XbmImageFile,
    XpmImagePlugin.XpmImageFile,
)
FORMATS: tuple[str, ...] = tuple(p.format for p in _PLUGINS if p.format) + ((HEIC,) * bool(HEIC))

SLOW_PIXELS = 2_000_000
"""Of a picture that Pillow decodes in Python (ASCII PPM, QOI, ...), in a second or two."""

_DECODERS = {"WEBP": 12, "GIF": 4, "AVIF": 8, "JPEG2000": 16, "HEIF": 8}
"""Bytes that a format's decoder takes for each pixel, besides the picture that it makes."""

_HEADER = 1 << 16
_COMMENT = re.compile(rb"#[^\r\n]*")

_SCANS = 12
"""Passes over the picture that a JPEG of the largest size may take; a progressive one has 10."""
_SCAN_MARKER = b"\xff\xda"


def check_header(file: BinaryIO) -> None:
    """Refuse a PPM whose comments are longer than any header; Pillow reads them byte by byte.

    Raises:
        UnreadableImageError: the message is the reason alone.
    """
    place = file.tell()
    start = file.read(_HEADER)
    file.seek(place)
    if start[:1] == b"P" and len(start) == _HEADER:
        told = _COMMENT.sub(b" ", start).split()
        if start[1:2].isdigit() and len(told) < 4:
            raise UnreadableImageError("the picture would take too long to decode")


def check_cost(image: ImageFile.ImageFile, file: BinaryIO) -> int:
    """Refuse a picture that would take too much memory or time; its header alone decides.

    Args:
        image: opened and not yet decoded.
        file: what it was opened from.

    Returns:
        The bytes of memory that decoding it takes, see `memory_of`.

    Raises:
        UnreadableImageError: the message is the reason alone.
    """
    if min(image.size) < 1:
        raise UnreadableImageError("the picture has no pixels")
    allowed, pixels = limits(), image.width * image.height
    if pixels > allowed.pixels:
        raise _too_many(image, allowed.megapixels)
    if pixels > SLOW_PIXELS and any(tile[0] in Image.DECODERS for tile in image.tile):
        raise _too_many(image, SLOW_PIXELS // 1_000_000)
    if (needed := memory_of(image)) > allowed.decoding_bytes:
        raise UnreadableImageError(
            f"the picture needs {needed / 1e6:,.0f} MB of memory to be opened, and at most "
            f"{allowed.decoding_mb:,} are taken; make it smaller"
        )
    if image.format in ("JPEG", "MPO") and pixels * _scans(file) > _SCANS * allowed.pixels:
        raise UnreadableImageError("the picture would take too long to decode")
    return needed


def memory_of(image: ImageFile.ImageFile) -> int:
    """Return about how many bytes it takes to decode a picture and to turn it into RGB."""
    held: float = {"1": 1, "L": 1, "P": 1, "I;16": 3, "I;16B": 3, "I;16L": 3}.get(image.mode, 4)
    plain = image.mode == "RGB" and image.format in ("JPEG", "MPO", "PNG", "BMP")
    is_deep = any("16" in str(tile[3]) for tile in image.tile)  # its lower bytes are read as well
    made = 0 if plain and not is_deep and not image.has_transparency_data else 4
    decoder = _DECODERS.get(image.format or "", 0) + _coefficients(image)
    return round(image.width * image.height * (held + made + decoder))


def _coefficients(image: Image.Image) -> float:
    """Return the bytes of coefficients for each pixel: a progressive JPEG's wait in memory."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or not image.info.get("progressive"):
        return 0
    sampled = [layer[1] * layer[2] for layer in image.layer]
    return 2 * sum(sampled) / max(sampled) if sampled else 6


def _too_many(image: Image.Image, most: int) -> UnreadableImageError:
    return UnreadableImageError(
        f"too many pixels ({image.width} × {image.height}, at most {most} million are read)"
    )


def _scans(file: BinaryIO) -> int:
    """Count the scans of a JPEG; within them their marker cannot occur."""
    place = file.tell()
    file.seek(0)
    count, last = 0, b""
    while piece := file.read(io.DEFAULT_BUFFER_SIZE * 16):
        count += (last + piece).count(_SCAN_MARKER)
        last = piece[-1:]
    file.seek(place)
    return count
