"""What is measured of one picture, and where that is kept."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tl_core.data import sketches
from tl_core.data.sketch import ROW, sketch, sketch_file
from tl_core.data.sketches import keep_sketches, known_sketches


def checked(size: tuple[int, int] = (300, 200), cell: int = 20) -> Image.Image:
    """A chessboard of two greys."""
    y, x = np.mgrid[: size[1], : size[0]]
    board = np.where((x // cell + y // cell) % 2, 40, 200).astype(np.uint8)
    return Image.fromarray(board).convert("RGB")


def test_size_and_light() -> None:
    row = sketch(checked())[0]
    assert (row["width"], row["height"]) == (300, 200)
    assert (row["low"], row["high"]) == (40, 200)
    assert row["range"] == 160


def test_the_range_is_that_of_one_channel() -> None:
    assert sketch(Image.new("RGB", (50, 50), (255, 0, 90)))[0]["range"] == 0


def test_the_whole_picture_is_in_the_small_copy() -> None:
    picture = Image.new("RGB", (400, 100))
    picture.paste((255, 0, 0), (0, 0, 100, 100))
    small = sketch(picture)[0]["small"]
    assert (small[:, :7] == (255, 0, 0)).all()
    assert (small[:, 9:] == 0).all()


def test_blur_grows_with_blurring() -> None:
    board = checked()
    found = [
        float(sketch(board.filter(ImageFilter.GaussianBlur(radius)))[0]["blur"])
        for radius in (0, 1, 2, 4)
    ]
    assert found == sorted(found)
    assert found[0] < 0.3 < 0.66 < found[-1]


def test_what_moved_sideways_is_blurred_one_way_only() -> None:
    """Stripes along the movement are as sharp as they were."""
    y = np.arange(200)[:, None] + np.zeros(300)
    stripes = Image.fromarray(np.where(y // 20 % 2, 40, 200).astype(np.uint8)).convert("RGB")
    assert sketch(stripes)[0]["blur"] < 0.3


def stored(folder: Path, image: Image.Image, kind: str) -> Path:
    """Save a picture under the hash of its bytes."""
    image.save(data := io.BytesIO(), kind)
    path = folder / hashlib.sha256(data.getvalue()).hexdigest()
    path.write_bytes(data.getvalue())
    return path


def test_equal_pixels_have_equal_fingerprints(tmp_path: Path) -> None:
    board = checked()
    made = ((board, "png"), (board, "bmp"), (board.point(lambda v: v + 1), "png"))
    a, b, c = (sketch_file(stored(tmp_path, *one))["same"][0] for one in made)
    assert a == b != c


def test_nothing_is_said_of_a_damaged_file(tmp_path: Path) -> None:
    path = stored(tmp_path, checked(), "bmp")
    path.write_bytes(path.read_bytes()[:-1] + b"\7")
    assert sketch_file(path)[0] == np.zeros(1, ROW)[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (3, 2), (5000, 1), (9, 9), (10, 9)])
def test_any_size_can_be_sketched(size: tuple[int, int]) -> None:
    row = sketch(Image.new("RGB", size, "red"))[0]
    assert (row["width"], row["height"]) == size
    assert np.isfinite(row["blur"])


def test_what_cannot_be_read_is_a_row_of_zeros(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no picture")
    assert sketch_file(tmp_path / "x")[0] == np.zeros(1, ROW)[0]


def test_kept_and_found_again(tmp_path: Path) -> None:
    known = {f"{n:064x}": sketch(checked(cell=n + 2)) for n in range(3)}
    keep_sketches(tmp_path, known)
    found = known_sketches(tmp_path, known)
    assert found.keys() == known.keys()
    assert all(found[file] == known[file] for file in known)


def test_a_later_version_finds_what_an_earlier_one_had(tmp_path: Path) -> None:
    known = {f"{n:064x}": sketch(checked(cell=n + 2)) for n in range(3)}
    keep_sketches(tmp_path, known)
    wanted = [f"{n:064x}" for n in (1, 2, 9)]
    assert sorted(known_sketches(tmp_path, wanted)) == wanted[:2]


def test_damaged_files_and_other_versions_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"0" * 64: sketch(checked())}
    keep_sketches(tmp_path, known)
    monkeypatch.setattr(sketches, "SKETCH", "other")
    assert known_sketches(tmp_path, known) == {}
    monkeypatch.undo()
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(file.read_bytes()[:-200])
    assert known_sketches(tmp_path, known) == {}


@pytest.mark.parametrize("place", [5, 64 + 12, 64 + 700, 64 + 3000])
def test_a_damaged_row_is_taken_anew(tmp_path: Path, place: int) -> None:
    known = {f"{n:064x}": sketch(checked(cell=n + 2)) for n in range(3)}
    keep_sketches(tmp_path, known)
    (file,) = tmp_path.rglob("*.npy")
    whole = file.read_bytes()
    start = len(whole) - 2 * (len(whole) - whole.index(b"\n") - 1) // 3  # of the second row
    file.write_bytes(whole[: start + place] + b"\xee" + whole[start + place + 1 :])
    found = known_sketches(tmp_path, known)
    assert sorted(found) == sorted([f"{0:064x}", f"{2:064x}"])
    keep_sketches(tmp_path, known)
    assert file.read_bytes() == whole
