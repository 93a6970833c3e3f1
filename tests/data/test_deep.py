"""Pictures of more than 8 bits: one range of values for a whole set, from import to prediction."""

from __future__ import annotations

import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tl_core.backbones.card import Preprocessing
from tl_core.data import versions
from tl_core.data.dataset import load_dataset_folder
from tl_core.data.decode import OPENER, decode, fitted, open_image, thumbnail
from tl_core.data.edit import renamed
from tl_core.data.intake import import_source
from tl_core.data.pixels import pixels_key
from tl_core.data.scan import findings
from tl_core.data.sources import file_entry
from tl_core.workspace import Workspace

SEEN = Preprocessing(16, 16)


def photo(seed: int, shape: tuple[int, ...] = (20, 24)) -> np.ndarray:
    """A smooth picture of 8 bits that reaches from black to white."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    smooth = Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    values = np.array(smooth if len(shape) == 3 else smooth.convert("L"))
    values[:2], values[-2:] = 0, 255
    return values


def grey(values: np.ndarray, kind: str = "PNG", **how: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind, **how)
    return buffer.getvalue()


def colour(values: np.ndarray) -> bytes:
    """A PNG of 16-bit colours, which Pillow cannot write."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def in_range(values: np.ndarray, white: int) -> np.ndarray:
    return np.round(values * (white / 255)).astype(np.uint16)


def imported(tmp_path, name: str, files):
    """A dataset of two classes, of files by their number."""
    source = tmp_path / name
    for number in range(12):
        folder = source / ("ants" if number % 2 else "bees")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02}").with_suffix(".png").write_bytes(files(number))
    workspace = Workspace.open(tmp_path / "home")
    return workspace, import_source(workspace, source, name)


def seen(dataset) -> dict[str, np.ndarray]:
    how = SEEN.reading(dataset.white)
    return {i.name: fitted(dataset.path(i), how).astype(int) for i in dataset.items}


@pytest.mark.parametrize("white", [255, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "colour"])
def test_the_same_pictures_in_eight_and_in_more_bits_are_the_same(tmp_path, white, kind):
    shape = (20, 24, 3) if kind == "colour" else (20, 24)

    def deep(number):
        values = in_range(photo(number, shape), white)
        return colour(values) if kind == "colour" else grey(values, kind)

    _, eight = imported(tmp_path, "eight", lambda number: grey(photo(number, shape)))
    workspace, more = imported(tmp_path, "more", deep)
    assert (eight.white, more.white) == (0, white)
    expected, found = seen(eight), seen(more)
    worst = max(np.abs(expected[name] - found[name]).max() for name in expected)
    assert worst <= 1
    kinds = [finding.kind for finding in findings(workspace, more)]
    assert "blank" not in kinds
    assert ("range" in kinds) == (white < 65535)


def test_a_dark_picture_of_a_set_stays_dark(tmp_path):
    files = [in_range(photo(n), 4095) for n in range(12)]
    files[3] = np.full((20, 24), 41, np.uint16)
    files[3][:4] = 20
    _, dataset = imported(tmp_path, "set", lambda number: grey(files[number]))
    assert dataset.white == 4095
    assert seen(dataset)["ants/03.png"].max() == 3


def test_grey_with_alpha_of_16_bits():
    values = np.stack([in_range(photo(1), 4095), np.full((20, 24), 65535, np.uint16)], -1)
    image = decode(colour(values), 4095)
    assert image.highest == 4095
    assert np.abs(np.asarray(image.image)[..., 1].astype(int) - photo(1)).max() <= 1


@pytest.mark.parametrize("white", [0, 65535, 4095])
def test_where_zero_is_white_it_is_no_negative(white):
    eight = grey(photo(1), "TIFF", tiffinfo={262: 0})  # (Pillow turns round what it writes)
    values = in_range(255 - photo(1), white or 65535)
    deep = grey(values, "TIFF", tiffinfo={262: 0})
    with Image.open(io.BytesIO(deep)) as file:
        assert (file.mode, file.tag_v2[262]) == ("I;16", 0)
    assert np.abs(
        np.asarray(open_image(deep, white)).astype(int) - np.asarray(open_image(eight))
    ).max() <= 1  # fmt: skip


def test_a_deep_picture_is_turned_upright_as_others_are():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_image(grey(in_range(photo(1), 4095), "PNG", exif=exif), 4095).size == (20, 24)


def test_old_datasets_read_as_they_did(tmp_path):
    _, dataset = imported(tmp_path, "old", lambda n: grey(in_range(photo(n), 4095)))
    file = dataset.folder / "dataset.json"
    record = json.loads(file.read_bytes())
    del record["white"]
    file.write_bytes(json.dumps(record).encode())
    old = load_dataset_folder(dataset.folder)
    assert old.white == 0
    path = old.path(old.items[0])
    assert np.asarray(open_image(path, old.white)).max() == 16, "4095 of 65535, as ever"
    paths = [path]
    assert pixels_key(paths, SEEN) == pixels_key(paths, SEEN.reading(0))
    assert pixels_key(paths, SEEN) != pixels_key(paths, SEEN.reading(4095))


def test_eight_bit_sets_need_no_range_in_their_names(tmp_path):
    workspace, dataset = imported(tmp_path, "eight", lambda n: grey(photo(n)))
    path = dataset.path(dataset.items[0])
    assert thumbnail(path, workspace.cache).name == f"{path.name}-160-{OPENER}.webp"
    assert (workspace.cache / "sketches" / f"opener-{OPENER}-sketch-1").is_dir()


def test_small_copies_follow_the_range(tmp_path):
    workspace, dataset = imported(tmp_path, "deep", lambda n: grey(in_range(photo(n), 4095)))
    path = dataset.path(dataset.items[0])
    dark, right = (
        np.asarray(Image.open(thumbnail(path, workspace.cache, white=white)))
        for white in (0, dataset.white)
    )
    assert dark.max() < 30
    assert right.max() > 200


def test_a_version_keeps_the_range_and_says_what_does_not_fit(tmp_path):
    workspace, dataset = imported(tmp_path, "deep", lambda n: grey(in_range(photo(n), 4095)))
    after = versions.save_version(workspace, dataset, renamed(dataset, "ants", "emmets"))
    assert after.white == 4095
    new = tmp_path / "new"
    new.mkdir()
    (new / "fits.png").write_bytes(grey(in_range(photo(50), 1023)))
    (new / "bright.png").write_bytes(grey(in_range(photo(51), 65535)))
    entries = [file_entry(path, path.name) for path in sorted(new.iterdir())]
    more = versions.add_pictures(workspace, after, "bees", entries)
    assert (more.white, len(more.items)) == (4095, 13)
    [refused] = more.skipped
    assert (refused.path, refused.reason[:26]) == ("bright.png", "its values go up to 65,535")
    assert "unreadable" in [finding.kind for finding in findings(workspace, more)]


def test_the_first_deep_pictures_decide_for_the_version_that_has_them(tmp_path):
    workspace, dataset = imported(tmp_path, "eight", lambda n: grey(photo(n)))
    new = tmp_path / "deep.png"
    new.write_bytes(grey(in_range(photo(50), 4095)))
    more = versions.add_pictures(workspace, dataset, "bees", [file_entry(new, new.name)])
    assert (dataset.white, more.white) == (0, 4095)
    assert np.abs(seen(more)["deep.png"].mean() - photo(50).mean()) < 12
    assert not [f for f in findings(workspace, more) if f.kind in ("blank", "dark")]
