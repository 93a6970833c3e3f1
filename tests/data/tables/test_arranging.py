"""A table of file and label stands for class folders."""

from __future__ import annotations

import io
import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.data.dataset import load_dataset_folder
from tl_core.data.intake import import_source
from tl_core.data.question import QuestionError, Told
from tl_core.data.reading import read_layout
from tl_core.data.sources import Entry
from tl_core.data.tables.arranging import arrange_by_table
from tl_core.data.tables.rows import TableError
from tl_core.errors import UserError

PICTURES = [f"images/{n}.jpg" for n in range(6)]


def entry(name: str, data: bytes = b"") -> Entry:
    return Entry(name, len(data), lambda: io.BytesIO(data))


def arranged(table: str | bytes, name: str = "labels.csv", pictures=PICTURES):
    data = table.encode() if isinstance(table, str) else table
    return arrange_by_table([entry(name, data), *map(entry, pictures)], "it")


def classes(layout) -> dict[str, str]:
    return {place.name: place.class_name for place in layout.places}


def rows(way, between=",", labels=("ant", "bee")) -> str:
    return "\n".join(f"{way(n)}{between}{labels[n % 2]}" for n in range(6))


EXPECTED = {f"images/{n}.jpg": ("ant", "bee")[n % 2] for n in range(6)}


@pytest.mark.parametrize(
    "table",
    [
        rows(lambda n: f"images/{n}.jpg"),
        rows(lambda n: f"{n}.jpg"),
        rows(lambda n: n),
        rows(lambda n: f"./images\\{n}.jpg"),
        rows(lambda n: f"/home/me/photos/{n}.jpg"),
        rows(lambda n: f'"{n}.jpg"', ";"),
        rows(lambda n: f"{n}.jpg", "\t"),
        "file,label\n" + rows(lambda n: f"{n}.jpg"),
        "\ufeffid,breed\r\n" + rows(lambda n: n).replace("\n", "\r\n"),
        "width,image,class,height\n" + "\n".join(f"9,{n}.jpg,{['ant', 'bee'][n % 2]},9"
                                                 for n in range(6)),
        "filename,label\n" + rows(lambda n: f"{n}.jpg").encode("utf-16").decode("utf-16"),
    ],
)  # fmt: skip
def test_the_usual_tables(table):
    layout = arranged(table)
    assert classes(layout) == EXPECTED
    assert layout.classes == ("ant", "bee")
    assert layout.skipped == ()
    assert not layout.given_split


def test_utf_16_and_windows_letters():
    assert set(classes(arranged(rows(lambda n: n, labels=("Bär", "Öl")).encode("utf-16"))).values())
    table = rows(lambda n: n, labels=("Bär", "Öl"))
    assert arranged(table.encode("utf-16")).classes == ("Bär", "Öl")
    assert arranged(table.encode("cp1252")).classes == ("Bär", "Öl")


def test_the_table_lies_deeper_or_beside():
    layout = arranged(rows(lambda n: f"{n}.jpg"), "images/labels.CSV")
    assert classes(layout) == EXPECTED


def test_a_split_column_is_respected():
    splits = ["Train", "train", "train", "train", "valid", "TEST"]
    table = "file,split,label\n" + "\n".join(f"{n}.jpg,{splits[n]},{'ab'[n % 2]}" for n in range(6))
    layout = arranged(table)
    assert layout.given_split
    assert [place.split for place in layout.places] == [*["train"] * 4, "validation", "test"]


def test_what_does_not_fit_is_listed():
    table = rows(lambda n: n) + "\n99,ant\n0,bee\n"
    layout = arranged(table + "\n4\n", pictures=[*PICTURES, "images/7.jpg", "notes.txt"])
    assert {one.path: one.reason for one in layout.skipped} == {
        "99": "named in labels.csv and not there",
        "images/0.jpg": "in several classes of labels.csv",
        "images/4.jpg": "without a class in labels.csv",
        "images/7.jpg": "not in labels.csv",
        "notes.txt": "not a picture",
    }
    assert "images/4.jpg" in classes(layout), "another line gives it one"


@pytest.mark.parametrize(
    "table",
    [
        "",
        "\n\n",
        "a,b,c\n1,2,3\n",
        rows(lambda n: f"x{n}"),
        rows(lambda n: n, labels=("ant", "ant")),
        "file,height,width\n" + "\n".join(f"{n}.jpg,1,2" for n in range(6)),
        b"\x00\xff\xfe\x00" * 99,
        '"' + "x" * 200_000,
    ],
)
def test_other_tables_are_refused_by_name(table):
    with pytest.raises(TableError, match=r"labels\.csv"):
        arranged(table)


def test_two_pictures_of_one_name_are_told_by_their_folders():
    pictures = [f"{side}/{n}.jpg" for side in ("left", "right") for n in range(3)]
    table = "\n".join(f"{name},{name[:1]}" for name in pictures)
    assert classes(arranged(table, pictures=pictures)) == {name: name[:1] for name in pictures}
    with pytest.raises(TableError, match=r"'0\.jpg' is none"):
        arranged("\n".join(f"{n}.jpg,{'ab'[n % 2]}" for n in range(3)), pictures=pictures)


def test_a_class_that_only_the_test_has_is_refused():
    table = "file,split,label\n" + "\n".join(
        f"{n}.jpg,{'train' if n < 4 else 'test'},{'ab'[n % 2] if n < 4 else 'c'}" for n in range(6)
    )
    with pytest.raises(UserError, match="test folder"):
        arranged(table)


def test_import_by_a_table(workspace, tree, picture):
    table = "\n".join(f"{n}.png,{'ab'[n % 2]}" for n in range(6)).encode()
    root = tree({**{f"{n}.png": picture(n) for n in range(6)}, "labels.csv": table})
    dataset = import_source(workspace, root)
    assert dataset.counts() == {"a": 3, "b": 3}
    by_table = import_source(workspace, root / "labels.csv", "other")
    assert by_table == dataset
    (root / "labels.csv").unlink()
    with pytest.raises(UserError, match=r"lie loose.*labels\.csv"):
        import_source(workspace, root)


def test_class_folders_stand_where_a_table_speaks_of_a_few(workspace, tree, picture):
    files = {f"{'ab'[n % 2]}/{n}.png": picture(n) for n in range(8)}
    root = tree({**files, "few.csv": b"1.png,x\n2.png,y\n"})
    assert import_source(workspace, root).classes == ("a", "b")


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="01.jpg,;\t\n\"'ab \x00\ufeff", max_size=80) | st.binary(max_size=80))
def test_any_table_is_arranged_or_passed_over(table):
    with suppress(UserError):
        assert len(arranged(table).classes) >= 2


TRUTH = {f"images/{n}.jpg": ("ant", "bee")[n % 2] for n in range(6)}


@pytest.mark.parametrize(
    "heading", ['"",id,label', "Unnamed: 0,filename,label", "index,path,label"]
)
@pytest.mark.parametrize("ending", ["", ".jpg"])
def test_an_index_column_never_names_the_pictures(heading, ending):
    order = [3, 5, 1, 0, 4, 2]
    lines = [f"{i},{n}{ending},{('ant', 'bee')[n % 2]}" for i, n in enumerate(order)]
    assert classes(arranged("\n".join([heading, *lines]))) == TRUTH


def test_columns_that_fit_equally_and_disagree_are_asked_about():
    table = "a,b,label\n" + "\n".join(f"{n},{5 - n},{'xy'[n % 2]}" for n in range(6))
    with pytest.raises(QuestionError, match="--picture-column 'a'"):
        arranged(table)
    entries = [entry("labels.csv", table.encode()), *map(entry, PICTURES)]
    told = arrange_by_table(entries, "it", Told(picture_column="b"))
    assert classes(told)["images/0.jpg"] == "y"


def test_a_list_beside_class_folders_does_not_take_over(workspace, tree, picture):
    files = {f"{'ab'[n % 2]}/{n}.png": picture(n) for n in range(8)}
    sizes = "file,width\n" + "\n".join(f"{n}.png,{640 + n % 3}" for n in range(8))
    assert import_source(workspace, tree({**files, "s.csv": sizes.encode()})).classes == ("a", "b")


def test_a_list_of_numbers_beside_class_folders_asks_nothing(workspace, tree, picture):
    files = {f"{'ab'[n % 2]}/{n}.png": picture(n) for n in range(8)}
    numbers = "x,y,label\n" + "\n".join(f"{n},{7 - n},{n % 3}" for n in range(8))
    assert import_source(workspace, tree({**files, "s.csv": numbers.encode()})).classes == (
        "a",
        "b",
    )


def many(tables: dict[str, str], pictures):
    entries = [entry(name, text.encode()) for name, text in tables.items()]
    return arrange_by_table([*entries, *map(entry, pictures)], "it")


def numbered(folder: str, start: int, count: int = 12) -> list[str]:
    return [f"{folder}/{start + n}.jpg" for n in range(count)]


def listing(pictures, labels="ab", heading="image,label") -> str:
    rows = [f"{name.rsplit('/')[-1]},{labels[n % 2]}" for n, name in enumerate(pictures)]
    return "\n".join([heading, *rows])


def test_a_table_for_each_split_gives_the_division():
    train, test = numbered("train", 0), numbered("test", 100)
    tables = {"train.csv": listing(train), "test.csv": listing(test)}
    layout = many(tables | {"sample_submission.csv": listing(test, "aa")}, [*train, *test])
    assert layout.given_split
    assert {place.name: place.split for place in layout.places} == {
        **dict.fromkeys(train, "train"),
        **dict.fromkeys(test, "test"),
    }
    assert layout.reading.endswith("of train.csv, test.csv; pictures by column 'image'; "
                                   "splits by the tables; tables not used: "
                                   "'sample_submission.csv'")  # fmt: skip


def test_a_table_in_each_folder_names_its_own_pictures():
    folders = {split: [f"{split}/{n}.jpg" for n in range(8)] for split in ("train", "valid")}
    tables = {f"{split}/_classes.csv": listing(names) for split, names in folders.items()}
    layout = many(tables, [name for names in folders.values() for name in names])
    assert [place.split for place in layout.places] == ["train"] * 8 + ["validation"] * 8


def test_a_sample_submission_teaches_nothing():
    train, test = numbered("train", 0), numbered("test", 100, 40)
    layout = many({"train.csv": listing(train), "sample_submission.csv": listing(test)},
                  [*train, *test])  # fmt: skip
    assert [place.name for place in layout.places] == train
    assert {one.reason for one in layout.skipped} == {"not in train.csv"}


def test_two_tables_that_disagree_are_asked_about():
    tables = {"fine.csv": listing(PICTURES, "ab"), "coarse.csv": listing(PICTURES, "ba")}
    with pytest.raises(QuestionError, match=r"--read-as 'coarse\.csv'"):
        many(tables, PICTURES)
    entries = [entry(name, text.encode()) for name, text in tables.items()]
    told = Told(read_as="coarse.csv")
    layout = arrange_by_table([*entries, *map(entry, PICTURES)], "it", told)
    assert classes(layout)["images/0.jpg"] == "b"


def test_folders_of_splits_divide_what_a_table_labels():
    pictures = [*numbered("Training", 0), *numbered("Testing", 100)]
    layout = many({"labels.csv": listing(pictures)}, pictures)
    assert [place.split for place in layout.places] == ["train"] * 12 + ["test"] * 12


def test_a_split_that_nobody_knows_leaves_its_pictures_out_by_name():
    words = ["train", "train", "train", "train", "test", "challenge"]
    table = "file,split,label\n" + "\n".join(f"{n}.jpg,{words[n]},{'ab'[n % 2]}" for n in range(6))
    layout = arranged(table)
    assert [one.reason for one in layout.skipped] == [
        "its split 'challenge' in labels.csv is not known"
    ]


def test_what_the_table_leaves_to_us_is_left_to_us():
    words = ["TRAIN", "TRAIN", "TEST", "TEST", "UNASSIGNED", ""]
    table = "\n".join(f"{words[n]},gs://b/{n}.jpg,{'ab'[n % 2]}" for n in range(6))
    splits = [place.split for place in arranged(table).places]
    assert splits == ["train", "train", "test", "test", None, None]


def test_a_few_pictures_of_a_long_table_are_enough():
    table = "id,label\n" + "\n".join(f"{n:06},{'ab'[n % 2]}" for n in range(5000))
    layout = arranged(table, pictures=[f"images/{n:06}.jpg" for n in range(2000, 2010)])
    assert len(layout.places) == 10
    assert sum("not there" in one.reason for one in layout.skipped) == 1000
    assert "4,990 of 5,000 rows name no picture that is here" in layout.reading


def test_rows_of_other_folders_name_nothing_here():
    pictures = [f"{side}/{n}.jpg" for side in ("left", "right") for n in range(8)]
    rows = [f"{name},{'ab'[n % 2]}" for n, name in enumerate(pictures)]
    here = [name for name in pictures if name != "left/3.jpg"]
    layout = arranged("path,label\n" + "\n".join(rows[:-5]), pictures=here)
    found = classes(layout)
    assert found == {n: "ab"[pictures.index(n) % 2] for n in pictures[:-5] if n in here}
    assert "right/3.jpg" not in found or found["right/3.jpg"] == "ab"[11 % 2]


def test_a_named_table_is_used_or_refused(workspace, tree, picture):
    files = {f"{'ab'[n % 2]}/{n}.png": picture(n) for n in range(8)}
    sizes = "file,width\n" + "\n".join(f"{n}.png,{640 + n % 2}" for n in range(8))
    labels = "file,ripeness\n" + "\n".join(f"{n}.png,{'xy'[n // 4]}" for n in range(8))
    root = tree({**files, "sizes.csv": sizes.encode(), "ripe.csv": labels.encode()})
    assert import_source(workspace, root).classes == ("a", "b")
    assert import_source(workspace, root / "ripe.csv").classes == ("x", "y")
    with pytest.raises(QuestionError, match=r"One column of sizes\.csv could say the classes"):
        import_source(workspace, root / "sizes.csv")
    urls = "\n".join(f"{n}.png,https://example.org/{n}" for n in range(8))
    (root / "urls.csv").write_text(f"file,link\n{urls}")
    with pytest.raises(UserError, match=r"urls\.csv .*'file', 'link'.*no column says which"):
        import_source(workspace, root / "urls.csv")
    told = import_source(workspace, root / "sizes.csv", told=Told(label_column="width"))
    assert told.classes == ("640", "641")


def test_loose_pictures_hear_why_their_table_is_not_used(workspace, tree, picture):
    files = {f"{n}.png": picture(n) for n in range(8)}
    table = "file,label\n" + "\n".join(f"x{n}.png,{'ab'[n % 2]}" for n in range(8))
    with pytest.raises(UserError, match=r"labels\.csv .*'x0\.png' is none of them"):
        import_source(workspace, tree({**files, "labels.csv": table.encode()}))


def test_an_import_keeps_how_it_was_read(workspace, tree, picture):
    files = {f"{'ab'[n % 2]}/{n}.png": picture(n) for n in range(8)}
    found = import_source(workspace, tree({**files, "s.csv": b"file,width\n1.png,2\n3.png,3\n"}))
    assert found.reading == "classes by the folders; not used: 's.csv'"
    assert load_dataset_folder(found.folder).reading == found.reading


def read(files: dict[str, str], pictures):
    """Return what an import would read, folders and tables together."""
    entries = [entry(name, text.encode()) for name, text in files.items()]
    layout, _ = read_layout([*entries, *map(entry, pictures)], "it", Told())
    return layout


def labels_of(layout) -> set[str]:
    return {place.class_name for place in layout.places}


@pytest.mark.parametrize("folders", [("images_001/images", "images_002/images"), ("site1", "site2"),
                                     ("train-jpg", "test-jpg")])  # fmt: skip
@pytest.mark.parametrize("heading", ["Image Index,Finding Labels", "image_name,ripeness"])
def test_folders_that_are_no_classes_never_beat_a_table(folders, heading):
    pictures = [f"{folder}/{10 * k + n}.png" for k, folder in enumerate(folders) for n in range(6)]
    assert labels_of(read({"d.csv": listing(pictures, "AB", heading)}, pictures)) == {"A", "B"}


def test_one_hot_beside_folders_that_are_no_classes():
    pictures = [f"part{k}/{10 * k + n}.jpg" for k in range(2) for n in range(6)]
    rows = [f"{name.rsplit('/')[-1]},{1 - n % 2}.0,{n % 2}.0" for n, name in enumerate(pictures)]
    table = "\n".join(["image,MEL,NV", *rows])
    assert labels_of(read({"gt.csv": table}, pictures)) == {"MEL", "NV"}
    real = [name.replace("part0", "cats").replace("part1", "dogs") for name in pictures]
    sizes = listing(real, ["640", "480"], "file,width")
    with pytest.raises(QuestionError, match="and the folders say different classes") as asked:
        read({"a_sizes.csv": sizes, "gt.csv": table}, real)
    assert [choice.value for choice in asked.value.choices] == ["folders", "gt.csv"]


def test_unlabelled_pictures_do_not_outvote_a_table():
    train, test = numbered("stage_2_train_images", 0), numbered("stage_2_test_images", 100, 20)
    layout = read({"labels.csv": listing(train, "01", "patientId,Target")}, [*train, *test])
    assert labels_of(layout) == {"0", "1"}
    assert len(layout.places) == len(train)


def test_a_table_in_the_folder_of_each_site():
    sites = {f"s{k}": [f"s{k}/{10 * k + n}.png" for n in range(6)] for k in range(3)}
    tables = {f"{site}/labels.csv": listing(names, "AB", "file,label")
              for site, names in sites.items()}  # fmt: skip
    pictures = [name for names in sites.values() for name in names]
    layout = read(tables, pictures)
    assert (len(layout.places), labels_of(layout)) == (18, {"A", "B"})
    parts = {"part1.csv": tables["s0/labels.csv"], "part2.csv": tables["s1/labels.csv"]}
    assert len(read(parts, pictures[:12]).places) == 12


def test_masks_are_not_what_a_table_names():
    pictures = [f"images/{n:03}.jpg" for n in range(8)]
    masks = [name.replace("images", "masks").replace("jpg", "png") for name in pictures]
    table = listing([name.replace(".jpg", "") for name in pictures], "ab", "image,label")
    layout = read({"labels.csv": table}, [*pictures, *masks])
    assert sorted(place.name for place in layout.places) == pictures


def test_lists_of_parts_divide_a_full_list():
    pictures = numbered("images", 0, 12)
    tables = {"labels.csv": listing(pictures), "train.csv": listing(pictures[:8]),
              "val.csv": listing(pictures[8:])}  # fmt: skip
    layout = read(tables, pictures)
    assert [place.split for place in layout.places] == ["train"] * 8 + ["validation"] * 4
    tables["val.csv"] = "image\n" + "\n".join(name.rsplit("/")[-1] for name in pictures[8:])
    assert "'val.csv'" in read(tables, pictures).reading


@pytest.mark.parametrize("form", ["{}_labels", "labels_{}", "{}_df", "ISIC_{}_GroundTruth"])
def test_names_of_tables_say_their_split(form):
    train, test = numbered("pics", 0), numbered("pics", 100, 20)
    tables = {f"{form.format('train')}.csv": listing(train),
              f"{form.format('test')}.csv": listing(test)}  # fmt: skip
    splits = {place.name: place.split for place in read(tables, [*train, *test]).places}
    assert splits == {**dict.fromkeys(train, "train"), **dict.fromkeys(test, "test")}


def test_dummy_answers_of_a_longer_list_are_not_learned():
    train, test = numbered("train", 0, 6), numbered("test", 100, 9)
    layout = read({"train.csv": listing(train), "example.csv": listing(test)}, [*train, *test])
    assert [place.name for place in layout.places] == train
    assert "tables not used: 'example.csv'" in layout.reading


def test_a_correction_that_contradicts_is_asked_about():
    tables = {"old.csv": listing(PICTURES * 2), "corrected.csv": listing(PICTURES[:4], "ba")}
    with pytest.raises(QuestionError, match="say different classes of the same pictures"):
        read(tables, PICTURES)


def test_equal_names_in_train_and_test_are_the_table_s_own():
    pictures = [f"{split}/{n}.png" for split in ("train", "test") for n in range(1, 9)]
    layout = read({"trainLabels.csv": listing([f"{n}" for n in range(1, 9)])}, pictures)
    assert {place.name for place in layout.places} == set(pictures[:8])


def test_classes_that_differ_in_form_between_tables_are_one():
    train, test = numbered("train", 0), numbered("test", 100)
    tables = {"train.csv": listing(train, "01"), "test.csv": listing(test).replace(",a", ",0.0")
              .replace(",b", ",1.0")}  # fmt: skip
    assert labels_of(read(tables, [*train, *test])) == {"0", "1"}
    assert len(read(tables, [*train, *test]).places) == 24


def test_numbers_are_called_as_the_folders_that_say_the_same():
    pictures = [f"{'cats' if n % 2 else 'dogs'}/{n}.jpg" for n in range(8)]
    layout = read({"t.csv": listing(pictures, "10", "path,class_id")}, pictures)
    assert layout.classes == ("cats", "dogs")
    assert all(place.name.startswith(place.class_name) for place in layout.places)
    assert "called as the folders are" in layout.reading


def test_one_picture_outside_drops_no_division():
    pictures = [*numbered("train", 0), *numbered("test", 100), "cover.jpg"]
    layout = read({"labels.csv": listing(pictures)}, pictures)
    assert [place.split for place in layout.places] == ["train"] * 12 + ["test"] * 12 + [None]


def test_a_stem_with_a_dot_is_its_own_picture():
    pictures = [*(f"im/leaf{n}.jpg" for n in range(4)), *(f"im/leaf{n}.back.jpg" for n in range(4))]
    rows = [f"leaf{n}.back,{'ab'[n % 2]}" for n in range(4)]
    layout = read({"labels.csv": "\n".join(["image,label", *rows])}, pictures)
    assert [place.name for place in layout.places] == pictures[4:]


@pytest.mark.parametrize("nothing", ["NA", "null", "N/A", "-", "?", "#REF!", "\\N", "nan"])
def test_words_for_nothing_are_no_class(nothing):
    rows = [f"{n}.jpg,{['a', 'b', nothing][n % 3]}" for n in range(6)]
    layout = read({"labels.csv": "\n".join(["image,label", *rows])}, PICTURES)
    assert layout.classes == ("a", "b")
    assert sum("without a class" in one.reason for one in layout.skipped) == 2


@pytest.mark.parametrize("above", ["Labels of 2024\n", "# made by hand\n\n", "My table,,\n"])
def test_a_title_above_the_heading(above):
    table = above + "image,label,note\n" + "\n".join(f"{n}.jpg,{'ab'[n % 2]},x" for n in range(6))
    assert read({"labels.csv": table}, PICTURES).classes == ("a", "b")


@pytest.mark.parametrize("heading", [",id,label", "Unnamed: 0,name,label", "nr,photo_id,label"])
@pytest.mark.parametrize("seed", range(4))
def test_a_few_pictures_of_a_long_shuffled_table_are_found(heading, seed):
    """An index that meets one of them by chance never stands in for the column that names them."""
    numbers = list(range(40_000))
    random.Random(seed).shuffle(numbers)
    ending = ".png" if "name" in heading else ""
    rows = [f"{row},{n}{ending},{'abc'[n % 3]}" for row, n in enumerate(numbers)]
    pictures = [f"images/{n}.png" for n in range(30)]
    layout = read({"labels.csv": "\n".join([heading, *rows])}, pictures)
    assert {p.name: p.class_name for p in layout.places} == {
        name: "abc"[n % 3] for n, name in enumerate(pictures)
    }


def test_pictures_in_one_folder_hear_why_their_table_is_not_used():
    with pytest.raises(TableError, match="'x0' is none of them"):
        read({"labels.csv": "file,label\n" + "\n".join(f"x{n},{'ab'[n % 2]}" for n in range(6))},
             PICTURES)  # fmt: skip
