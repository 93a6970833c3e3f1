"""Every finding, on drawn pictures: what it is about, why, and what can be done."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from tl_core.data import scan as scanning
from tl_core.data.dataset import Dataset
from tl_core.data.drawn.picture import draw
from tl_core.data.finding import TITLES, Finding, by_kind, described
from tl_core.data.intake import import_entries
from tl_core.data.names import lookalikes
from tl_core.data.repeats import near_groups
from tl_core.data.scan import Scan, findings, kept_findings
from tl_core.data.sketch import sketch
from tl_core.data.sources import Entry
from tl_core.data.split import assign
from tl_core.workspace import Workspace

Files = dict[str, bytes]
Make = Callable[[Files], tuple[Dataset, list[Finding]]]
ENOUGH = 21


def photo(number: int) -> Image.Image:
    return Image.open(io.BytesIO(draw("phones", number))).convert("RGB")


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def jpg(picture: Image.Image, quality: int = 60) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def sound() -> Files:
    """Two classes in which there is nothing to find."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (2 * ENOUGH, 12, 16, 3), np.uint8)
    large = [
        Image.fromarray(n).resize((160, 120), Image.Resampling.NEAREST)
        .filter(ImageFilter.GaussianBlur(0.6)) for n in noise
    ]  # fmt: skip
    return {f"{'ab'[n % 2]}/{n}.png": png(picture) for n, picture in enumerate(large)}


@pytest.fixture
def scan_with(workspace: Workspace, sound: Files) -> Make:
    """Import the sound pictures with others, under a train folder if the others have one."""

    def make(files: Files) -> tuple[Dataset, list[Finding]]:
        prefix = "train/" if any(name.startswith("train/") for name in files) else ""
        everything = {prefix + name: data for name, data in sound.items()} | files
        entries = [
            Entry(name, len(data), lambda data=data: io.BytesIO(data))
            for name, data in everything.items()
        ]
        dataset = import_entries(workspace, entries, "set")
        return dataset, findings(workspace, dataset)

    return make


def names(finding: Finding) -> list[str]:
    return sorted(item.name for item in finding.items)


def test_nothing_is_found_where_nothing_is_wrong(scan_with: Make) -> None:
    assert scan_with({})[1] == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("blank", lambda p: Image.new("RGB", p.size, (200, 10, 60))),
        ("dark", lambda p: ImageEnhance.Brightness(p).enhance(0.12)),
        ("bright", lambda p: Image.blend(p, Image.new("RGB", p.size, "white"), 0.9)),
        ("blurry", lambda p: p.filter(ImageFilter.GaussianBlur(5))),
        ("tiny", lambda p: p.resize((31, 24))),
        ("odd-shape", lambda p: p.resize((400, 120))),
    ],
)
def test_a_look_is_found_and_can_be_removed(
    scan_with: Make, kind: str, change: Callable[[Image.Image], Image.Image]
) -> None:
    _, found = scan_with({"a/odd.png": png(change(photo(0)))})
    (finding,) = found
    assert finding.kind == kind
    assert names(finding) == ["a/odd.png"]
    (mend,) = finding.mends
    assert (mend.action, mend.items) == ("remove", finding.items)


@pytest.mark.parametrize("size", [(32, 40), (40, 32)])
def test_small_is_not_tiny_and_long_is_not_odd(scan_with: Make, size: tuple[int, int]) -> None:
    files = {
        "a/small.png": png(photo(0).resize(size)),
        "a/long.png": png(photo(1).resize((360, 120))),
    }
    assert scan_with(files)[1] == []


def test_what_most_pictures_are_is_one_note_that_removes_nothing(scan_with: Make) -> None:
    """X-rays are dark, digits are small: that is no reason to remove them all."""
    files = {f"a/{n}.png": png(photo(n).resize((28, 28))) for n in range(30)}
    tiny = [finding for finding in scan_with(files)[1] if finding.kind == "tiny"]
    assert [len(finding.items) for finding in tiny] == [30]
    assert tiny[0].severity == "note"
    assert tiny[0].mends == ()


def test_one_file_in_two_classes_is_a_conflict(scan_with: Make) -> None:
    same = png(photo(0))
    dataset, (finding,) = scan_with({"a/x.png": same, "b/y.png": same})
    assert finding.kind == "conflict"
    assert finding.severity == "problem"
    assert names(finding) == ["a/x.png", "b/y.png"]
    assert len(finding.files) == 1
    said = {mend.says: sorted(item.name for item in mend.items) for mend in finding.mends}
    assert said == {
        "Remove it from all classes": ["a/x.png", "b/y.png"],
        "Keep it in a alone": ["b/y.png"],
        "Keep it in b alone": ["a/x.png"],
    }
    assert len({item.split for item in finding.items}) == 1
    assert dataset.classes == finding.names


def test_nearly_the_same_in_two_classes_is_a_conflict(scan_with: Make) -> None:
    _, (finding,) = scan_with({"a/x.png": png(photo(0)), "b/y.jpg": jpg(photo(0))})
    assert finding.kind == "conflict"
    assert "nearly" in finding.why


def test_a_copy_in_the_same_class_is_left_out_and_told(scan_with: Make) -> None:
    same = png(photo(0))
    _, (finding,) = scan_with({"a/x.png": same, "a/y.png": same})
    assert (finding.kind, finding.items, finding.names) == ("duplicate", (), ("a/y.png",))
    assert finding.mends == ()


def test_the_same_pixels_in_another_file_are_a_duplicate(scan_with: Make) -> None:
    buffer = io.BytesIO()
    photo(0).save(buffer, "BMP")
    _, (finding,) = scan_with({"a/x.png": png(photo(0)), "a/y.bmp": buffer.getvalue()})
    assert finding.kind == "duplicate"
    assert names(finding) == ["a/x.png", "a/y.bmp"]
    assert len(finding.mends[0].items) == 1


def test_near_duplicates_lie_on_one_side_and_the_largest_stays(scan_with: Make) -> None:
    half = photo(0).resize((photo(0).width // 2, photo(0).height // 2))
    files = {"a/whole.png": png(photo(0)), "a/half.jpg": jpg(half), "a/again.jpg": jpg(photo(0))}
    _, (finding,) = scan_with(files)
    assert finding.kind == "near-duplicate"
    assert len(finding.items) == 3
    assert len({item.split for item in finding.items}) == 1
    assert "a/half.jpg" in [item.name for item in finding.mends[0].items]
    assert len(finding.mends[0].items) == 2


@pytest.mark.parametrize("copy", [png, jpg], ids=["exactly", "nearly"])
def test_a_given_split_is_kept_and_its_leak_told(
    scan_with: Make, copy: Callable[[Image.Image], bytes]
) -> None:
    files = {f"val/{'ab'[n % 2]}/{n}.png": png(photo(n)) for n in range(4)}
    dataset, found = scan_with(files | {"train/a/leak.png": copy(photo(0))})
    (finding,) = (f for f in found if f.kind == "leakage")
    assert names(finding) == ["train/a/leak.png", "val/a/0.png"]
    assert {item.split for item in finding.items} == {"train", "validation"}
    (mend,) = finding.mends
    assert [item.name for item in mend.items] == ["train/a/leak.png"]
    assert dataset.given_split
    assert "added" not in finding.why


def test_files_that_cannot_be_read_are_told_by_name(scan_with: Make) -> None:
    whole = jpg(photo(0), 95)
    _, found = scan_with(
        {"a/cut.jpg": whole[: len(whole) // 2], "a/text.jpg": b"hello", "a/empty.png": b"",
         "a/notes.txt": b"hello", "a/cat.heic": b"\0\0\0\x18ftypheic"}
    )  # fmt: skip
    told = {finding.names[0]: finding.kind for finding in found}
    assert told == {
        "a/cut.jpg": "truncated",
        "a/text.jpg": "unreadable",
        "a/empty.png": "unreadable",
        "a/cat.heic": "unreadable",
    }


def test_a_stored_file_that_was_damaged_is_told(workspace: Workspace, scan_with: Make) -> None:
    dataset, _ = scan_with({})
    dataset.path(dataset.items[0]).write_bytes(b"gone")
    for kept in (workspace.cache / "sketches").rglob("*.npy"):
        kept.unlink()
    finding = Scan(workspace, dataset).finish()[0]
    assert (finding.kind, finding.items) == ("unreadable", dataset.items[:1])


def test_each_picture_is_under_what_says_most(scan_with: Make) -> None:
    """Blank before duplicate, dark before near duplicate: the original is told of nothing."""
    blank = png(Image.new("RGB", (90, 90)))
    dark = ImageEnhance.Brightness(photo(0)).enhance(0.12)
    files = {"a/0.png": png(photo(0)), "a/dark.png": png(dark), "a/blank.png": blank,
             "b/blank.png": blank}  # fmt: skip
    _, found = scan_with(files)
    assert {finding.kind: names(finding) for finding in found} == {
        "blank": ["a/blank.png", "b/blank.png"],
        "dark": ["a/dark.png"],
    }


@pytest.mark.parametrize(
    ("other", "is_one"),
    [("Tree Frog", True), ("tree_frog", True), ("treefrog ", True), ("trée frog", True),
     ("tree frogs", True), ("tre efrog", True), ("tree fog", True), ("tere frog", True),
     ("free frog", False), ("tree frog 2", False), ("true dog", False), ("bee", False)],
)  # fmt: skip
def test_names_that_are_probably_one(other: str, is_one: bool) -> None:
    assert bool(lookalikes(["tree frog", other])) == is_one


@pytest.mark.parametrize(
    ("a", "b"),
    [("cat", "rat"), ("class 1", "class 2"), ("model 10", "model 01"), ("+", "-"),
     ("black", "block"), ("की", "का"), ("犬", "大")],
)  # fmt: skip
def test_names_that_are_two(a: str, b: str) -> None:
    assert lookalikes([a, b]) == []


def test_class_names_and_sizes(workspace: Workspace) -> None:
    random = np.random.default_rng(3)
    counts = {"sunrise": 84, "sunrsie": 21, "Rain": 30, "fog": 5}
    files = {
        f"{name}/{n}.png": png(Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)))
        for name, count in counts.items()
        for n in range(count)
    }
    entries = [Entry(n, len(d), lambda d=d: io.BytesIO(d)) for n, d in files.items()]
    found = by_kind(findings(workspace, import_entries(workspace, entries, "sky")))
    assert list(found) == ["class-names", "few", "unbalanced"]
    (mend,) = found["class-names"][0].mends
    assert (mend.action, mend.source, mend.target) == ("merge", "sunrsie", "sunrise")
    assert found["few"][0].names == ("fog",)
    assert found["unbalanced"][0].names == ("fog", "sunrsie", "sunrise")


def test_found_once_and_kept(
    workspace: Workspace, scan_with: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = png(photo(0))
    dataset, found = scan_with(
        {"a/x.png": same, "b/y.png": same, "a/t.png": png(photo(1).resize((20, 20)))}
    )
    assert kept_findings(workspace, dataset) == found
    monkeypatch.setattr(scanning, "scan", lambda *_: pytest.fail("scanned again"))
    assert findings(workspace, dataset) == found
    monkeypatch.setattr(scanning, "SCAN", "other")
    assert kept_findings(workspace, dataset) is None


def test_a_scan_goes_on_in_steps(
    workspace: Workspace, scan_with: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, _ = scan_with({})
    for kept in workspace.cache.rglob("*.npy"):
        kept.unlink()
    monkeypatch.setattr(scanning, "_TILE", 20)
    work, seen = Scan(workspace, dataset), []
    while not work.step():
        seen.append(work.done)
    assert seen == [20, 40]
    assert work.done == work.total == 2 * ENOUGH
    assert work.finish() == []


def test_scripts_get_plain_data(scan_with: Make) -> None:
    same = png(photo(0))
    dataset, (finding,) = scan_with({"a/x.png": same, "b/y.png": same})
    told = described(finding, dataset)
    assert Counter(picture["class"] for picture in told["pictures"]) == {"a": 1, "b": 1}
    assert told["mends"][1]["items"][0]["class"] == "b"
    assert set(TITLES) >= {told["kind"]}


def test_a_new_picture_that_ties_both_sides_is_told_and_nothing_moves(
    workspace: Workspace, scan_with: Make
) -> None:
    """As after adding: earlier assignments stay, and the new picture follows one of them."""
    files = {"a/0.png": png(photo(0)), "a/1.png": png(photo(1)), "a/2.jpg": jpg(photo(0))}
    dataset, _ = scan_with(files)
    first, copy = (next(i for i in dataset.items if i.name == n) for n in ("a/0.png", "a/2.jpg"))
    items = tuple(
        replace(i, split={first: "train", copy: "test"}.get(i, i.split)) for i in dataset.items
    )
    (finding,) = Scan(workspace, replace(dataset, id="0" * 16, items=items)).finish()
    assert finding.kind == "leakage"
    assert "ties both sides together; nothing moves by itself" in finding.why
    assert finding.mends[0].says == "Keep it for the final test alone"
    assert [item.name for item in finding.mends[0].items] == ["a/0.png"]


def test_near_duplicates_follow_those_that_were_there_before() -> None:
    """What an edit gives `split.assign`: groups from the sketches, and the earlier splits."""
    known = {f"{n:064x}": sketch(photo(n)) for n in range(8)}
    new = f"{9:064x}"
    known[new] = sketch(Image.open(io.BytesIO(jpg(photo(3)))).convert("RGB"))
    carried = {file: "train" for file in known if file != new}
    carried[f"{3:064x}"] = "validation"
    splits = assign([(file, 0) for file in known], groups=near_groups(known), carried=carried)
    assert dict(zip(known, splits, strict=True))[new] == "validation"


def test_every_pair_of_near_duplicates_is_on_one_side(scan_with: Make) -> None:
    """By chance alone each would be torn apart 4 times in 10."""
    files = {f"a/{n}.png": png(photo(n)) for n in range(12)}
    _, found = scan_with(files | {f"a/{n} again.jpg": jpg(photo(n)) for n in range(12)})
    assert [finding.kind for finding in found] == ["near-duplicate"] * 12
    assert {item.split for finding in found for item in finding.items} > {"train"}
