"""A dataset on disk: what was imported, and which pictures train, validate and test.

A dataset never changes once it is there; its id is a fingerprint of its content.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from tl_core.errors import UserError, unknown
from tl_core.workspace import Workspace, write_atomic

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

SCHEMA = 1
_FILE = "dataset.json"
_DAMAGED = (
    AttributeError, IndexError, KeyError, OSError, OverflowError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip
_T = TypeVar("_T")


@dataclass(frozen=True)
class Item:
    """One picture of a dataset.

    Attributes:
        file: SHA-256 of the file's bytes, in hexadecimal; also its name on disk.
        name: the path it came with. Plain text that anybody may have chosen, never a path of ours.
        label: index into the dataset's classes.
        split: what the picture is for.
    """

    file: str
    name: str
    label: int
    split: Split


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why.

    Attributes:
        path: the path it came with, plain text.
        reason: a few plain words.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Pictures in classes, each in exactly one split.

    Attributes:
        id: 16 hexadecimal digits, a fingerprint of the content.
        name: what people call it; unique in the workspace.
        classes: names in natural order; an item's label is an index into them.
        items: every picture.
        given_split: whether the source brought its own train / validation / test folders.
        owner: who imported it.
        folder: where it lies.
        skipped: files of the source that were left out.
        created: when it was imported, in seconds since 1970.
        parent: id of the version that it was made of; empty for an import.
        erased: pictures that were in it and were erased; their names are forgotten.
        white: value that is white in its pictures of more than 8 bits, see `deep`; 0 where it has
            none, or was imported before that was decided.
        reading: by what the classes were told, for people; empty where that was not kept.
    """

    id: str
    name: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    given_split: bool
    owner: str
    folder: Path
    skipped: tuple[Skipped, ...] = ()
    created: float = 0.0
    parent: str = ""
    erased: tuple[Item, ...] = ()
    white: int = 0
    reading: str = ""

    def path(self, item: Item) -> Path:
        """Return where the item's file lies."""
        return stored_path(self.folder, item.file)

    def of(self, split: Split) -> list[Item]:
        """Return the items of one split, in the dataset's order."""
        return [item for item in self.items if item.split == split]

    def counts(self) -> dict[str, int]:
        """Return how many pictures each class has, in the order of the classes."""
        labels = Counter(item.label for item in self.items)
        return {name: labels[label] for label, name in enumerate(self.classes)}

    def split_counts(self) -> dict[Split, int]:
        """Return how many pictures train, validation and test have."""
        splits = Counter(item.split for item in self.items)
        return {split: splits[split] for split in SPLITS}

    def class_split_counts(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return each class with how many of its pictures train, validate and test."""
        found = Counter((item.label, item.split) for item in self.items)
        return tuple(
            (name, tuple(found[label, split] for split in SPLITS))
            for label, name in enumerate(self.classes)
        )


def stored_path(folder: Path, file: str) -> Path:
    """Return where a dataset's folder keeps the file with this hash.

    >>> stored_path(Path("d"), "ab12").as_posix()
    'd/files/ab/ab12'
    """
    return folder / "files" / file[:2] / file


def fingerprint(
    classes: Sequence[str], items: Iterable[Item], *, given_split: bool, owner: str, white: int = 0
) -> str:
    """Return the id of a dataset with this content, whatever its name or its files' names."""
    content = [
        list(classes),
        sorted([item.file, item.label, item.split] for item in items),
        given_split,
        owner,
        *([white] if white else []),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def save(dataset: Dataset) -> None:
    """Write the dataset's description into its folder.

    Raises:
        UserError: the disk is full.
    """
    record = {
        "schema": SCHEMA,
        "id": dataset.id,
        "name": dataset.name,
        "owner": dataset.owner,
        "created": dataset.created,
        "given_split": dataset.given_split,
        "classes": dataset.classes,
        "parent": dataset.parent,
        "white": dataset.white,
        "reading": dataset.reading,
        "items": [_values(item) for item in dataset.items],
        "erased": [_values(item) for item in dataset.erased],
        "skipped": [[skipped.path, skipped.reason] for skipped in dataset.skipped],
    }
    write_atomic(dataset.folder / _FILE, json.dumps(record).encode())


def load_dataset_folder(folder: Path) -> Dataset:
    """Read a dataset from its folder.

    Raises:
        UserError: there is none, it is damaged, or a newer Headstart wrote it.
    """
    file = folder / _FILE
    try:
        return _load(file, file.stat().st_mtime_ns)
    except _DAMAGED as error:
        raise UserError(
            f"The dataset in {folder} cannot be read because its description is missing or "
            "damaged; delete that folder and import the pictures again."
        ) from error


def list_datasets(workspace: Workspace) -> list[Dataset]:
    """Return every dataset of the workspace, newest first; a damaged folder is passed over."""
    found = [dataset for _, dataset in _folders(workspace) if dataset is not None]
    return sorted(found, key=lambda dataset: (-dataset.created, dataset.id))


def damaged_folders(workspace: Workspace) -> list[Path]:
    """Return the folders among the datasets whose description cannot be read, by name."""
    return sorted(folder for folder, dataset in _folders(workspace) if dataset is None)


def _folders(workspace: Workspace) -> Iterator[tuple[Path, Dataset | None]]:
    if not workspace.datasets.is_dir():
        return
    for folder in workspace.datasets.iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            try:
                yield folder, load_dataset_folder(folder)
            except UserError:
                yield folder, None


def find_dataset(workspace: Workspace, name_or_id: str) -> Dataset:
    """Return the dataset with this id or name.

    Raises:
        UserError: there is none; the message says the nearest names.
    """
    datasets = list_datasets(workspace)
    for key in ("id", "name"):
        for dataset in datasets:
            if getattr(dataset, key) == name_or_id:
                return dataset
    if not datasets:
        raise UserError(
            f"There is no dataset called {name_or_id!r} because none was imported yet; "
            "import a folder or an archive of class folders first."
        )
    raise unknown("dataset", name_or_id, [dataset.name for dataset in datasets])


# Pages list the datasets on every script run; a description with 20,000 items takes a while.
@lru_cache(maxsize=64)
def _load(file: Path, _changed: int) -> Dataset:
    record = json.loads(file.read_bytes())
    if record["schema"] > SCHEMA:
        raise UserError(
            f"The dataset in {file.parent} was written by a newer Headstart; "
            "update Headstart to open it."
        )
    classes = tuple(_checked(name, str) for name in record["classes"])
    return Dataset(
        id=_checked(record["id"], str),
        name=_checked(record["name"], str),
        classes=classes,
        items=tuple(_item(values, len(classes)) for values in record["items"]),
        given_split=_checked(record["given_split"], bool),
        owner=_checked(record["owner"], str),
        folder=file.parent,
        skipped=tuple(Skipped(path, reason) for path, reason in record["skipped"]),
        created=float(record["created"]),
        parent=_checked(record.get("parent", ""), str),
        erased=tuple(_item(values, len(classes)) for values in record.get("erased", [])),
        white=_checked(record.get("white", 0), int),
        reading=_checked(record.get("reading", ""), str),
    )


def _values(item: Item) -> list[str | int]:
    return [item.file, item.name, item.label, item.split]


def _item(values: list[Any], classes: int) -> Item:
    """Read one item; a hash that is not a hash must never become a path."""
    file, name, label, split = values
    if len(file) != 64 or not set(file) <= set("0123456789abcdef"):
        raise ValueError("not a SHA-256")
    if split not in SPLITS or not 0 <= _checked(label, int) < classes:
        raise ValueError("not an item")
    return Item(file, _checked(name, str), label, split)


def _checked(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
