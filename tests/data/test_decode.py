"""The one opener, and its crop against torchvision's."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tl_core.backbones.card import Preprocessing
from tl_core.backbones.catalog import catalogue
from tl_core.data.decode import Decoded, fit, look_at, open_image, thumbnail
from tl_core.errors import UnreadableImageError

RED, BLUE = (255, 0, 0), (0, 0, 255)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    image = open_image(data)
    assert image.mode == "RGB"
    return np.asarray(image)


def corner() -> Image.Image:
    """White, 4 × 2, its top left pixel red."""
    image = Image.new("RGB", (4, 2), "white")
    image.putpixel((0, 0), RED)
    return image


# Where EXIF's definition says that row 0, column 0 of the stored picture is seen.
@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [
        (1, (4, 2), (0, 0)),
        (2, (4, 2), (3, 0)),
        (3, (4, 2), (3, 1)),
        (4, (4, 2), (0, 1)),
        (5, (2, 4), (0, 0)),
        (6, (2, 4), (1, 0)),
        (7, (2, 4), (1, 3)),
        (8, (2, 4), (0, 3)),
        (99, (4, 2), (0, 0)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_exif_orientation_is_applied_once(orientation, size, red_at, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = open_image(encoded(corner(), kind, exif=exif))
    assert image.size == size
    assert image.getpixel(red_at) == RED


def test_transparency_lies_on_white():
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 128))
    assert pixels(encoded(image)).tolist() == [[[255, 255, 255], [255, 127, 127]]]


def test_grey_with_alpha_lies_on_white():
    image = Image.new("LA", (2, 1), (0, 0))
    image.putpixel((1, 0), (40, 255))
    assert pixels(encoded(image)).tolist() == [[[255] * 3, [40] * 3]]


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_transparent_palette_entry_lies_on_white(transparency):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([*BLUE, *RED])
    image.putpixel((1, 0), 1)
    assert pixels(encoded(image, transparency=transparency)).tolist() == [[[255] * 3, list(RED)]]


@pytest.mark.parametrize(("mode", "colour", "see_through"), [("RGB", RED, RED), ("L", 9, 9)])
def test_transparent_colour_lies_on_white(mode, colour, see_through):
    data = encoded(Image.new(mode, (2, 2), colour), transparency=see_through)
    assert (pixels(data) == 255).all()


def test_one_bit():
    image = Image.new("1", (2, 1), 0)
    image.putpixel((1, 0), 1)
    assert pixels(encoded(image)).tolist() == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_is_scaled(kind):
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    data = encoded(Image.fromarray(values), kind)
    assert pixels(data)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_dark_sixteen_bit_picture_stays_dark():
    assert pixels(encoded(Image.fromarray(np.array([[0, 200]], np.uint16)))).max() == 1


def test_sixteen_bit_grey_with_transparent_value():
    values = np.array([[0, 600, 65535]], np.uint16)
    data = encoded(Image.fromarray(values), transparency=600)
    assert pixels(data)[0, :, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([-2.0, 0.0, 2.0], [0, 128, 255]),
        ([0.0, 500.0, 1000.0], [0, 128, 255]),
        ([np.nan, 0.0, 1.0], [0, 0, 255]),
        ([np.inf, 0.0, 1.0], [0, 0, 255]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_floating_point_grey_is_scaled(values, expected):
    data = encoded(Image.fromarray(np.array([values], np.float32)), "TIFF")
    assert pixels(data)[0, :, 0].tolist() == expected


def test_integer_grey_is_scaled():
    values = np.array([[-10, 0, 10]], np.int32)
    assert pixels(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_not_a_negative(kind):
    """Pillow writes CMYK JPEGs inverted with Adobe's marker, as Photoshop does."""
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    mean = pixels(encoded(image, kind)).mean((0, 1))
    assert mean[0] > 240
    assert mean[1:].max() < 15


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_the_first_frame_is_read(kind):
    first, second = Image.new("RGB", (32, 32), RED), Image.new("RGB", (32, 32), BLUE)
    data = encoded(first, kind, save_all=True, append_images=[second])
    red, green, blue = pixels(data).mean((0, 1))
    assert red > 200
    assert max(green, blue) < 40


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "JPEG2000"])
def test_all_kinds_of_source_give_the_same(kind, picture, tmp_path):
    data = picture(1, (40, 30), kind)
    path = tmp_path / "no ending"
    path.write_bytes(data)
    expected = pixels(data)
    assert expected.shape == (30, 40, 3)
    assert np.array_equal(np.asarray(open_image(path)), expected)
    assert np.array_equal(np.asarray(open_image(str(path))), expected)
    with path.open("rb") as file:
        assert np.array_equal(np.asarray(open_image(file)), expected)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_cut_file_is_unreadable(kind, share, picture):
    data = picture(2, (64, 64), kind)
    with pytest.raises(UnreadableImageError):
        open_image(data[: int(len(data) * share)])


def test_reasons(picture, tmp_path, monkeypatch):
    jpeg = picture(3, (64, 64), "JPEG")
    heic = b"\x00\x00\x00\x18ftypheic" + bytes(100)
    for data, reason in (
        (jpeg[: len(jpeg) // 2], "the file is cut off"),
        (b"", "the file is empty"),
        (b"just text", "not a picture that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture that can be read"),
        (heic, "the picture inside is damaged"),
    ):
        with pytest.raises(UnreadableImageError) as caught:
            open_image(data)
        assert str(caught.value) == reason
    with pytest.raises(UnreadableImageError, match="cannot be opened"):
        open_image(tmp_path / "missing.png")
    monkeypatch.setenv("HEADSTART_MAX_MEGAPIXELS", "1")
    with pytest.raises(UnreadableImageError, match="too many pixels"):
        open_image(picture(size=(1100, 1000)))


def test_pillow_is_left_as_it_was():
    """Other code in the process relies on Pillow's own limits and on its warnings."""
    before = (Image.MAX_IMAGE_PIXELS, list(warnings.filters))
    open_image(encoded(corner()))
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before
    assert not TiffImagePlugin.ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow describes the damage
def test_random_bytes_after_a_good_header_raise_nothing_else(picture):
    random = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "AVIF"):
        data = bytearray(picture(4, (24, 24), kind))
        for _ in range(40):
            broken = bytearray(data)
            for at in random.integers(0, len(data), 4):
                broken[at] = random.integers(0, 256)
            with suppress(UnreadableImageError):
                assert open_image(bytes(broken)).mode == "RGB"


SIZES = [(300, 200), (200, 300), (224, 224), (256, 256), (17, 311), (311, 17), (1, 1), (3, 90),
         (500, 375), (375, 500), (255, 257), (1000, 31)]  # fmt: skip
PRESETS = [
    Preprocessing(224, 256, "bilinear"),
    Preprocessing(224, 232, "bilinear"),
    Preprocessing(224, 236, "bicubic"),
    Preprocessing(65, 64, "bicubic"),
    Preprocessing(90, 37, "bilinear"),
    Preprocessing(64, 64, "bilinear"),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("preset", PRESETS, ids=str)
def test_fit_is_what_torchvision_does(size, preset):
    presets = pytest.importorskip("torchvision.transforms._presets")
    from torchvision.transforms import InterpolationMode

    reference = presets.ImageClassification(
        crop_size=preset.size,
        resize_size=preset.resize,
        interpolation=InterpolationMode(preset.interpolation),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
    random = np.random.default_rng(size)
    image = Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), np.uint8))
    ours = fit(image, preset)
    assert ours.dtype == np.uint8
    theirs = (reference(image).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    assert np.array_equal(ours, theirs)


def test_fit_agrees_with_torchvision_on_any_size():
    hypothesis = pytest.importorskip("hypothesis")
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    st = hypothesis.strategies
    sides = st.integers(1, 80)

    @hypothesis.settings(max_examples=80, deadline=None)
    @hypothesis.given(sides, sides, sides, sides, st.sampled_from(["bilinear", "bicubic"]))
    def check(width, height, size, resize, interpolation):
        hypothesis.assume(max(width, height) <= 100 * min(width, height))
        values = np.random.default_rng((width, height)).integers(0, 256, (height, width, 3))
        image = Image.fromarray(values.astype(np.uint8))
        theirs = functional.center_crop(
            functional.resize(
                image, [resize], functional.InterpolationMode(interpolation), antialias=True
            ),
            [size, size],
        )
        ours = fit(image, Preprocessing(size, resize, interpolation))
        assert np.array_equal(ours, np.asarray(theirs))

    check()


def published_weights():
    """One backbone for each way to fit and normalise that published weights ask for."""
    cards = [card for card in catalogue().values() if card.weights and not card.weights.bundled]
    cards = [card for card in cards if card.weights.source.endswith("_V1")]
    return list({card.preprocessing: card for card in cards}.values())


def own_preprocessing(card, image: Image.Image) -> np.ndarray:
    """What the weights' publisher does to a picture, undone from normalising: 0..1, H × W × 3."""
    transform = (
        pytest.importorskip("torchvision.models").get_weight(card.weights.source).transforms()
    )
    normalised = transform(image).permute(1, 2, 0).numpy()
    return normalised * np.array(transform.std) + np.array(transform.mean)


def test_every_way_to_fit_is_tried():
    ways = {card.preprocessing.interpolation for card in published_weights()}
    assert ways == {"bilinear", "bicubic"}


@pytest.mark.parametrize("card", published_weights(), ids=lambda card: card.name)
@pytest.mark.parametrize("size", [(640, 480), (333, 500), (60, 45)])
def test_pixels_are_those_of_the_weights_own_preprocessing(card, size):
    """From a JPEG on, with soft shapes and hard edges, as photos have them."""
    random = np.random.default_rng(size)
    coarse = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
    image = coarse.resize(size, Image.Resampling.BICUBIC)
    image.paste("black", (size[0] // 3, 0, size[0] // 3 + 3, size[1]))
    data = encoded(image, "JPEG", quality=90)
    ours = fit(open_image(data), card.preprocessing) / 255
    theirs = own_preprocessing(card, Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.abs(ours - theirs).max() <= 1e-5


@pytest.mark.shared
@pytest.mark.parametrize("card", published_weights(), ids=lambda card: card.name)
def test_real_photos_too_are_those_of_the_weights_own_preprocessing(card, shared_data):
    photos = [
        shared_data / "awkward" / "exif_orientation_1_landscape.jpg",  # 1800 × 1200
        *sorted((shared_data / "hymenoptera" / "val" / "bees").glob("*.jpg"))[::20],
        *sorted((shared_data / "imagenet_samples").iterdir())[::5],
    ]
    for photo in photos:
        ours = fit(open_image(photo), card.preprocessing) / 255
        theirs = own_preprocessing(card, Image.open(photo).convert("RGB"))
        assert np.abs(ours - theirs).max() <= 1e-5, photo.name


@pytest.mark.parametrize("size", [(1, 50_000), (50_000, 1)])
def test_a_very_long_strip_needs_no_more_memory_than_a_picture(size):
    image = Image.new("RGB", size, "white")
    image.putpixel((size[0] // 2, size[1] // 2), RED)
    fitted = fit(image, Preprocessing(224, 256, "bilinear"))
    assert fitted.shape == (224, 224, 3)
    assert fitted[..., 1].min() < 100, "the middle is what is seen"


def test_thumbnail(picture, tmp_path):
    path = tmp_path / "abcdef"
    path.write_bytes(picture(5, (400, 200)))
    small = thumbnail(path, tmp_path / "cache", side=100)
    assert Image.open(small).size == (100, 50)
    assert small.is_relative_to(tmp_path / "cache" / "thumbnails")
    path.unlink()
    assert thumbnail(path, tmp_path / "cache", side=100) == small, "the second time it is there"
    with pytest.raises(UnreadableImageError):
        thumbnail(path, tmp_path / "cache", side=50)
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == [small]


# What must happen to each: the reason why it is refused, or its size as a person sees it.
AWKWARD = {
    "animated_palette.gif": (320, 240),
    "animated_rgba.webp": (245, 245),
    "bad_exif_gray.jpg": (500, 500),
    "bigwide_4160x870.tif": (4160, 870),
    "cmyk.jpg": (100, 100),
    "cmyk_jpeg.tif": (100, 100),
    "exif_orientation_1_landscape.jpg": (1800, 1200),
    "exif_orientation_5_small.jpg": (128, 128),
    "exif_orientation_6_landscape.jpg": (1800, 1200),
    "exif_orientation_8_portrait.jpg": (1200, 1800),
    "float32_F.tiff": (128, 128),
    "gray_L.jpg": (128, 128),
    "junk_before_header.jpg": (1024, 768),
    "la_exif_orientation3_rgba.png": (326, 268),
    "mpo_two_frames.mpo": (640, 480),
    "onebit_trns.png": (64, 64),
    "orientation5.avif": (640, 427),
    "photo.heic": (64, 64),
    "photo.webp": (300, 225),
    "pixel_1x1_palette_trns.png": (1, 1),
    "png16_I16_trns.png": (64, 64),
    "png16_rgba.png": (128, 64),
    "rgb24.bmp": (127, 64),
    "rgba_transparent.png": (200, 150),
    "truncated.jpg": "the file is cut off",
    "truncated.png": "the file is cut off",
    "broken_stream.png": "the picture inside is damaged",
    "not_an_image_inside.png": "not a picture that can be read",
    "bomb_header.gif": "too many pixels",
    "bomb_text_chunk.png": "the picture inside is damaged",
    "zero_width.gif": "not a picture that can be read",
    "corrupted.heic": "the picture inside is damaged",
    "zip-slip.zip": "not a picture that can be read",
    "zip-slip-win.zip": "not a picture that can be read",
}


@pytest.mark.shared
def test_awkward_files(shared_data):
    found = {}
    for path in sorted((shared_data / "awkward").iterdir()):
        try:
            image = open_image(path)
        except UnreadableImageError as error:
            found[path.name] = str(error)
        else:
            assert image.mode == "RGB"
            found[path.name] = image.size
    assert found == AWKWARD


@pytest.mark.shared
def test_awkward_pictures_look_right(shared_data):
    def small(name: str) -> np.ndarray:
        image = open_image(shared_data / "awkward" / name).resize((24, 16))
        return np.asarray(image).astype(int)

    upright, turned = (small(f"exif_orientation_{n}_landscape.jpg") for n in (1, 6))
    assert abs(upright - turned).mean() < 5
    assert abs(small("cmyk.jpg") - small("cmyk_jpeg.tif")).mean() < 2
    assert small("cmyk.jpg").mean() < 40, "dark, as it was painted, not its negative"
    assert 20 < small("float32_F.tiff").mean() < 235
    assert small("pixel_1x1_palette_trns.png").min() == 255


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("a mistake")])
@pytest.mark.parametrize("in_a_file", [True, False])
def test_what_looks_at_a_picture_fails_as_itself(
    tmp_path: Path, error: Exception, in_a_file: bool
) -> None:
    path = tmp_path / "fine.png"
    path.write_bytes(encoded(corner()))

    def see(_: Decoded) -> None:
        raise error

    with pytest.raises(type(error)) as told:
        look_at(path if in_a_file else path.read_bytes(), 0, see)
    assert told.value is error


def test_a_large_picture_within_our_bound_prints_no_warning_of_pillows(tmp_path: Path) -> None:
    Image.new("1", (10_000, 9_500)).save(tmp_path / "large.png")
    script = "import sys; from tl_core.data.decode import open_image; open_image(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "large.png")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
