"""Pictures whose files are small and whose frames are not: one colour, as large as is taken in.

    python benchmarks/large_pictures.py FOLDER      writes them; its memory is its own

`fuzz.py` runs this in a process of its own, so that what is measured is opening them.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

SIDES = {"wide": (15_000, 7_900), "square": (10_900, 10_900), "small": (3_000, 2_000)}
_CHUNK = 64  # rows


def png(width: int, height: int, bits: int, colour: int, frames: int = 1) -> bytes:
    """Return a PNG of zeros; colour 0 is grey, 2 RGB, 6 RGBA; several frames make an animation."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    row = b"\0" * (1 + width * channels * bits // 8)
    packer = zlib.compressobj(1)
    parts = [packer.compress(row * min(_CHUNK, height - at)) for at in range(0, height, _CHUNK)]
    data = b"".join([*parts, packer.flush()])

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    def control(number: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">5I2H2B", number, width, height, 0, 0, 1, 9, 0, 0))

    head = chunk(b"IHDR", struct.pack(">2I5B", width, height, bits, colour, 0, 0, 0))
    if frames == 1:
        body = chunk(b"IDAT", data)
    else:
        body = chunk(b"acTL", struct.pack(">2I", frames, 0)) + control(0) + chunk(b"IDAT", data)
        for n in range(1, frames):
            body += control(2 * n - 1) + chunk(b"fdAT", struct.pack(">I", 2 * n) + data)
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


def pnm(width: int, height: int, most: int, comment: int = 0) -> bytes:
    """Return a PPM of zeros, with so many bytes of comments in its heading."""
    size = width * height * 3 * (2 if most > 255 else 1)
    return b"P6\n" + b"#" + b"x" * comment + b"\n" + f"{width} {height}\n{most}\n".encode() + (
        b"\0" * min(size, 1 << 20)  # cut off: the whole would be no small file
    )  # fmt: skip


def _saved(
    kind: str, mode: str, frames: int = 1, **how: object
) -> Callable[[Path, int, int], None]:
    def save(path: Path, width: int, height: int) -> None:
        picture = Image.new(mode, (width, height))
        more = [picture] * (frames - 1)
        picture.save(
            path, kind, **({"save_all": True, "append_images": more} if more else {}), **how
        )

    return save


def made() -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Yield names, and functions that write a picture to a path."""
    for called, (width, height) in SIDES.items():
        for bits in (8, 16):
            for colour in (0, 2, 4, 6):
                yield f"{called}-{bits}-{colour}.png", lambda p, a=(width, height, bits, colour): (
                    p.write_bytes(png(*a))
                )  # fmt: skip
        yield f"{called}-animated.png", lambda p, a=(width, height): (
            p.write_bytes(png(*a, 8, 6, frames=4))
        )  # fmt: skip
    yield "deep.ppm", lambda p: p.write_bytes(pnm(6_000, 6_000, 65_535))
    yield "comment.ppm", lambda p: p.write_bytes(pnm(2_000, 2_000, 255, comment=60_000))
    yield "comments.ppm", lambda p: p.write_bytes(pnm(2_000, 2_000, 255, comment=8 << 20))
    ways = {
        "lossless.webp": _saved("WEBP", "RGB", lossless=True, quality=0, method=0),
        "alpha.webp": _saved("WEBP", "RGBA", lossless=True, quality=0, method=0),
        "animated.webp": _saved("WEBP", "RGB", 3, lossless=True, quality=0, method=0),
        "still.gif": _saved("GIF", "P"),
        "animated.gif": _saved("GIF", "P", 3),
        "pages.tif": _saved("TIFF", "RGB", 3, compression="tiff_lzw"),
        "deep.tif": _saved("TIFF", "I;16", compression="tiff_adobe_deflate"),
        "float.tif": _saved("TIFF", "F", compression="tiff_adobe_deflate"),
        "progressive.jpg": _saved("JPEG", "RGB", progressive=True),
        "print.jpg": _saved("JPEG", "CMYK"),
    }
    for called, (width, height) in SIDES.items():
        for name, save in ways.items():
            yield f"{called}-{name}", lambda p, s=save, a=(width, height): s(p, *a)


def main() -> None:
    """Write every picture that can be written small."""
    folder = Path(sys.argv[1])
    Image.MAX_IMAGE_PIXELS = None
    for name, write in made():
        write(folder / name)


if __name__ == "__main__":
    main()
