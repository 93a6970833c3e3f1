"""Made sources for `tables_and_layouts`: tables beside pictures.

Each function makes one case by chance, with the truth beside it.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Sequence
from urllib.parse import quote
from zlib import crc32

from made_folders import CLASSES, Case, names_of, plain, split_names

PICTURE_HEADINGS = ["file", "filename", "image", "image_id", "path", "Image Name", "img", "id",
                    "file_name", "ImageID", "picture", "Datei", "fname", "photo"]  # fmt: skip
LABEL_HEADINGS = ["label", "class", "category", "target", "species", "breed", "dx", "diagnosis",
                  "Label", "class_name", "ClassId", "emotion", "Klasse"]  # fmt: skip
OTHER_HEADINGS = ["has_cactus", "level", "grade", "ripeness", "style"]
BESIDE = {
    "width": lambda r: r.choice([640, 641, 642]),
    "height": lambda r: r.choice([480, 481]),
    "age": lambda r: r.randint(20, 30),
    "score": lambda r: round(r.random(), 3),
    "source": lambda r: r.choice(["web", "phone"]),
    "comment": lambda r: r.choice(["", "blurred", "see again"]),
    "url": lambda r: f"https://example.org/{r.randint(1, 9999)}",
    "created_at": lambda _: "2024-01-01T00:00:00Z",
    "annotator": lambda r: r.choice([1, 2]),
    "credit": lambda r: r.choice(["Ada", "Max"]),
}


def _written(r: random.Random, heading: Sequence[str] | None, rows: list[list[object]]) -> bytes:
    out = io.StringIO()
    delimiter = r.choice([",", ",", ",", ";", "\t"])
    writer = csv.writer(out, delimiter=delimiter, lineterminator=r.choice(["\n", "\r\n"]),
                        quoting=r.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))  # fmt: skip
    if heading is not None:
        writer.writerow(heading)
    writer.writerows(rows)
    text = ("sep=;\n" if delimiter == ";" and r.random() < 0.2 else "") + out.getvalue()
    return text.encode(r.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"]), "replace")


def _cell(r: random.Random, files: Sequence[str]) -> Callable[[str], str]:
    """Return a way to write the names of pictures that leaves them apart."""

    def last(path: str) -> str:
        return path.rsplit("/", 1)[-1]

    def stem(path: str) -> str:
        return last(path).rsplit(".", 1)[0]

    def no_zeros(path: str) -> str:
        return str(int(stem(path))) if stem(path).isdecimal() else stem(path)

    ways = [
        last, last, str, stem, no_zeros, lambda p: f"./{p}", lambda p: f"/home/me/photos/{last(p)}",
        lambda p: f"C:\\Users\\me\\{last(p)}", lambda p: f"dataset/images/{p}",
        lambda p: last(p).lower(), lambda p: last(p).upper(), lambda p: f"{stem(p)}.jpg",
        lambda p: f"gs://bucket/images/{last(p)}", lambda p: f" {last(p)}",
        lambda p: f"/data/upload/1/0a1b2c3d-{last(p)}", lambda p: quote(last(p)),
        lambda p: f"/data/local-files/?d={p}",
    ]  # fmt: skip
    way = r.choice(ways)
    is_apart = len({way(path).casefold() for path in files}) == len(files)
    return way if is_apart else str


def _loose(r: random.Random, case: Case, splits: Sequence[str] = ("",)) -> list[str]:
    """Add pictures without class folders; return their classes."""
    classes, top = r.choice(CLASSES), r.choice(["", "images/", "data/images/", "train/"])
    names = names_of(r, r.choice([12, 24, 60]) * len(splits))
    for n, name in enumerate(names):
        split = splits[n // len(classes) % len(splits)]
        case.files[top + name] = (classes[n % len(classes)], split or None)
    return classes


def _body(
    r: random.Random,
    case: Case,
    cell: Callable[[str], str],
    columns: Sequence[Callable[[str], object]],
) -> list[list[object]]:
    rows = [[make(path) for make in (cell, *columns)] for path in case.files]
    if r.random() < 0.5:
        r.shuffle(rows)
    return rows


def _columns(r: random.Random) -> tuple[list[str], list[Callable[[str], object]]]:
    """Return columns that say nothing of classes."""
    names = r.sample(sorted(BESIDE), r.randint(0, 3))
    return names, [lambda _, n=name: BESIDE[n](r) for name in names]


def _table(
    r: random.Random, case: Case, heading: list[str], columns: list[Callable[[str], object]],
    *, is_headed: bool = True, name: str = "",
) -> None:  # fmt: skip
    """Write a table of the pictures, its columns in any order, perhaps with an index."""
    cell = _cell(r, list(case.files))
    rows = _body(r, case, cell, columns)
    heading = [r.choice(PICTURE_HEADINGS), *heading]
    order = list(range(len(heading)))
    if is_headed and r.random() < 0.4:
        r.shuffle(order)
    heading, rows = [heading[n] for n in order], [[row[n] for n in order] for row in rows]
    if is_headed and r.random() < 0.4:
        heading = [r.choice(["", "Unnamed: 0", "index"]), *heading]
        rows = [[n, *row] for n, row in enumerate(rows)]
        if r.random() < 0.5:
            r.shuffle(rows)
    if r.random() < 0.2:
        rows.append(["missing_1.jpg" if h in PICTURE_HEADINGS else "" for h in heading])
    where = next(iter(case.files)).rsplit("/", 1)[0] + "/" if "/" in next(iter(case.files)) else ""
    name = name or r.choice(["labels.csv", "train.csv", "metadata.csv", where + "list.csv"])
    case.tables[name] = _written(r, heading if is_headed else None, rows)
    case.named = name if "/" not in name and r.random() < 0.1 else ""


def labelled(r: random.Random) -> Case:
    """Loose pictures and a table with a heading."""
    case = Case("a table with a heading")
    _loose(r, case)
    names, columns = _columns(r)
    _table(r, case, [r.choice(LABEL_HEADINGS), *names], [lambda p: case.files[p][0], *columns])
    return case


def two_columns(r: random.Random) -> Case:
    """Loose pictures and a table of two columns, without a heading or with an unusual one."""
    case, is_headed = Case("a table of two columns"), r.random() < 0.5
    _loose(r, case)
    _table(r, case, [r.choice(OTHER_HEADINGS)], [lambda p: case.files[p][0]], is_headed=is_headed)
    return case


def twice_said(r: random.Random) -> Case:
    """The class as a number and as a word."""
    case = Case("class and its number")
    classes = _loose(r, case)
    columns = [lambda p: case.files[p][0], lambda p: classes.index(case.files[p][0])]
    if not classes[0].isdecimal():
        _table(r, case, ["class_name", "class_id"], columns)
    else:
        _table(r, case, ["label"], columns[:1])
    return case


def two_labels(r: random.Random) -> Case:
    """Two columns of classes that disagree: to be asked."""
    case = Case("two columns of classes", may_ask=True)
    _loose(r, case)
    columns = [lambda p: case.files[p][0], lambda p: "AB"[len(p) % 2] if hash_of(p) % 3 else "C"]
    _table(r, case, ["label", r.choice(["category", "species", "target"])], columns)
    return case


def hash_of(text: str) -> int:
    """Return a number that stays the same from run to run."""
    return crc32(text.encode())


def one_hot(r: random.Random) -> Case:
    """A column for each class, one yes in a row."""
    case, form = Case("one-hot"), r.choice([int, float, bool])
    classes = _loose(r, case)
    columns = [lambda p, c=c: form(case.files[p][0] == c) for c in classes]
    _table(r, case, list(classes), columns)
    return case


def multi_hot(r: random.Random) -> Case:
    """A column for each class, several yes in a row: to be refused or asked."""
    case = Case("multi-hot", may_ask=True)
    classes = _loose(r, case)
    columns = [lambda p, n=n: int(hash_of(p + str(n)) % 2) for n in range(len(classes))]
    _table(r, case, list(classes), columns)
    return case


def with_split(r: random.Random) -> Case:
    """A column of splits, in words."""
    called = split_names(r)
    case = Case("a column of splits", splits_given=True)
    _loose(r, case, list(called))
    heading = r.choice(["split", "Usage", "set", "subset", "phase", "partition", "data_type"])
    columns = [lambda p: case.files[p][0], lambda p: called[case.files[p][1]]]
    _table(r, case, [r.choice(LABEL_HEADINGS), heading], columns)
    return case


def with_flag(r: random.Random) -> Case:
    """A column of yes and no that says what is kept for checking."""
    kind, heading = r.choice([("validation", "is_valid"), ("test", "is_test"), ("test", "test"),
                              ("validation", "is_val"), ("test", "is_holdout")])  # fmt: skip
    case, form = Case("a flag for the split", splits_given=True), r.choice([bool, int])
    _loose(r, case, ["train", "train", kind])
    columns = [lambda p: case.files[p][0], lambda p: form(case.files[p][1] == kind)]
    _table(r, case, [r.choice(LABEL_HEADINGS), heading], columns)
    return case


def strange_split(r: random.Random) -> Case:
    """A column of splits with a word that nobody knows."""
    case = Case("a strange split", splits_given=True)
    called = {"train": "train", "validation": "val", "test": r.choice(["extra", "challenge", "B"])}
    _loose(r, case, ["train", "train", "validation", "test"])
    columns = [lambda p: case.files[p][0], lambda p: called[case.files[p][1]]]
    _table(r, case, ["label", "split"], columns)
    return case


def automl(r: random.Random) -> Case:
    """Google's form: no heading, the split first."""
    case = Case("AutoML", splits_given=True)
    _loose(r, case, ["train", "validation", "test"])
    rows = [[s.upper(), f"gs://my-bucket/x/{p.rsplit('/', 1)[-1]}", c]
            for p, (c, s) in case.files.items()]  # fmt: skip
    case.tables["import.csv"] = _written(r, None, rows)
    return case


def split_tables(r: random.Random) -> Case:
    """train.csv and test.csv, perhaps with folders of their names, and a sample submission."""
    case, classes = Case("a table for each split", splits_given=True), r.choice(CLASSES)
    inside = r.random() < 0.4
    called = {"train": "train", "test": "test", **({"validation": "valid"} if inside else {})}
    ways = _way(r)
    for start, (split, word) in enumerate(called.items()):
        rows = []
        for n in range(24):
            name = f"{start * 100 + n:04}.jpg"
            case.files[f"{word}/{name}"] = (classes[n % len(classes)], split)
            rows.append([ways(name), classes[n % len(classes)]])
        table = f"{word}/_classes.csv" if inside else f"{word}.csv"
        case.tables[table] = _written(r, ["image_id", "label"], rows)
    if not inside and r.random() < 0.5:
        rows = [[f"{100 + n:04}.jpg", classes[0]] for n in range(24)]
        case.tables["sample_submission.csv"] = _written(r, ["image_id", "label"], rows)
    return case


def _way(r: random.Random) -> Callable[[str], str]:
    """Return a way to write a name: as it is, or without its ending."""
    return r.choice([str, lambda name: name.rsplit(".", 1)[0]])


def submission(r: random.Random) -> Case:
    """Kaggle: train.csv, unlabelled test pictures, and a sample of how to hand in answers."""
    case, classes = Case("train.csv and a sample submission"), r.choice(CLASSES)
    rows = []
    for n in range(24):
        case.files[f"train/{n:04}.jpg"] = (classes[n % len(classes)], None)
        rows.append([f"{n:04}.jpg", classes[n % len(classes)]])
    for n in range(40):
        case.files[f"test/{1000 + n}.jpg"] = (None, None)
    answers = [[f"{1000 + n}.jpg", r.choice(classes)] for n in range(40)]
    case.tables["train.csv"] = _written(r, ["image_id", "label"], rows)
    case.tables["sample_submission.csv"] = _written(r, ["image_id", "label"], answers)
    if r.random() < 0.5:
        case.tables["test.csv"] = _written(r, ["image_id"], [row[:1] for row in answers])
    return case


def same_names(r: random.Random) -> Case:
    """The same names in several folders; the table says the folder too."""
    case = Case("equal names in several folders")
    sites = r.sample(["left", "right", "site0", "site1", "2019", "2020"], 2)
    names = names_of(r, 12)
    for site in sites:
        for n, name in enumerate(names):
            case.files[f"{site}/{name}"] = (("yes", "no")[n % 2], None)
    before = r.choice(["", "dataset/images/", "/home/me/", "D:\\data\\"])
    rows = [[before + path, label] for path, (label, _) in case.files.items()]
    gone = r.random() < 0.4
    if gone:
        for path in list(case.files)[::7]:
            del case.files[path]
    case.tables["labels.csv"] = _written(r, ["path", "label"], rows)
    return case


def beside_folders(r: random.Random) -> Case:
    """Class folders, and a list of sizes, credits or numbers beside them."""
    case = plain(r)
    case.kind, case.tables = "a list beside class folders", {}
    names = r.sample(sorted(BESIDE), r.randint(1, 3))
    _table(r, case, names, [lambda _, n=name: BESIDE[n](r) for name in names])
    case.named = ""
    return case


def agreeing(r: random.Random) -> Case:
    """Class folders, and a table that says the same."""
    case = plain(r)
    case.kind, case.tables = "a table that says what the folders say", {}
    _table(r, case, ["label"], [lambda p: case.files[p][0]])
    return case


def over_folders(r: random.Random) -> Case:
    """Folders that are no classes, and a table with a heading that means label."""
    case = plain(r)
    case.kind, case.tables = "a table above other folders", {}
    case.files = {p: (("yes", "no")[n % 2], None) for n, p in enumerate(case.files)}
    _table(r, case, ["label"], [lambda p: case.files[p][0]])
    return case


def number_first(r: random.Random) -> Case:
    """Numbers name the pictures, the classes are numbers, and so may be others."""
    case = Case("numbers everywhere")
    for n in range(30):
        case.files[f"images/{n}.png"] = (str(n % 3), None)
    heading = r.choice([["label", "id"], ["id", "label"], ["", "id", "label"], ["id", "level"]])
    rows = [[{"": k, "id": n, "label": n % 3, "level": n % 3}[h] for h in heading]
            for k, n in enumerate(r.sample(range(30), 30))]  # fmt: skip
    case.tables["labels.csv"] = _written(r, heading, rows)
    return case


def split_folders(r: random.Random) -> Case:
    """One table over loose pictures in folders of splits."""
    case, called, classes = Case("a table over split folders", splits_given=True), split_names(r), (
        r.choice(CLASSES))  # fmt: skip
    for split, word in called.items():
        for n in range(20):
            label = classes[n % len(classes)]
            case.files[f"{word}/{split[:2]}_{n:03}.jpg"] = (label, split)
    rows = [[r_path, label] for r_path, (label, _) in case.files.items()]
    case.tables["labels.csv"] = _written(r, ["path", "label"], rows)
    return case


def in_parts(r: random.Random) -> Case:
    """Folders that are no classes, as ChestX-ray14's, and a table with any heading."""
    case, classes = Case("folders of parts"), r.choice(CLASSES)
    form = r.choice(["images_{:03}", "part{}", "site_{}", "fold {}", "patient_{}"])
    for n, name in enumerate(names_of(r, 30)):
        case.files[f"{form.format(1 + n // 10)}/{name}"] = (classes[n % len(classes)], None)
    _table(r, case, [r.choice([*LABEL_HEADINGS, *OTHER_HEADINGS])], [lambda p: case.files[p][0]])
    return case


def site_tables(r: random.Random) -> Case:
    """A table in each folder, about its own pictures."""
    case, classes = Case("a table in each folder"), r.choice(CLASSES)
    for site in r.sample(["s1", "s2", "north", "south", "site_3"], 3):
        rows = []
        for n, name in enumerate(names_of(r, 12)):
            case.files[f"{site}/{name}"] = (classes[n % len(classes)], None)
            rows.append([name, classes[n % len(classes)]])
        case.tables[f"{site}/labels.csv"] = _written(r, ["file", "label"], rows)
    return case


def equal_names(r: random.Random) -> Case:
    """The same numbers in train and in test, and a table about train."""
    case, classes = Case("equal names in train and test"), r.choice(CLASSES)
    for n in range(24):
        case.files[f"train/{n}.png"] = (classes[n % len(classes)], None)
        case.files[f"test/{n}.png"] = (None, None)
    rows = [[n, classes[n % len(classes)]] for n in range(24)]
    name = r.choice(["trainLabels.csv", "train.csv", "train_labels.csv"])
    case.tables[name] = _written(r, ["id", "label"], rows)
    return case


def other_letters(r: random.Random) -> Case:
    """Tables in code pages of other languages: read, asked, or read as what they say they were."""
    encoding, classes = r.choice([
        ("cp1251", ["кошка", "собака"]), ("cp932", ["たんぽぽ", "ネコ"]),
        ("gbk", ["向日葵", "汽车"]),
        ("cp949", ["고양이", "강아지"]), ("big5", ["貓", "汽車"]), ("cp1253", ["γάτα", "σκύλος"]),
        ("mac_roman", ["Käfer", "Möwe"]), ("utf-16-le", ["Käfer", "Möwe"]),
    ])  # fmt: skip
    case = Case("letters of other languages", may_ask=True)
    for n in range(24):
        case.files[f"images/{n:03}.jpg"] = (classes[n % 2], None)
    rows = "".join(f"{n:03}.jpg,{classes[n % 2]}\n" for n in range(24))
    case.tables["labels.csv"] = f"file,label\n{rows}".encode(encoding)
    return case
