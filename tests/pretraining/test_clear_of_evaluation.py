"""The photos that `mini` learned from hold none of the photos that it is measured on.

Two pictures count as the same when their grey thumbnails of 16 × 16 correlate by 0.95 or more,
whether the whole photo is squashed into the square or its centre is cut out first.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tl_core.data.decode import open_image
from tl_core.errors import UnreadableImageError
from tl_core.pretraining.collection import read_collection

SAME = 0.95


def thumbnail(image: Image.Image, centre: bool) -> NDArray[np.float32]:
    """Return a thumbnail as a vector whose product with another is their correlation."""
    if centre:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    grey = image.convert("L").resize((16, 16), Image.Resampling.BOX)
    values = np.asarray(grey, np.float32).ravel()
    values -= values.mean()
    return values / max(float(np.linalg.norm(values)), 1e-6)


def photos(folder: Path) -> Iterator[Image.Image]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                yield open_image(path)
            except UnreadableImageError:
                continue


@pytest.mark.shared
@pytest.mark.slow
def test_no_photo_is_learned_from_that_is_measured_on(shared_data: Path, tmp_path: Path) -> None:
    collection = read_collection(
        shared_data / "tiny-imagenet-64.zip", 64, tmp_path, lambda *_: None
    )
    learned = np.concatenate([collection.train.pixels, collection.validation.pixels])
    assert len(learned) > 80_000
    known = np.stack([thumbnail(Image.fromarray(pixels), centre=False) for pixels in learned])
    for name, least in (("hymenoptera", 397), ("weather", 516)):
        measured = list(photos(shared_data / name))
        assert len(measured) >= least
        for centre in (False, True):
            asked = np.stack([thumbnail(photo, centre) for photo in measured])
            nearest = (asked @ known.T).max(1)
            assert nearest.max() < SAME, f"{(nearest >= SAME).sum()} photos of {name} are known"
            assert nearest.max() > 0.8, "so far apart that the comparison itself must be wrong"


@pytest.mark.shared
def test_a_photo_is_known_again_after_it_was_made_small(shared_data: Path) -> None:
    for photo in list(photos(shared_data / "hymenoptera" / "val"))[:20]:
        small = io.BytesIO()
        photo.resize((64, 64), Image.Resampling.BICUBIC).save(small, "WEBP", quality=60)
        kept = thumbnail(open_image(small.getvalue()), centre=False)
        assert kept @ thumbnail(photo, centre=False) >= SAME
