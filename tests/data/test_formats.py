"""Formats that are opened, and pictures that would cost too much."""

from __future__ import annotations

import io
import struct
import sys
from importlib import reload
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tl_core.data import decode, formats
from tl_core.data.decode import open_image
from tl_core.errors import UnreadableImageError

RED = (200, 30, 40)


def saved(kind: str, image: Image.Image, **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def psd() -> bytes:
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 6, 8, 8, 3)
    planes = b"".join(bytes([value]) * 48 for value in RED)
    return header + struct.pack(">III", 0, 0, 0) + struct.pack(">H", 0) + planes


def sun() -> bytes:
    return struct.pack(">8I", 0x59A66A95, 8, 6, 24, 144, 3, 0, 0) + bytes(RED) * 48


def xpm() -> bytes:
    rows = ",\n".join(f'"{"a" * 8}"' for _ in range(6))
    return f'/* XPM */\nstatic char *x[] = {{\n"8 6 1 1",\n"a c #C81E28",\n{rows}}};\n'.encode()


MADE = {"PSD": psd(), "SUN": sun(), "XPM": xpm()}
MADE |= {kind: saved(kind, Image.new("RGB", (8, 6), RED)) for kind in ("PCX", "SGI", "QOI", "DDS")}


@pytest.mark.parametrize("kind", MADE)
def test_more_formats(kind: str) -> None:
    image = open_image(MADE[kind])
    assert image.size == (8, 6)
    assert np.abs(np.asarray(image).astype(int) - RED).max() <= 4


def test_an_xbm_is_black_and_white() -> None:
    assert open_image(saved("XBM", Image.new("1", (8, 6), 1))).getpixel((0, 0)) in (
        (0, 0, 0),
        (255, 255, 255),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"qoif" + struct.pack(">IIBB", 20_000, 5_000, 3, 0) + b"\xfd" * 1000,
        b"P3 9000 9000 255\n" + b"1 2 3\n" * 100,
        b"P6 9000 9000 100\n" + bytes(1000),
    ],
)
def test_large_pictures_that_python_would_decode(data: bytes) -> None:
    with pytest.raises(UnreadableImageError, match=r"too many pixels .* at most 2 million"):
        open_image(data)


def test_a_jpeg_that_is_drawn_over_and_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MAX_MEGAPIXELS", "1")
    noise = np.random.default_rng(1).integers(0, 256, (1000, 1000), np.uint8)
    data = saved("JPEG", Image.fromarray(noise), progressive=True)
    assert open_image(data).size == (1000, 1000)
    last = data.rindex(b"\xff\xda")
    again = data[:-2] + data[last:-2] * 20 + data[-2:]
    with pytest.raises(UnreadableImageError, match="too long to decode"):
        open_image(again)


@pytest.mark.parametrize("line", [b"#" + b"x" * 100_000 + b"\n", b"# word\n" * 20_000])
def test_a_ppm_with_long_comments(line: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="too long to decode"):
        open_image(b"P6\n" + line + b"2 1 255\n" + bytes(6))
    assert open_image(b"P6\n# by hand\n2 1 255\n" + bytes(6)).size == (2, 1)


def blank_webp(width: int, height: int) -> bytes:
    return saved("WEBP", Image.new("RGBA", (width, height), (0, 0, 0, 9)), lossless=True, method=0)


def test_memory_counts_and_not_pixels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MAX_DECODING_MB", "10")
    photo = saved("JPEG", Image.new("RGB", (1200, 1000)))
    assert open_image(photo).size == (1200, 1000)
    with pytest.raises(UnreadableImageError, match=r"needs 24 MB of memory .* at most 10"):
        open_image(blank_webp(1200, 1000))


@pytest.mark.shared
def test_without_its_package_a_heic_says_what_to_install(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_image(shared_data / "awkward" / "photo.heic").size == (64, 64)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pi_heif", None)
        reload(formats)
        patch.setattr(decode, "FORMATS", formats.FORMATS)
        patch.setattr(decode, "HEIC", formats.HEIC)
        with pytest.raises(UnreadableImageError, match=r"pip install pi-heif"):
            open_image(shared_data / "awkward" / "photo.heic")
    reload(formats)
