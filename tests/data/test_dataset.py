"""Datasets on disk: what is saved is loaded, what is damaged is passed over."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tl_core.data.dataset import (
    Dataset,
    Item,
    Skipped,
    find_dataset,
    fingerprint,
    list_datasets,
    load_dataset_folder,
    save,
)
from tl_core.errors import UserError

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
ITEMS = (
    Item(A, "cats/1.jpg", 0, "train"),
    Item(B, "../=cmd|'/c'!A1", 1, "train"),
    Item(C, "dogs/3\u202e.jpg", 1, "validation"),
)


@pytest.fixture
def dataset(workspace):
    made = Dataset(
        id="0123456789abcdef",
        name="Pets",
        classes=("cats", "dogs"),
        items=ITEMS,
        given_split=False,
        owner="local",
        folder=workspace.datasets / "0123456789abcdef",
        skipped=(Skipped("notes.txt", "not a picture"),),
        created=1000.0,
    )
    save(made)
    return made


def edit(dataset, **changes):
    file = dataset.folder / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_what_is_saved_is_loaded(dataset):
    assert load_dataset_folder(dataset.folder) == dataset


def test_counts(dataset):
    assert dataset.counts() == {"cats": 1, "dogs": 2}
    assert dataset.split_counts() == {"train": 2, "validation": 1, "test": 0}
    assert dataset.of("train") == list(ITEMS[:2])


def test_a_path_comes_from_the_hash_alone(dataset):
    assert dataset.path(ITEMS[1]) == dataset.folder / "files" / "bb" / B


def test_a_changed_file_is_read_again(dataset):
    edit(dataset, name="Renamed pets")
    assert load_dataset_folder(dataset.folder).name == "Renamed pets"


def test_a_newer_schema_is_refused_with_a_sentence(dataset):
    edit(dataset, schema=2)
    with pytest.raises(UserError, match="newer Headstart"):
        load_dataset_folder(dataset.folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"items": [["../../etc/passwd", "x", 0, "train"]]},
        {"items": [["../" + "a" * 61, "x", 0, "train"]]},
        {"items": [[A, "x", 2, "train"]]},
        {"items": [[A, "x", -1, "train"]]},
        {"items": [[A, "x", "0", "train"]]},
        {"items": [[A, "x", 0, "elsewhere"]]},
        {"items": [[A, "x", 0]]},
        {"items": None},
        {"classes": [1, 2]},
        {"name": None},
    ],
)
def test_a_damaged_description_is_refused_and_passed_over(dataset, workspace, changes):
    edit(dataset, **changes)
    with pytest.raises(UserError, match="damaged"):
        load_dataset_folder(dataset.folder)
    assert list_datasets(workspace) == []


def test_list_is_newest_first_and_passes_over_what_is_no_dataset(dataset, workspace):
    newer = replace(dataset, id="f" * 16, name="New", folder=workspace.datasets / "f", created=2e3)
    save(newer)
    (workspace.datasets / "empty").mkdir()
    (workspace.datasets / "stray.txt").write_text("")
    save(replace(dataset, folder=workspace.datasets / ".half.part"))
    (workspace.datasets / "broken").mkdir()
    (workspace.datasets / "broken" / "dataset.json").write_bytes(b"\xff[[[")
    assert [found.name for found in list_datasets(workspace)] == ["New", "Pets"]


def test_find_by_name_or_id(dataset, workspace):
    assert find_dataset(workspace, "Pets") == find_dataset(workspace, dataset.id) == dataset
    with pytest.raises(UserError, match="'Pet'; the nearest are Pets"):
        find_dataset(workspace, "Pet")


def test_find_in_an_empty_workspace(workspace):
    with pytest.raises(UserError, match="none was imported yet"):
        find_dataset(workspace, "Pets")


def test_fingerprint_is_of_the_content():
    def of(items=ITEMS, classes=("cats", "dogs"), given_split=False, owner="local"):
        return fingerprint(classes, items, given_split=given_split, owner=owner)

    assert of(items=[replace(item, name="other") for item in reversed(ITEMS)]) == of()
    others = {
        of(),
        of(classes=("cats", "wolves")),
        of(items=ITEMS[:2]),
        of(items=[*ITEMS[:2], replace(ITEMS[2], split="test")]),
        of(items=[*ITEMS[:2], replace(ITEMS[2], label=0)]),
        of(given_split=True),
        of(owner="somebody"),
    }
    assert len(others) == 7
    assert all(len(found) == 16 for found in others)
