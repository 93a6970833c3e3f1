"""The scan on real photos: what was planted is found, and hardly anything else is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from tl_core.data.dataset import Dataset
from tl_core.data.finding import Finding
from tl_core.data.intake import import_source
from tl_core.data.scan import findings
from tl_core.workspace import Workspace

pytestmark = pytest.mark.shared

REVIEWED = Path(__file__).with_name("weather_reviewed.json")
MOST_FALSE_ALARMS = 10  # of 516


@dataclass
class Planted:
    """What was put among the photos: by kind of finding, the files that each one is about."""

    expected: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    def add(self, kind: str, *files: Path) -> None:
        hashes = frozenset(sha256(file.read_bytes()).hexdigest() for file in files)
        self.expected.setdefault(kind, []).append(hashes)


@dataclass(frozen=True)
class Scanned:
    """A data set and what was found in it."""

    root: Path
    dataset: Dataset
    found: list[Finding]


@pytest.fixture(scope="module")
def weather(shared_data: Path) -> dict[str, list[Path]]:
    folder = shared_data / "weather"
    return {c.name: sorted(c.iterdir()) for c in sorted(folder.iterdir()) if c.is_dir()}


@pytest.fixture(scope="module")
def clean(weather: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    """The photos alone, divided in a folder of their own: every fourth one to check with."""
    return scanned(tmp_path_factory.mktemp("clean"), lambda root: divide(weather, root))


def scanned(place: Path, make: Callable[[Path], object]) -> Scanned:
    make(place / "weather")
    workspace = Workspace.open(place / "workspace")
    dataset = import_source(workspace, place / "weather")
    return Scanned(place / "weather", dataset, findings(workspace, dataset))


def divide(weather: dict[str, list[Path]], root: Path) -> None:
    for name, files in weather.items():
        for number, file in enumerate(files):
            target = root / ("val" if number % 4 == 3 else "train") / name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(file)


def plant(root: Path, spare: dict[str, list[Path]]) -> Planted:
    """Put in 3 corrupt files, 5 duplicates across classes, 10 near ones, 2 dark and 2 blank."""
    planted, train, val = Planted(), root / "train", root / "val"
    whole = spare["Rain"].pop().read_bytes()
    (train / "Rain" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (train / "Rain" / "text.jpg").write_bytes(b"this is no picture at all")
    (val / "Shine" / "damaged.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40)
    planted.names = {
        "truncated": {"train/Rain/cut.jpg"},
        "unreadable": {"train/Rain/text.jpg", "val/Shine/damaged.jpg"},
    }
    for number in range(5):
        original = spare["Cloudy"].pop()
        copy = train / "Shine" / f"copy{number}.jpg"
        copy.write_bytes(original.read_bytes())
        planted.add("conflict", copy)
    for number in range(10):
        name = list(spare)[number % 4]
        original, copy = spare[name].pop(), val / name / f"near{number}.jpg"
        picture = Image.open(original).convert("RGB")
        picture = picture.resize((picture.width * 4 // 5, picture.height * 4 // 5))
        picture.save(copy, quality=60 + number)
        planted.add("leakage", original, copy)
    for number in range(2):
        dark = train / "Sunrise" / f"dark{number}.png"
        picture = Image.open(spare["Sunrise"].pop()).convert("RGB")
        ImageEnhance.Brightness(picture).enhance(0.12).save(dark)
        planted.add("dark", dark)
    for name, colour in (("Rain", (128, 140, 150)), ("Cloudy", (255, 255, 255))):
        blank = train / name / "blank.png"
        Image.new("RGB", (320, 240), colour).save(blank)
        planted.add("blank", blank)
    return planted


@pytest.fixture(scope="module")
def planted(
    weather: dict[str, list[Path]], clean: Scanned, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Scanned, Planted]:
    told = {item.file for finding in clean.found for item in finding.items}
    spare = {
        name: [
            clean.root / "train" / name / file.name
            for number, file in enumerate(files)
            if number % 4 != 3 and sha256(file.read_bytes()).hexdigest() not in told
        ]
        for name, files in weather.items()
    }
    inside: list[Planted] = []

    def make(root: Path) -> None:
        divide(weather, root)
        inside.append(plant(root, spare))

    return scanned(tmp_path_factory.mktemp("planted"), make), inside[0]


@pytest.mark.parametrize(
    ("kind", "count"), [("conflict", 5), ("leakage", 10), ("dark", 2), ("blank", 2)]
)
def test_each_planted_picture_has_its_own_finding(
    planted: tuple[Scanned, Planted], kind: str, count: int
) -> None:
    scan, inside = planted
    found = [finding.files for finding in scan.found if finding.kind == kind]
    assert len(inside.expected[kind]) == count
    assert all(found.count(files) == 1 for files in inside.expected[kind])


def test_corrupt_files_are_told_by_name(planted: tuple[Scanned, Planted]) -> None:
    scan, inside = planted
    for kind, names in inside.names.items():
        told = [finding.names for finding in scan.found if finding.kind == kind]
        assert sorted(told) == sorted((name,) for name in names)


def test_nothing_else_is_new(clean: Scanned, planted: tuple[Scanned, Planted]) -> None:
    """No picture that was not planted gets a finding, and none a second one."""
    scan, inside = planted
    before = {(finding.kind, finding.files) for finding in clean.found}
    after = {(finding.kind, finding.files) for finding in scan.found if finding.items}
    expected = {(kind, files) for kind, sets in inside.expected.items() for files in sets}
    assert after - before == expected
    assert before <= after
    told = [item for finding in scan.found for item in finding.items]
    assert len(told) == len(set(told))


def test_few_of_the_photos_alone_are_called_something_that_they_are_not(
    shared_data: Path, tmp_path: Path
) -> None:
    """Each finding was looked at by a person; what is not in that list counts against us."""
    reviewed = json.loads(REVIEWED.read_text(encoding="utf-8"))["true"]
    workspace = Workspace.open(tmp_path)
    dataset = import_source(workspace, shared_data / "weather")
    found = findings(workspace, dataset)
    told = {(finding.kind, file) for finding in found for file in finding.files}
    true = {(kind, file) for kind, files in reviewed.items() for file in files}
    assert len(dataset.items) == 516
    assert len(told - true) <= MOST_FALSE_ALARMS
    assert true <= told, "what a person saw is still found"


def test_nearly_the_same_photos_are_on_one_side_of_the_split(
    shared_data: Path, tmp_path: Path
) -> None:
    dataset = import_source(Workspace.open(tmp_path), shared_data / "weather")
    reviewed = json.loads(REVIEWED.read_text(encoding="utf-8"))["groups"]
    split = {item.file: item.split for item in dataset.items}
    assert len(reviewed) == 20
    assert all(len({split[file] for file in group}) == 1 for group in reviewed)
    assert not {"leakage", "conflict"} & {f.kind for f in findings(Workspace(tmp_path), dataset)}


def test_none_of_the_photos_is_called_dark_bright_blank_or_blurred(clean: Scanned) -> None:
    assert {finding.kind for finding in clean.found} == {"leakage", "near-duplicate", "odd-shape"}
