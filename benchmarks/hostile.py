"""What a hostile person might bring: strategies that build pictures, archives and tables."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import large_pictures
import numpy as np
from hypothesis import strategies as st
from PIL import Image

LARGEST_SEED = 100_000  # bytes of a file that is mutated
_KINDS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "PPM", "JPEG2000", "PCX", "SGI",
          "QOI", "DDS", "XBM")  # fmt: skip
_VALUES = (0, 1, 127, 128, 255, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_PARTS = ["..", ".", "", "a", "b", "A", "train", "val", "Test", "C:", "CON", "nul.png", "x" * 300,
          "line\nbreak", "\x00", "\x1b[2J", "\u202egnp", "<img src=x>", "=1+1", "é", "e\u0301",
          "\ud800", "__MACOSX", ".DS_Store", "Thumbs.db", "in.zip", "labels.csv", " ", "outside",
          "~", "$HOME", "%00", "a\\b", "-rf"]  # fmt: skip


@dataclass(frozen=True)
class File:
    """One file of an archive.

    Attributes:
        name: as the archive says it.
        data: what is in it.
        kind: "file", "link" (symbolic), "hard" (link), "device" or "folder".
        method: how a zip packs it.
    """

    name: str
    data: bytes
    kind: str = "file"
    method: int = zipfile.ZIP_DEFLATED


def seeds(awkward: Path | None = None) -> list[bytes]:
    """Return files to mutate: a small picture in every format, and real awkward files if given."""
    random = np.random.default_rng(1)
    made = []
    for kind in _KINDS:
        pixels = random.integers(0, 256, (18, 24, 3), np.uint8)
        picture = Image.fromarray(pixels).convert("1" if kind == "XBM" else "RGB")
        buffer = io.BytesIO()
        picture.save(buffer, kind)
        made.append(buffer.getvalue())
    frames = [Image.fromarray(random.integers(0, 256, (18, 24, 3), np.uint8)) for _ in range(3)]
    moving = {"save_all": True, "append_images": frames[1:]}
    deep = Image.fromarray(random.integers(0, 1 << 12, (18, 24), np.uint16))
    for image, kind, how in (
        (frames[0], "JPEG", {"progressive": True}),
        (frames[0], "PNG", {"optimize": True}),
        (frames[0], "TIFF", {"compression": "tiff_lzw"}),
        *((frames[0], kind, moving) for kind in ("GIF", "PNG", "WEBP", "TIFF", "AVIF")),
        *((deep, kind, {}) for kind in ("PNG", "TIFF", "PPM", "JPEG2000")),
        (deep.convert("F"), "TIFF", {}),
        (frames[0].convert("CMYK"), "JPEG", {}),
        (frames[0].convert("RGBA"), "WEBP", {"lossless": True}),
    ):
        buffer = io.BytesIO()
        image.save(buffer, kind, **how)
        made.append(buffer.getvalue())
    made += [large_pictures.png(24, 18, 16, colour) for colour in (0, 2, 4, 6)]
    made.append(b"P6\n" + b"#x\n" * 300 + b"24 18\n65535\n" + bytes(24 * 18 * 6))
    real = sorted(awkward.iterdir()) if awkward else []
    made += [p.read_bytes() for p in real if p.is_file() and p.stat().st_size <= LARGEST_SEED]
    return made


def mutated(originals: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Build files that were damaged, or cunningly changed, most often near their beginning."""
    places = st.integers(0, 80) | st.integers(0, LARGEST_SEED)
    change = st.one_of(
        st.tuples(places, st.integers(0, 255)).map(_set_byte),
        st.tuples(places, st.sampled_from(_VALUES), st.sampled_from("<>"), st.sampled_from("BHI"))
        .map(_set_number),
        places.map(lambda at: lambda data: data[: at % (len(data) + 1)]),
        st.tuples(places, st.binary(max_size=12)).map(_insert),
        st.tuples(places, places, places).map(_repeat),
        st.tuples(places, st.sampled_from(originals)).map(_splice),
    )  # fmt: skip
    return st.tuples(st.sampled_from(originals), st.lists(change, max_size=6)).map(changed)


def large(paths: Sequence[Path]) -> st.SearchStrategy[tuple[Path, list[Change]]]:
    """Build large pictures by their file and what is changed in it, most often its heading."""
    places = st.integers(0, 80)
    change = st.one_of(
        st.tuples(places, st.integers(0, 255)).map(_set_byte),
        st.tuples(places, st.sampled_from(_VALUES), st.sampled_from("<>"), st.sampled_from("BHI"))
        .map(_set_number),
        st.integers(0, LARGEST_SEED).map(lambda at: lambda data: data[: at % (len(data) + 1)]),
    )  # fmt: skip
    return st.tuples(st.sampled_from(paths), st.lists(change, max_size=2))


def pictures(originals: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Build files that are, were, or claim to be pictures."""
    return st.sampled_from(originals) | mutated(originals) | st.binary(max_size=60)


names = st.lists(
    st.sampled_from(_PARTS) | st.text(max_size=6) | st.sampled_from(["1.png", "2.jpg", "3"]),
    min_size=1,
    max_size=5,
).map("/".join)
good_names = st.builds("{}/{}.png".format, st.sampled_from(["a", "b", "c"]), st.integers(0, 99))


def good_files() -> list[File]:
    """Return what makes a dataset: two classes of four pictures."""
    random = np.random.default_rng(2)
    made = []
    for number in range(8):
        buffer = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (18, 24, 3), np.uint8)).save(buffer, "PNG")
        made.append(File(f"{'ab'[number % 2]}/{number}.png", buffer.getvalue()))
    return made


def files(originals: Sequence[bytes]) -> st.SearchStrategy[list[File]]:
    """Build the files of an archive: some good, some not, some no files at all."""
    kinds = st.sampled_from(["file"] * 12 + ["link", "hard", "device", "folder"])
    methods = st.sampled_from([zipfile.ZIP_DEFLATED] * 30 + [zipfile.ZIP_STORED] * 10
                              + [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])  # fmt: skip
    data = st.sampled_from(originals[:8]) | pictures(originals) | tables
    one = st.builds(File, names | good_names | good_names, data, kinds, methods)
    base = st.sampled_from([good_files(), good_files(), []])
    return st.tuples(base, st.lists(one, max_size=8)).map(lambda made: made[0] + made[1])


def zips(originals: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Build zips, many of them damaged afterwards."""
    built = files(originals).map(_zip)
    return built | st.tuples(built, st.lists(_damage, max_size=4)).map(changed)


def tars(originals: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Build tars, packed or not, many of them damaged afterwards."""
    modes = st.sampled_from(["w", "w", "w:gz", "w:bz2", "w:xz"])
    built = st.tuples(files(originals), modes).map(lambda made: _tar(*made))
    return built | st.tuples(built, st.lists(_damage, max_size=4)).map(changed)


_cells = st.sampled_from(
    [
        "1.png",
        "a/1.png",
        "file",
        "label",
        "split",
        "train",
        "ant",
        "bee",
        "",
        '"',
        "=1+1",
        "\ufeff",
        "x" * 400,
        "../../1.png",
    ]
) | st.text(max_size=5)
tables = (
    st.lists(st.lists(_cells, max_size=4).map(",".join), max_size=20)
    .map("\n".join)
    .map(lambda text: text.encode("utf-8", "replace"))
) | st.binary(max_size=40)
good_table = "\n".join(f"{n}.png,{'ab'[n % 2]}" for n in range(8)).encode()

Change = Callable[[bytes], bytes]


def changed(made: tuple[bytes, Sequence[Change]]) -> bytes:
    """Return a file after some changes."""
    data, changes = made
    for change in changes:
        data = change(data)
    return data


def _set_byte(told: tuple[int, int]) -> Change:
    return lambda data: _put(data, told[0], bytes([told[1]]))


def _set_number(told: tuple[int, int, str, str]) -> Change:
    place, value, order, form = told
    size = struct.calcsize(form)
    packed = struct.pack(order + form, value & (1 << 8 * size) - 1)
    return lambda data: _put(data, place, packed)


def _put(data: bytes, place: int, new: bytes) -> bytes:
    if not data:
        return data
    place %= len(data)
    return data[:place] + new[: len(data) - place] + data[place + len(new) :]


def _insert(told: tuple[int, bytes]) -> Change:
    place, new = told
    return lambda data: data[: place % (len(data) + 1)] + new + data[place % (len(data) + 1) :]


def _repeat(told: tuple[int, int, int]) -> Change:
    def change(data: bytes) -> bytes:
        first, last, count = (n % (len(data) + 1) for n in told)
        return data[:last] + data[min(first, last) : last] * (count % 40) + data[last:]

    return change


def _splice(told: tuple[int, bytes]) -> Change:
    place, other = told
    return lambda data: data[: place % (len(data) + 1)] + other[place % (len(other) + 1) :]


_damage = st.one_of(
    st.tuples(st.integers(0, 10**6), st.integers(0, 255)).map(_set_byte),
    st.tuples(st.integers(0, 10**6), st.sampled_from(_VALUES), st.sampled_from("<>"),
              st.sampled_from("BHI")).map(_set_number),
    st.integers(0, 10**6).map(lambda at: lambda data: data[: at % (len(data) + 1)]),
    st.tuples(st.integers(0, 10**6), st.binary(max_size=12)).map(_insert),
)  # fmt: skip


def _zip(made: Sequence[File]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in made:
            info = zipfile.ZipInfo(file.name.encode("utf-8", "replace").decode() or "x")
            info.compress_type = file.method
            if file.kind == "link":
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            elif file.kind == "folder":
                info.filename += "/"
            archive.writestr(info, file.data)
    return buffer.getvalue()


_TYPES = {"file": tarfile.REGTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE,
          "device": tarfile.CHRTYPE, "folder": tarfile.DIRTYPE}  # fmt: skip


def _tar(made: Sequence[File], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for file in made:
            info = tarfile.TarInfo(file.name.encode("utf-8", "replace").decode().replace("\0", "_"))
            info.type = _TYPES[file.kind]
            info.size = len(file.data) if file.kind == "file" else 0
            info.linkname = "../../outside" if file.kind in ("link", "hard") else ""
            archive.addfile(info, io.BytesIO(file.data))
    return buffer.getvalue()
