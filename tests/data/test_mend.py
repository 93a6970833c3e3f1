"""Carrying out mends: a new dataset beside the old one, with every split kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.edit import merged, without
from tl_core.data.finding import Mend
from tl_core.data.intake import import_source
from tl_core.data.mend import mend
from tl_core.errors import UserError
from tl_core.workspace import Workspace


@pytest.fixture
def dataset(workspace: Workspace, photo_folder: Callable[..., Path]) -> Dataset:
    return import_source(workspace, photo_folder({"red": 10, "blue": 10, "green": 10}), "colours")


def test_what_stays_keeps_its_split(workspace: Workspace, dataset: Dataset) -> None:
    gone = dataset.of("train")[:3]
    made = mend(workspace, dataset, [Mend("remove", "", tuple(gone[:1])),
                                     Mend("remove", "", tuple(gone[1:]))])  # fmt: skip
    assert set(made.items) == set(dataset.items) - set(gone)
    assert made.id != dataset.id
    assert made.name == "colours (2)"
    assert all(
        made.path(item).read_bytes() == dataset.path(item).read_bytes() for item in made.items
    )
    assert not any(made.path(item).exists() for item in gone)
    assert {d.id for d in list_datasets(workspace)} == {made.id, dataset.id}


def test_the_old_one_can_go_without_the_new(workspace: Workspace, dataset: Dataset) -> None:
    made = mend(workspace, dataset, [Mend("remove", "", dataset.items[:1])])
    for item in dataset.items:
        dataset.path(item).unlink()
    assert all(made.path(item).stat().st_size for item in made.items)


def test_one_class_goes_into_another(workspace: Workspace, dataset: Dataset) -> None:
    made = mend(workspace, dataset, [Mend("merge", "", source="blue", target="red")])
    assert made.counts() == {"green": 10, "red": 20}
    before = {item.file: item.split for item in dataset.items}
    assert all(before[item.file] == item.split for item in made.items)


def test_merging_leaves_one_of_equal_pictures(
    workspace: Workspace, photo_folder: Callable[..., Path]
) -> None:
    folder = photo_folder({"red": 8, "Red": 8, "blue": 8})
    (folder / "Red" / "same.png").write_bytes((folder / "red" / "000.png").read_bytes())
    dataset = import_source(workspace, folder)
    made = merged(dataset, "Red", "red")
    assert made.counts() == {"blue": 8, "red": 16}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_class_must_keep_pictures(dataset: Dataset, split: str) -> None:
    gone = {item for item in dataset.items if item.split == split and item.label == 0}
    with pytest.raises(UserError, match=r"left to learn from or to check with in blue"):
        without(dataset, gone)


def test_two_classes_must_stay(dataset: Dataset) -> None:
    two = merged(dataset, "blue", "red")
    with pytest.raises(UserError, match="Only one class would be left"):
        merged(two, "green", "red")


def test_a_class_that_is_gone_is_told(dataset: Dataset) -> None:
    with pytest.raises(UserError, match="is not there any more"):
        merged(dataset, "pink", "red")
