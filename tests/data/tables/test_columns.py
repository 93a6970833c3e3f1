"""Which column is the picture, which the class, which the split."""

from __future__ import annotations

import pytest

from tl_core.data.question import QuestionError, Told
from tl_core.data.tables.columns import find_columns
from tl_core.data.tables.matching import PictureIndex
from tl_core.data.tables.rows import TableError
from tl_core.errors import UserError

PICTURES = {n: f"images/{n}.jpg" for n in range(24)}
LABELS = ["cat", "dog", "frog"]
USAGE = ["Training", "PublicTest", "PrivateTest"]


def columns(heading: str, row, told=None):
    body = [[str(cell) for cell in row(n)] for n in PICTURES]
    rows = [heading.split(","), *body] if heading else body
    return find_columns(rows, PictureIndex(PICTURES, "t.csv"), told or Told())


def names(found) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    labels = tuple(column.name for column in found.labels.columns)
    return found.picture.name, labels, tuple(column.name for column in found.splits.columns)


def label(n: int) -> str:
    return LABELS[n % 3]


@pytest.mark.parametrize(
    ("heading", "row", "expected"),
    [
        ("dx,age,image_id", lambda n: (label(n), 20 + n % 5, n), ("image_id", ("dx",), ())),
        ("label,id", lambda n: (n % 3, n), ("id", ("label",), ())),
        ("id,label", lambda n: (n, n % 3), ("id", ("label",), ())),
        ("Image Name,Class Name", lambda n: (f"{n}.jpg", label(n)),
         ("Image Name", ("Class Name",), ())),
        ("img,has_cactus", lambda n: (n, float(n % 2)), ("img", ("has_cactus",), ())),
        ("img,ripeness,width,height,score", lambda n: (n, label(n), 640 + n % 2, 480, n / 7),
         ("img", ("ripeness",), ())),
        ("class_id,class_name,img", lambda n: (n % 3, label(n), n), ("img", ("class_name",), ())),
        ("img,cat,dog,frog", lambda n: (n, *(float(label(n) == x) for x in LABELS)),
         ("img", ("cat", "dog", "frog"), ())),
        ("img,0,1,2", lambda n: (n, *(int(n % 3 == x) for x in range(3))),
         ("img", ("0", "1", "2"), ())),
        ("Width,Height,Roi.X1,ClassId,Path", lambda n: (64, 64, 5, n % 3, f"images/{n}.jpg"),
         ("Path", ("ClassId",), ())),
        ("img,label,Usage", lambda n: (n, label(n), USAGE[n // 3 % 3]),
         ("img", ("label",), ("Usage",))),
        ("img,label,is_valid", lambda n: (n, label(n), n // 3 % 2 == 1),
         ("img", ("label",), ("is_valid",))),
        ("img,label,is_valid,is_test", lambda n: (n, label(n), n // 3 % 4 == 1, n // 3 % 4 == 2),
         ("img", ("label",), ("is_valid", "is_test"))),
        ("img,label,tag", lambda n: (n, label(n), ["train", "test"][n // 3 % 2]),
         ("img", ("label",), ("tag",))),
        ("img,label,test_result", lambda n: (n, label(n), n // 3 % 2), ("img", ("label",), ())),
        ("", lambda n: (["TRAIN", "VALIDATION", "TEST"][n // 3 % 3], f"gs://b/{n}.jpg", label(n)),
         ("2", ("3",), ("1",))),
        ("", lambda n: (n, 7, label(n)), ("1", ("3",), ())),
        ("", lambda n: (f"{n}.jpg", n % 3), ("1", ("2",), ())),
        ("", lambda n: (n, f"{23 - n}.jpg", label(n)), ("2", ("3",), ())),
    ],
)  # fmt: skip
def test_what_each_column_means(heading, row, expected):
    found = columns(heading, row)
    assert names(found) == expected
    assert found.has_heading == bool(heading)


@pytest.mark.parametrize(
    ("heading", "row", "choices"),
    [
        ("img,label,category", lambda n: (n, label(n), "AB"[n % 2]), ["label", "category"]),
        ("img,ripeness,style", lambda n: (n, label(n), "AB"[n % 2]), ["ripeness", "style"]),
        ("img,cat,dog,frog", lambda n: (n, n % 2, n % 3 % 2, 1), ["cat", "dog"]),
        ("file,width", lambda n: (f"{n}.jpg", 640 + n % 3), ["width"]),
        ("img,style,cat,dog", lambda n: (n, label(n), n % 2, 1 - n % 2), ["style", "cat,dog"]),
    ],
)
def test_columns_of_classes_that_disagree_are_asked(heading, row, choices):
    with pytest.raises(QuestionError, match="--label-column") as asked:
        columns(heading, row)
    assert [choice.value for choice in asked.value.choices] == [*choices, "folders"]
    told = columns(heading, row, Told(label_column=choices[-1]))
    assert ",".join(column.name for column in told.labels.columns) == choices[-1]


@pytest.mark.parametrize(
    ("heading", "row", "said"),
    [
        ("file,score", lambda n: (f"{n}.jpg", n % 4 + 0.25), "no column says which class"),
        ("file,url", lambda n: (f"{n}.jpg", f"https://example.org/{n}"), "no column says"),
        ("file,label", lambda n: (f"x{n}.jpg", label(n)), r"'x0\.jpg' is none of them"),
        ('"",filename,label', lambda n: (n, f"x{n}.jpg", label(n)), "no column names pictures"),
    ],
)
def test_a_table_that_says_no_classes_is_refused_with_its_columns(heading, row, said):
    with pytest.raises(TableError, match=said) as refused:
        columns(heading, row)
    assert heading.split(",")[1] in str(refused.value)


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"no column 'kind' in t\.csv; name one of 'img', 'label'"):
        columns("img,label", lambda n: (n, label(n)), Told(label_column="kind"))


def test_folds_and_strange_splits_are_said():
    fold = columns("img,label,fold", lambda n: (n, label(n), n % 5))
    assert fold.said("t.csv").endswith("; not used: 'fold'")
    strange = columns("img,label,split", lambda n: (n, label(n), "AB"[n // 3 % 2]))
    assert strange.said("t.csv").endswith("; not used: 'split'")
    foreign = columns("img,label,split", lambda n: (n, label(n), ["lära", "test"][n // 3 % 2]))
    assert "where 'lära' is taken for training" in foreign.said("t.csv")
    assert [foreign.splits.of(["1", "cat", word])[0] for word in ("lära", "test")] == [
        "train", "test",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "heading", ["img,label,train,val,test", "img,label,is_train,is_val,is_test"]
)
def test_a_flag_for_each_split(heading):
    found = columns(heading, lambda n: (n, label(n), *(int(n // 3 % 3 == k) for k in range(3))))
    flags = [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]]
    said = [found.splits.of(["1", "cat", *row])[0] for row in flags]
    assert said == ["train", "validation", "test"]
    assert found.splits.of(["1", "cat", "0", "0", "0"]) == (None, "no flag")


@pytest.mark.parametrize("yes", ["x", "1", "True", "WAHR", "ja"])
def test_a_flag_that_is_set_only_where_it_is_true(yes):
    found = columns("img,label,test", lambda n: (n, label(n), yes if n // 3 % 4 == 3 else ""))
    assert [found.splits.of(["1", "cat", cell])[0] for cell in (yes, "")] == ["test", "train"]


def test_a_class_may_be_called_train():
    found = columns("img,plane,train,bus", lambda n: (n, *(int(n % 3 == k) for k in range(3))))
    assert names(found) == ("img", ("plane", "train", "bus"), ())


@pytest.mark.parametrize(
    ("heading", "row", "label_column"),
    [
        ("image,label,finding", lambda n: (n, f"masks/{n}.png", label(n)), "finding"),
        ("image,target,kind", lambda n: (n, n / 7, label(n)), "kind"),
        ("image,kind,fold", lambda n: (n, label(n), n % 5), "kind"),
        ("image/path,class/label", lambda n: (f"images/{n}.jpg", label(n)), "class/label"),
        ("image,species", lambda n: (n, ["E.coli", "P.vivax"][n % 2]), "species"),
    ],
)
def test_cells_that_are_no_classes_are_none(heading, row, label_column):
    assert names(columns(heading, row))[1] == (label_column,)


def test_a_rhythm_of_rows_hides_no_split():
    pictures = {n: f"images/{n}.jpg" for n in range(10_000)}
    rows = [["img", "label", "split"], *(
        [str(n), label(n), "test" if n % 5 == 0 else "train"] for n in pictures)]  # fmt: skip
    found = find_columns(rows, PictureIndex(pictures), Told())
    assert [column.name for column in found.splits.columns] == ["split"]


def test_what_no_number_is_ends_nothing():
    for cell in ("9" * 5000, "0" * 200_000 + "x"):
        rows = [[f"{n}.jpg", cell, label(n)] for n in PICTURES]
        assert find_columns(rows, PictureIndex(PICTURES), Told()).picture.name == "1"


def test_flags_together_say_one_split():
    found = columns(
        "img,label,is_valid,is_test", lambda n: (n, label(n), n // 3 % 4 == 1, n // 3 % 4 == 2)
    )
    said = [found.splits.of([str(n), "cat", str(n == 1), str(n == 2)])[0] for n in range(3)]
    assert said == ["train", "validation", "test"]
