"""Where classes lie: at the top, below splits under any name, or below what is asked about."""

from __future__ import annotations

from collections import Counter

import pytest

from tl_core.data.layout import Layout, arrange
from tl_core.data.question import QuestionError
from tl_core.data.split_words import split_of
from tl_core.errors import UserError

CLASSES = ("ants", "bees")


def below(*tops: str, inner=CLASSES, count: int = 3) -> list[str]:
    return [f"{top}/{name}/{n}.jpg" for top in tops for name in inner for n in range(count)]


def splits(layout: Layout) -> dict[str, str | None]:
    return {place.name.split("/")[0]: place.split for place in layout.places}


@pytest.mark.parametrize(
    ("train", "other", "split"),
    [
        ("Training", "Testing", "test"),
        ("training_set", "test_set", "test"),
        ("train_data", "validation_data", "validation"),
        ("X_train", "X_test", "test"),
        ("train", "dev", "validation"),
        ("train", "eval", "validation"),
        ("train", "holdout", "test"),
        ("Training", "Validierung", "validation"),
        ("Trainingsdaten", "Testdaten", "test"),
        ("train2017", "val2017", "validation"),
        ("rps", "rps-test-set", "test"),
        ("flowers-train", "flowers-test", "test"),
        ("data", "test", "test"),
    ],
)
def test_splits_under_any_name_are_splits(train, other, split):
    layout = arrange(below(train, other), "it")
    assert layout.classes == CLASSES
    assert layout.given_split
    assert splits(layout) == {train: "train", other: split}
    assert repr(other) in layout.reading


def test_splits_wrapped_in_their_own_name_and_predictions_beside():
    names = [*below("seg_train/seg_train", "seg_test/seg_test"), "seg_pred/seg_pred/1.jpg"]
    layout = arrange(names, "it")
    assert layout.classes == CLASSES
    assert splits(layout) == {"seg_train": "train", "seg_test": "test"}
    assert [one.path for one in layout.skipped] == ["seg_pred/seg_pred/1.jpg"]


@pytest.mark.parametrize("folder", ["test/test1", "test/images", "val/images"])
def test_an_unlabelled_folder_is_left_out_with_a_reason(folder):
    layout = arrange([*below("train"), f"{folder}/1.jpg", f"{folder}/2.jpg"], "it")
    assert layout.classes == CLASSES
    assert {one.reason[-20:] for one in layout.skipped} == {"that says no classes"}
    assert len(layout.skipped) == 2


def test_splits_inside_the_classes():
    layout = arrange(below("cats", "dogs", inner=("train", "test")), "it")
    assert layout.classes == ("cats", "dogs")
    assert Counter(place.split for place in layout.places) == {"train": 6, "test": 6}


@pytest.mark.parametrize(
    "tops",
    [("fold0", "fold1", "fold2"), ("patient_0", "patient_1"), ("raw", "resized"), ("val", "test")],
)
def test_what_names_do_not_tell_is_asked(tops):
    names = below(*tops)
    with pytest.raises(QuestionError, match="--read-as 'classes-below'") as caught:
        arrange(names, "it")
    assert [one.value for one in caught.value.choices] == ["classes-below", "classes-above"]
    assert arrange(names, "it", "classes-below").classes == CLASSES
    assert set(arrange(names, "it", "classes-above").classes) == set(tops)


def test_patients_inside_splits_are_asked_about_and_the_splits_kept():
    names = below("train/p0", "train/p1", "test/p2", "test/p3")
    with pytest.raises(QuestionError):
        arrange(names, "it")
    layout = arrange(names, "it", "classes-below")
    assert (layout.classes, splits(layout)) == (CLASSES, {"train": "train", "test": "test"})


def test_groups_inside_classes_are_no_classes():
    names = below("healthy", "sick", inner=("patient_0", "patient_1"))
    assert arrange(names, "it").classes == ("healthy", "sick")
    with pytest.raises(QuestionError):
        arrange(below("raw", "resized", inner=("patient_0", "patient_1")), "it")


def test_several_divisions_are_refused():
    names = below(*(f"fold{n}/{split}" for n in range(3) for split in ("train", "test")))
    with pytest.raises(UserError, match="several divisions"):
        arrange(names, "it")


def test_classes_beside_documents():
    names = [f"main/{name}" for name in [*below("dataset"), "docs/1.png", "docs/2.png"]]
    layout = arrange(names, "it")
    assert layout.classes == CLASSES
    assert {one.path for one in layout.skipped} == {"main/docs/1.png", "main/docs/2.png"}
    odd = [*below("insects"), "other/1.jpg", "other/2.jpg"]
    with pytest.raises(QuestionError):
        arrange(odd, "it")
    assert arrange(odd, "it", "classes-below").classes == CLASSES
    assert arrange(odd, "it", "classes-above").classes == ("insects", "other")


def test_a_copy_of_the_class_folders_is_no_class():
    layout = arrange([*below("."), *below("flowers"), "wasps/1.jpg"], "it")
    assert layout.classes == ("ants", "bees", "wasps")
    assert len(layout.skipped) == 6


@pytest.mark.parametrize(
    "names",
    [
        below(*CLASSES, inner=("images", "masks")),
        below("train/ants", "train/bees", "test/ants", "test/bees", inner=("images", "masks")),
        below("images", "masks"),
        [f"{c}/{c} ({n}){end}.png" for c in CLASSES for n in range(3) for end in ("", "_mask")],
    ],
)
def test_masks_are_never_learned(names):
    layout = arrange(names, "it")
    assert layout.classes == CLASSES
    assert {one.path for one in layout.skipped} == {name for name in names if "mask" in name}


def test_a_class_may_be_called_masks():
    assert arrange(["masks/1.jpg", "faces/1.jpg", "faces/a_mask.jpg"], "it").skipped == ()


def test_capitals_do_not_make_another_class():
    layout = arrange(["train/cats/1.jpg", "train/dogs/1.jpg", "val/Cats/2.jpg"], "it")
    assert {place.class_name for place in layout.places} == {"cats", "dogs"}


@pytest.mark.parametrize(
    "name", ["ants", "trains", "contest", "values", "fold1", "0", "", "détail"]
)
def test_other_words_are_no_splits(name):
    assert split_of(name) is None


def filled(*folders: str) -> list[str]:
    return [f"{folder}/{n}.jpg" for folder in folders for n in range(3)]


def outcome(names: list[str]) -> dict[str, set[str | None]]:
    """Return the splits of each class."""
    found: dict[str, set[str | None]] = {}
    for place in arrange(names, "it").places:
        found.setdefault(place.class_name, set()).add(place.split)
    return found


WHOLE, SHARED = {None}, {"train", "test"}


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["asl_train/asl_train/A", "asl_train/asl_train/B", "asl_test/asl_test"],
         {"A": {"train"}, "B": {"train"}}),
        (["Set (Aug)/Set (Aug)/train/a", "Set (Aug)/Set (Aug)/train/b",
          "Set (Aug)/Set (Aug)/test/a", "Set (Aug)/Set (Aug)/test/b", "test/test"],
         {"a": SHARED, "b": SHARED}),
        (["cast/cast/train/a", "cast/cast/train/b", "cast/cast/test/a", "cast_512/cast_512/a",
          "cast_512/cast_512/b"], {"a": SHARED, "b": {"train"}}),
        (["faces/homer", "faces/bart", "faces/lisa", "faces/faces/homer", "faces/faces/bart",
          "faces/faces/lisa", "faces_testset/faces_testset"],
         {"homer": WHOLE, "bart": WHOLE, "lisa": WHOLE}),
        (["images/Images/pug", "images/Images/lab", "annotations/Annotation/pug",
          "annotations/Annotation/lab"], {"pug": WHOLE, "lab": WHOLE}),
        (["birds_train/birds_train/a", "birds_train/birds_train/b", "birds_test/birds_test/a",
          "birds_test/birds_test/b"], {"a": SHARED, "b": SHARED}),
        (["COVID/images", "COVID/masks", "Normal/images", "Viral/images"],
         {"COVID": WHOLE, "Normal": WHOLE, "Viral": WHOLE}),
        (["cats", "dogs", "test"], {"cats": WHOLE, "dogs": WHOLE}),
        (["cats", "dogs", "unlabeled"], {"cats": WHOLE, "dogs": WHOLE}),
        (["Benign cases", "Malignant cases", "Test cases"],
         {"Benign cases": WHOLE, "Malignant cases": WHOLE}),
        (["cats", "dogs", "test/cats", "test/dogs"], {"cats": SHARED, "dogs": SHARED}),
        (["train", "bus", "plane"], {"train": WHOLE, "bus": WHOLE, "plane": WHOLE}),
    ],
)  # fmt: skip
def test_downloads_as_they_are(folders, expected):
    assert outcome(filled(*folders)) == expected


@pytest.mark.parametrize(
    "folders",
    [["images", "masks"], ["Images", "Ground Truth"], ["JPEGImages", "SegmentationClass"],
     ["train", "train_masks"], ["train/images", "train/labels", "valid/images", "valid/labels"]],
)  # fmt: skip
def test_pictures_beside_masks_say_no_classes(folders):
    with pytest.raises(UserError, match="beside masks, and nothing says which class"):
        arrange(filled(*folders), "it")


@pytest.mark.parametrize(
    "folders", [["fold1", "fold2"], ["patient_1", "patient_2"], ["images_001", "images_002"]]
)
def test_parts_of_a_set_are_asked_about(folders):
    names = filled(*folders)
    with pytest.raises(QuestionError, match="called as parts of a set are") as asked:
        arrange(names, "it")
    [choice] = asked.value.choices
    assert arrange(names, "it", choice.value).classes == tuple(folders)
    wrapped = filled("setA/images/a", "setA/images/b", "setB/images/a", "setB/images/b")
    with pytest.raises(QuestionError, match="two ways"):
        arrange(wrapped, "it")
    assert arrange(wrapped, "it", "classes-below").classes == ("a", "b")


@pytest.mark.parametrize("marks", ["{}_seg", "{}_superpixels", "{}.mask", "{}_roi"])
def test_masks_beside_their_pictures(marks):
    pictures = [f"{label}/x ({n})" for label in ("a", "b") for n in range(3)]
    layout = arrange([f"{p}.png" for p in pictures] + [f"{marks.format(p)}.png" for p in pictures],
                     "it")  # fmt: skip
    assert sorted(place.name for place in layout.places) == sorted(f"{p}.png" for p in pictures)


def test_several_divisions_inside_wrappers_are_refused():
    folders = [f"set_{n}/set/{split}/{label}" for n in ("100", "original")
               for split in ("Training", "Test") for label in ("cats", "dogs")]  # fmt: skip
    with pytest.raises(UserError, match="holds several divisions of pictures"):
        arrange(filled(*folders), "it")
