"""Which pictures are nearly the same, and which only look so."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tl_core.data.alike import alike, groups
from tl_core.data.drawn.picture import draw
from tl_core.data.sketch import sketch

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

Change = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    files = [draw(kind, number) for kind in ("phones", "laptops") for number in range(12)]
    return [Image.open(io.BytesIO(file)).convert("RGB") for file in files]


def saved_again(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=30)
    return Image.open(buffer).convert("RGB")


CHANGES: dict[str, Change] = {
    "the same": lambda picture: picture,
    "saved at quality 30": saved_again,
    "half as large": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "squeezed": lambda picture: picture.resize((picture.width, picture.height * 3 // 4)),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
    "paler": lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(photos: list[Image.Image], name: str) -> None:
    copies = [CHANGES[name](picture) for picture in photos]
    rows = np.concatenate([sketch(picture) for picture in [*photos, *copies]])
    assert alike(rows).tolist() == [[n, n + len(photos)] for n in range(len(photos))]


def test_other_pictures_of_the_same_kind_are_not_alike(photos: list[Image.Image]) -> None:
    assert not len(alike(np.concatenate([sketch(picture) for picture in photos])))


def test_colour_counts() -> None:
    """A red and a green traffic light differ in nothing else."""
    noise = np.random.default_rng(0).integers(100, 120, (64, 64, 3), np.uint8)
    red, green = noise.copy(), noise.copy()
    red[20:44, 20:44] = (230, 30, 30)
    green[20:44, 20:44] = (30, 230, 30)
    assert not len(alike(np.concatenate([sketch(Image.fromarray(p)) for p in (red, green)])))


def test_pictures_of_one_colour_are_like_nothing() -> None:
    plain = np.concatenate([sketch(Image.new("RGB", (40, 40), c)) for c in ("red", "red", "blue")])
    assert not len(alike(plain))


def test_smooth_pictures_need_more() -> None:
    """Handwritten digits agree in much by chance; two of them are not one for that."""
    sklearn = pytest.importorskip("sklearn.datasets")
    digits = sklearn.load_digits().images[:300]
    large = [Image.fromarray((255 - d * 15.9).astype(np.uint8)).convert("RGB") for d in digits]
    rows = [sketch(picture.resize((64, 64), Image.Resampling.BICUBIC)) for picture in large]
    assert not len(alike(np.concatenate(rows)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_groups_are_what_pairs_connect(pairs: list[tuple[int, int]]) -> None:
    found = groups(20, np.array(pairs, np.intp).reshape(-1, 2)).tolist()
    assert all(found[a] == found[b] for a, b in pairs)
    assert all(found[head] == head <= n for n, head in enumerate(found))
    components = [{n} for n in range(20)]
    for a, b in pairs:
        one, other = (next(c for c in components if n in c) for n in (a, b))
        if one is not other:
            components.remove(other)
            one |= other
    assert len(set(found)) == len(components)


def test_more_pictures_than_a_block(photos: list[Image.Image]) -> None:
    random = np.random.default_rng(1)
    noise = [Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(600)]
    rows = np.concatenate([sketch(p) for p in [photos[0], *noise, photos[0]]])
    assert alike(rows).tolist() == [[0, 601]]
