"""A table of file and label stands for class folders."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.data.intake import import_source
from tl_core.data.question import QuestionError, Told
from tl_core.data.sources import Entry
from tl_core.data.table import arrange_by_table
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
def test_other_tables_say_nothing(table):
    assert arranged(table) is None


def test_two_pictures_of_one_name_are_told_by_their_folders():
    pictures = [f"{side}/{n}.jpg" for side in ("left", "right") for n in range(3)]
    table = "\n".join(f"{name},{name[:1]}" for name in pictures)
    assert classes(arranged(table, pictures=pictures)) == {name: name[:1] for name in pictures}
    assert (
        arranged("\n".join(f"{n}.jpg,{'ab'[n % 2]}" for n in range(3)), pictures=pictures) is None
    )


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
    with suppress(QuestionError):
        layout = arranged(table)
        assert layout is None or len(layout.classes) >= 2


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
