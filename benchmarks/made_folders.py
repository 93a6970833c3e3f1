"""Made sources for `tables_and_layouts`: folders of pictures.

Each function makes one case by chance, with the truth beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

CLASSES = [["cat", "dog", "frog"], ["ants", "bees"], ["0", "1", "2", "3"], ["Bär", "Öl", "Äpfel"],
           ["healthy", "powdery mildew", "rust", "scab"], ["good", "bad"], ["1", "2", "3"],
           ["NORMAL", "PNEUMONIA"], ["n02085620", "n02085782", "n02086079"]]  # fmt: skip
SPLITS = [("train", "val", "test"), ("Training", "", "Testing"), ("train", "valid", "test"),
          ("training_set", "", "test_set"), ("seg_train", "", "seg_test"), ("Train", "Val", "Test"),
          ("TRAIN", "VALIDATION", "TEST"), ("train", "dev", "test"), ("Training", "",
          "PrivateTest"), ("train", "eval", "holdout"), ("train_data", "validation_data", ""),
          ("X_train", "", "X_test"), ("training", "validation", ""), ("Trainingsdaten",
          "Validierung", "Testdaten"), ("train2017", "val2017", "test2017")]  # fmt: skip


@dataclass
class Case:
    """Files, and the truth.

    Attributes:
        kind: what it tries.
        files: each picture with its class and its split, `None` where it belongs to no class.
        tables: the text of each table, as bytes.
        splits_given: whether the source divides the pictures.
        may_ask: whether people could read it in two ways, too.
        named: the table that the person names.
    """

    kind: str
    files: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    tables: dict[str, bytes] = field(default_factory=dict)
    splits_given: bool = False
    may_ask: bool = False
    named: str = ""


def names_of(r: random.Random, count: int) -> list[str]:
    """Return names of pictures as cameras, Kaggle and people make them."""
    start, ending = r.choice([0, 1, 100, 4000]), r.choice([".jpg", ".png", ".JPG", ".jpeg"])
    form: Callable[[int], str] = r.choice([
        str, lambda n: f"{n:05}", lambda n: f"IMG_{n:04}", lambda n: f"Bild {n}",
        lambda n: f"ISIC_{n:07}", lambda n: f"{n * 2654435761 % 2**32:08x}", lambda n: f"foto-ä{n}",
        lambda n: f"img{n}_png.rf.{n:04x}", lambda n: f"a.b.{n}",
    ])  # fmt: skip
    return [form(start + n) + ending for n in range(count)]


def _wrap(r: random.Random) -> str:
    return r.choice(["", "", "data/", "my set/", "archive/dataset/", "repo-main/data/images/"])


def split_names(r: random.Random) -> dict[str, str]:
    """Return what one source calls its splits."""
    train, val, test = r.choice(SPLITS)
    both = {"train": train, "validation": val, "test": test}
    return {split: name for split, name in both.items() if name}


def _fill(
    case: Case, r: random.Random, place: Callable[[str, str], str], splits: Sequence[str] = ("",)
) -> None:
    classes = r.choice(CLASSES)
    for split in splits:
        for label in classes:
            for name in names_of(r, r.randint(3, 6)):
                case.files[f"{place(label, split)}/{split[:2]}{name}"] = (label, split or None)


def plain(r: random.Random) -> Case:
    """Class folders, with what lies about."""
    case, top = Case("class folders"), _wrap(r)
    _fill(case, r, lambda label, _: f"{top}{label}")
    if r.random() < 0.3:
        case.tables[f"{top}README.csv"] = b"made by me\n"
    return case


def split_above(r: random.Random) -> Case:
    """Folders of splits, with the classes in each, perhaps doubled."""
    case, top, called = Case("splits above classes", splits_given=True), _wrap(r), split_names(r)
    double = r.random() < 0.3
    folder = {s: f"{top}{n}/{n}" if double else f"{top}{n}" for s, n in called.items()}
    _fill(case, r, lambda label, split: f"{folder[split]}/{label}", list(called))
    if r.random() < 0.3:
        for name in names_of(r, 4):
            case.files[f"{top}pred/{name}"] = (None, None)
    return case


def split_below(r: random.Random) -> Case:
    """Class folders with splits in each."""
    case, top, called = Case("splits in classes", splits_given=True), _wrap(r), split_names(r)
    _fill(case, r, lambda label, split: f"{top}{label}/{called[split]}", list(called))
    return case


def unlabelled(r: random.Random) -> Case:
    """Train and validation, and test pictures that nobody sorted."""
    case, top = Case("unlabelled test", splits_given=True), _wrap(r)
    _fill(case, r, lambda label, split: f"{top}{split}/{label}", ["train", "validation"])
    inner = r.choice(["", "test1/", "images/", "unknown/", "test/"])
    for name in names_of(r, 6):
        case.files[f"{top}test/{inner}{name}"] = (None, None)
    return case


def grouped(r: random.Random) -> Case:
    """Folds, patients or sessions above the classes, or below."""
    top, word = _wrap(r), r.choice(["fold", "patient_", "batch", "session ", "round", "site"])
    above = r.random() < 0.6
    case = Case("groups above classes" if above else "groups in classes", may_ask=True)
    groups = [f"{word}{n}" for n in range(1, r.randint(3, 5))]
    for group in groups:
        _fill(case, random.Random(len(top))  # noqa: S311
            , lambda label, _, g=group:
              f"{top}{g}/{label}" if above else f"{top}{label}/{g}")  # fmt: skip
    return case


def masked(r: random.Random) -> Case:
    """Masks beside the pictures of each class, or of all."""
    case, top = Case("masks"), _wrap(r)
    pictures, masks = r.choice([("images", "masks"), ("Images", "Masks"), ("images", "gt")])
    way = r.choice(["inside", "names"])
    for label in r.choice(CLASSES):
        for name in names_of(r, 5):
            stem, _, ending = name.rpartition(".")
            if way == "inside":
                case.files[f"{top}{label}/{pictures}/{name}"] = (label, None)
                case.files[f"{top}{label}/{masks}/{name}"] = (None, None)
            else:
                case.files[f"{top}{label}/{stem}.{ending}"] = (label, None)
                case.files[f"{top}{label}/{stem}_mask.png"] = (None, None)
    return case


def beside_docs(r: random.Random) -> Case:
    """A repository: the classes in one folder, pictures of its documents in another."""
    case, top = Case("data beside documents"), r.choice(["", "repo-main/"])
    data = r.choice(["data", "dataset", "images", "photos"])
    _fill(case, r, lambda label, _: f"{top}{data}/{label}")
    for name in names_of(r, 3):
        case.files[f"{top}{r.choice(['docs', 'assets', 'figures'])}/s{name}"] = (None, None)
    return case


def doubled(r: random.Random) -> Case:
    """The same set twice, once inside a folder of its own."""
    case, called = Case("a copy inside"), r.choice(["flowers", "set"])
    classes = r.choice(CLASSES)
    for label in classes:
        for name in names_of(r, 4):
            case.files[f"{called}/{label}/{name}"] = (label, None)
            case.files[f"{called}/{called}/{label}/{name}"] = (None, None)
    case.may_ask = True
    return case


def wrapped(r: random.Random) -> Case:
    """Splits in folders that hold one folder of their own name, the test perhaps unsorted."""
    case, word = Case("wrapped splits", splits_given=True), r.choice(["asl", "birds", "set"])
    is_sorted = r.random() < 0.5
    _fill(case, r, lambda label, split: f"{word}_{split}/{word}_{split}/{label}",
          ["train", "test"] if is_sorted else ["train"])  # fmt: skip
    if not is_sorted:
        for name in names_of(r, 5):
            case.files[f"{word}_test/{word}_test/{name}"] = (None, None)
    return case


def beside_unsorted(r: random.Random) -> Case:
    """Class folders with a folder that nobody has sorted beside them."""
    case, top = plain(r), r.choice(["test", "Testing", "unlabeled", "validation", "no_label"])
    case.kind, case.tables = "class folders beside unsorted pictures", {}
    base = next(iter(case.files)).split("/")[:-2]
    for name in names_of(r, 4):
        case.files["/".join([*base, top, name])] = (None, None)
    return case


def masks_alone(r: random.Random) -> Case:
    """Pictures and masks, and nothing that says classes: to be refused."""
    case = Case("pictures beside masks", may_ask=True)
    pictures, masks = r.choice([("images", "masks"), ("Images", "GroundTruth"), ("img", "label")])
    for name in names_of(r, 8):
        case.files[f"{pictures}/{name}"] = case.files[f"{masks}/{name}"] = (None, None)
    return case
