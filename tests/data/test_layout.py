"""Classes and splits from names."""

from __future__ import annotations

import string
from contextlib import suppress

import pytest

from tl_core.data.layout import arrange, clean_name
from tl_core.errors import UserError

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

TWO_CLASSES = ["cats/1.jpg", "cats/2.jpg", "dogs/1.jpg"]
SPLIT = ["train/cats/1.jpg", "train/dogs/2.jpg", "val/cats/3.jpg", "test/dogs/4.jpg"]


def placed(names):
    layout = arrange(names, "it")
    return {names[place.index]: (place.class_name, place.split) for place in layout.places}


def reasons(names):
    return {skipped.path: skipped.reason for skipped in arrange(names, "it").skipped}


@pytest.mark.parametrize("wrapping", ["", "photos/", "a/b/c/", "./", "val/", "Test/", "photos\\"])
def test_class_folders_below_any_wrapping(wrapping):
    names = [wrapping + name for name in TWO_CLASSES]
    assert [label for label, _ in placed(names).values()] == ["cats", "cats", "dogs"]
    assert not arrange(names, "it").given_split


@pytest.mark.parametrize("wrapping", ["", "photos/", "a/b/"])
@pytest.mark.parametrize("val", ["val", "valid", "validation", "VALIDATION"])
@pytest.mark.parametrize("train", ["train", "Train"])
def test_split_folders(wrapping, val, train):
    names = [
        wrapping + name.replace("val/", val + "/").replace("train/", train + "/") for name in SPLIT
    ]
    assert list(placed(names).values()) == [
        ("cats", "train"),
        ("dogs", "train"),
        ("cats", "validation"),
        ("dogs", "test"),
    ]
    assert arrange(names, "it").given_split


def test_a_class_may_be_called_train():
    names = ["train/1.jpg", "plane/1.jpg", "bus/1.jpg"]
    assert arrange(names, "it").classes == ("bus", "plane", "train")


def test_only_a_train_folder_is_a_given_split():
    assert arrange(["train/cats/1.jpg", "train/dogs/1.jpg"], "it").given_split


def test_deeper_files_belong_to_the_first_folder():
    names = [*TWO_CLASSES, "dogs/puppies/small/1.jpg"]
    assert placed(names)[names[-1]] == ("dogs", None)


def test_classes_stand_in_natural_order():
    names = [f"{name}/x.jpg" for name in ("10", "2", "1", "b", "A", "C")]
    assert arrange(names, "it").classes == ("1", "2", "10", "A", "b", "C")
    assert arrange(names[::-1], "it").classes == arrange(names, "it").classes


def test_class_names_are_cleaned_and_then_the_same():
    names = ["Caf\u00e9/1.jpg", " Cafe\u0301\t/2.jpg", "tea\u202e\x07/1.jpg"]
    assert arrange(names, "it").classes == ("Café", "tea")


@pytest.mark.parametrize(
    "folder",
    ["$RECYCLE.BIN", "$Recycle.Bin", "#recycle", "@Recycle", "System Volume Information",
     "lost+found", "@eaDir", ".Trashes", ".Trash-1000", "found.000", "FOUND.012", "LOST.DIR",
     "#snapshot", "~snapshot", "@Recently-Snapshot", "Network Trash Folder", "$WINDOWS.~BT",
     "RECYCLER/S-1-5-21-1", ".Spotlight-V100", "Temporary Items"],
)  # fmt: skip
def test_what_systems_leave_is_no_class(folder):
    names = [*TWO_CLASSES, f"{folder}/S-1-5-21-12/$R1.jpg", f"{folder}/2.jpg", f"{folder}/"]
    layout = arrange(names, "it")
    assert (layout.classes, layout.skipped) == (("cats", "dogs"), ())


@pytest.mark.parametrize("name", ["recycle", "Recycled", "$5", "found", "lost", "snapshot", "#1"])
def test_classes_may_be_called_nearly_like_it(name):
    assert name in arrange([*TWO_CLASSES, f"{name}/1.jpg"], "it").classes


def test_clutter_is_not_worth_a_word():
    clutter = ["cats/.DS_Store", "__MACOSX/cats/._1.jpg", "cats/Thumbs.db", ".git/x.jpg",
               "dogs/desktop.ini"]  # fmt: skip
    layout = arrange([*TWO_CLASSES, *clutter], "it")
    assert (len(layout.places), layout.skipped) == (3, ())


def test_what_is_no_picture_is_listed():
    others = [
        "readme.txt",
        "cats/labels.csv",
        "cats/film.MP4",
        "notes/a.md",
        "x.pth",
        "cats/labels.yaml",
    ]
    assert reasons([*TWO_CLASSES, *others]) == dict.fromkeys(others, "not a picture")
    assert arrange([*TWO_CLASSES, *others], "it").classes == ("cats", "dogs")


def test_unknown_endings_are_left_to_the_opener():
    names = [*TWO_CLASSES, "cats/no ending", "cats/photo.HEIC", "dogs/x.jfif", "dogs/x.unknown"]
    assert len(arrange(names, "it").places) == 7


@pytest.mark.parametrize(
    "name",
    [
        "../../../tmp/evil.jpg",
        "cats/../../evil.jpg",
        "..\\..\\Temp\\evil.jpg",
        "/etc/evil.jpg",
        "\\\\server\\evil.jpg",
        "C:\\Windows\\evil.jpg",
        "c:/evil.jpg",
        "cats/evil\x00.jpg",
    ],
)
def test_names_that_climb_out_are_listed(name):
    assert reasons([*TWO_CLASSES, name]) == {name: "its name points outside the folder"}


def test_loose_pictures_beside_class_folders_are_listed():
    assert reasons([*TWO_CLASSES, "cover.jpg"]) == {"cover.jpg": "not in a class folder"}
    assert reasons(["it/cover.jpg", *("it/" + name for name in TWO_CLASSES)]) == {
        "it/cover.jpg": "not in a class folder"
    }
    assert reasons([*SPLIT, "train/loose.jpg", "extra/cats/1.jpg", "loose.jpg"]) == {
        "train/loose.jpg": "not in a class folder",
        "extra/cats/1.jpg": "not in the train, validation or test folder",
        "loose.jpg": "not in the train, validation or test folder",
    }


def test_an_empty_folder_beside_classes_is_a_class_without_pictures():
    assert arrange([*TWO_CLASSES, "birds/"], "it").classes == ("birds", "cats", "dogs")
    assert arrange([*SPLIT, "train/birds/", "val/fish/", "new/"], "it").classes == (
        "birds",
        "cats",
        "dogs",
    )
    with_folders = ["photos/", "photos/cats/", *("photos/" + name for name in TWO_CLASSES)]
    assert arrange(with_folders, "it").classes == ("cats", "dogs")
    assert arrange([*TWO_CLASSES, "labels/", "labels/1.txt"], "it").classes == ("cats", "dogs")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "no pictures in it"),
        (["a.txt", ".hidden.jpg", "cats/"], "no pictures in it"),
        (["1.jpg", "2.jpg"], "lie loose"),
        (["cats/1.jpg", "cats/2.jpg"], "only one class, 'cats',"),
        (["train/cats/1.jpg", "val/cats/2.jpg"], "only one class, 'cats',"),
        (["train/1.jpg", "test/2.jpg"], "no class folders"),
        ([*SPLIT, "val/birds/1.jpg", "val/fish/1.jpg"], r"validation folder.*'birds', 'fish'"),
        ([*SPLIT, "test/birds/1.jpg"], r"test folder.*\('birds'\)"),
        ([*TWO_CLASSES, " \t/1.jpg"], "has no name"),
    ],
)
def test_refusals(names, sentence):
    with pytest.raises(UserError, match=sentence):
        arrange(names, "it")


awkward_names = st.text(
    alphabet=st.sampled_from([*string.ascii_lowercase[:4], *"/\\.: \x00\u202e\ud800é"]),
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(awkward_names, st.text(max_size=12)), max_size=12))
def test_any_names_are_arranged_or_refused_with_a_sentence(names):
    with suppress(UserError):
        layout = arrange(names, "it")
        assert len(layout.classes) >= 2
        assert {place.class_name for place in layout.places} <= set(layout.classes)
        assert all(name and name == clean_name(name) for name in layout.classes)
        for place in layout.places:
            assert place.name.encode()
            assert ".." not in place.name.replace("\\", "/").split("/")


@given(st.text())
def test_clean_names_stay_clean(text):
    once = clean_name(text)
    assert clean_name(once) == once
    assert "\n" not in once
    assert once == once.strip()
