"""A cell of a table names one picture, or none."""

from __future__ import annotations

import pytest

from tl_core.data.tables.matching import PictureIndex

PICTURES = dict(enumerate([
    "train/images/1.jpg", "val/images/1.jpg", "train/images/00002.PNG", "val/images/x y.jpg",
    "a/IMG_3.jpg", "a/IMG_3.png", "a/Größe 4.JPG",
]))  # fmt: skip


@pytest.fixture
def index() -> PictureIndex:
    return PictureIndex(PICTURES, "labels.csv")


@pytest.mark.parametrize(
    ("cell", "picture"),
    [
        ("train/images/1.jpg", 0),
        ("val/images/1.jpg", 1),
        ("D:\\set\\val\\images\\1.jpg", 1),
        ("val/images/1", 1),
        ("val/images/1.png", 1),
        ("1.jpg", None),
        ("00002.png", 2),
        ("2", 2),
        ("2.0", 2),
        ("gs://bucket/2.jpg", 2),
        ("x%20y.jpg", 3),
        ("/data/upload/7/0a1b2c3d-x y.jpg", 3),
        ("/data/local-files/?d=val/images/x y.jpg", 3),
        ("IMG_3.jpg", 4),
        ("img_3.PNG", 5),
        ("IMG_3", None),
        ("gro\u0308ße 4.jpg".title(), 6),
        ("test/images/1.jpg", None),
        ("", None),
        ("./", None),
        ("label", None),
    ],
)
def test_the_longest_common_end_decides(index, cell, picture):
    assert index.number(cell) == picture


def test_near_the_table_goes_first():
    assert PictureIndex(PICTURES).beside("train/labels.csv").number("1.jpg") == 0
    assert PictureIndex(PICTURES).beside("val/labels.csv").number("1.jpg") == 1
    assert PictureIndex(PICTURES).beside("val/labels.csv").number("train/images/1.jpg") == 0
    assert PictureIndex(PICTURES).beside("val/labels.csv").number("2") == 2


def test_other_folders_are_told(index):
    found = index.find("/home/me/IMG_3.jpg")
    assert (found.picture, found.shared, found.is_elsewhere) == (4, 1, True)
    assert not index.find("b/a/IMG_3.jpg").is_elsewhere


def test_two_entries_of_one_name_are_no_answer():
    assert PictureIndex({0: "a/1.jpg", 1: "a/1.jpg"}, "t.csv").number("a/1.jpg") is None


def test_of_two_the_shorter_path_is_one_end():
    index = PictureIndex({0: "1.jpg", 1: "sub/1.jpg"}, "t.csv")
    assert [index.number(cell) for cell in ("1.jpg", "sub/1.jpg")] == [0, 1]


def test_a_name_of_nothing_but_space_is_never_meant():
    index = PictureIndex({0: "\x85", 1: "' '", 2: "1.jpg"}, "t.csv")
    assert [index.number(cell) for cell in ("\x85", "' '", "1.jpg")] == [None, None, 2]
