"""Change a dataset: every change is planned here, as a pure function from one version to the next.

Nothing is written; `versions` does that. Every picture that stays keeps its split (rule 11).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from tl_core.data.dataset import Dataset, Item, Split, fingerprint
from tl_core.data.finding import listed
from tl_core.data.layout import clean_name, natural
from tl_core.data.limits import limits
from tl_core.data.split import assign
from tl_core.errors import UserError, unknown


def without(dataset: Dataset, items: Collection[Item]) -> Dataset:
    """Return a dataset without some of its pictures.

    Raises:
        UserError: a class would be left without pictures to learn from or to check with.
    """
    gone = set(items)
    return _changed(dataset, ((_class(dataset, i), i) for i in dataset.items if i not in gone))


def without_class(dataset: Dataset, name: str) -> Dataset:
    """Return a dataset without one of its classes.

    Raises:
        UserError: there is no such class, or only one would be left.
    """
    _require(dataset, name)
    kept = [name_ for name_ in dataset.classes if name_ != name]
    return _changed(
        dataset, ((c, i) for i in dataset.items if (c := _class(dataset, i)) != name), kept
    )


def merged(dataset: Dataset, source: str, target: str) -> Dataset:
    """Return a dataset with all pictures of one class in another.

    Raises:
        UserError: one of the classes is gone, or only one class would be left.
    """
    if source not in dataset.classes or target not in dataset.classes:
        raise UserError(
            f"The class {source!r} cannot be put into {target!r} because one of them is not there "
            "any more; reload the page to see the classes as they are."
        )
    kept = [name for name in dataset.classes if name != source or name == target]
    moved = ((_class(dataset, item), item) for item in dataset.items)
    return _changed(dataset, ((target if c == source else c, i) for c, i in moved), kept)


def renamed(dataset: Dataset, name: str, new: str) -> Dataset:
    """Return a dataset in which one class has another name.

    Raises:
        UserError: there is no such class, the new name is empty or too long, or another class has
            it already.
    """
    _require(dataset, name)
    new = class_name(new)
    if new in dataset.classes and new != name:
        raise UserError(
            f"There is a class called {new!r} already; put {name!r} into it, or choose another "
            "name."
        )
    names = [new if old == name else old for old in dataset.classes]
    items = ((names[item.label], item) for item in dataset.items)
    return _changed(dataset, items, names)


def moved(dataset: Dataset, items: Collection[Item], target: str) -> Dataset:
    """Return a dataset with some pictures in another class, which may be new.

    Raises:
        UserError: a class would be left without pictures to learn from or to check with.
    """
    target = class_name(target)
    going = set(items)
    placed = ((target if i in going else _class(dataset, i), i) for i in dataset.items)
    return _changed(dataset, placed, {*dataset.classes, target})


def with_pictures(
    dataset: Dataset,
    name: str,
    pictures: Iterable[tuple[str, str]],
    groups: Mapping[str, str],
) -> Dataset:
    """Return a dataset with more pictures in a class, which may be new.

    A new picture goes to the side of those that it is nearly the same as. Where these lie on
    several sides it learns, nothing else moves, and the scan says so.

    Args:
        dataset: as it is.
        name: of the class.
        pictures: hash of the content, and the name it came with. Those that the class has already
            are passed over.
        groups: of all pictures, old and new; see `repeats.near_groups`.

    Raises:
        UserError: the class would have no pictures to learn from or to check with.
    """
    name = class_name(name)
    here = {item.file for item in dataset.items if _class(dataset, item) == name}
    new = {file: called for file, called in pictures if file not in here}
    names = [*dict.fromkeys((*dataset.classes, name))]
    rows = [(item.file, item.label) for item in dataset.items]
    rows += [(file, names.index(name)) for file in new]
    splits = assign(
        rows,
        groups=groups,
        carried=_carried(dataset.items),
        with_test=not dataset.given_split or bool(dataset.of("test")),
    )
    added = [
        (name, Item(file, called, 0, split))
        for (file, called), split in zip(new.items(), splits[len(dataset.items) :], strict=True)
    ]
    placed = [(_class(dataset, item), item) for item in dataset.items]
    return _changed(dataset, [*placed, *added], names)


def class_name(text: str) -> str:
    r"""Return the name that a class gets where a person types this.

    Raises:
        UserError: nothing of it can be seen, or it is too long.

    >>> class_name("  red\n ants ")
    'red ants'
    """
    name, longest = clean_name(text), limits().name_length
    if not name:
        raise UserError("A class needs a name of at least one letter, digit or sign; type one.")
    if len(name) > longest:
        raise UserError(f"The name of a class has at most {longest} letters; choose a shorter one.")
    return name


def _carried(items: Iterable[Item]) -> dict[str, Split]:
    """Return the split of each picture; of one that is there twice, where it trains if it does."""
    carried: dict[str, Split] = {}
    for split in ("test", "validation", "train"):
        carried |= {item.file: item.split for item in items if item.split == split}
    return carried


def _require(dataset: Dataset, name: str) -> None:
    if name not in dataset.classes:
        raise unknown("class", name, dataset.classes)


def _class(dataset: Dataset, item: Item) -> str:
    return dataset.classes[item.label]


def _changed(
    dataset: Dataset, placed: Iterable[tuple[str, Item]], names: Collection[str] | None = None
) -> Dataset:
    """Put pictures, each with the name of its class, into a version of its own."""
    classes = natural(names or dataset.classes)
    label = {name: number for number, name in enumerate(classes)}
    once = {
        (item.file, label[name], item.split): replace(item, label=label[name])
        for name, item in placed
    }
    kept = sorted(once.values(), key=lambda item: (item.label, item.file, item.split))
    _check(classes, kept)
    return replace(
        dataset,
        id=fingerprint(
            classes, kept, given_split=dataset.given_split, owner=dataset.owner, white=dataset.white
        ),
        classes=classes,
        items=tuple(kept),
        erased=(),
        created=time.time(),
    )


def _check(classes: tuple[str, ...], items: Collection[Item]) -> None:
    if len(classes) < 2:
        raise UserError(
            "Only one class would be left, and telling classes apart needs at least 2; "
            "add another class first."
        )
    if empty := lacking(classes, items):
        raise UserError(
            f"With this, nothing would be left to learn from or to check with in {listed(empty)}; "
            "keep some of its pictures, or add others first."
        )


def require_learnable(dataset: Dataset) -> None:
    """Refuse a dataset from which so much was erased that a class has nothing left.

    Raises:
        UserError: a class has no pictures to learn from.
    """
    held = {item.label for item in dataset.of("train")}
    empty = [name for label, name in enumerate(dataset.classes) if label not in held]
    if empty and dataset.erased:
        raise UserError(
            f"All pictures to learn from in {listed(empty)} were erased; add others on the Data "
            "page, or remove the class."
        )


def lacking(classes: tuple[str, ...], items: Iterable[Item]) -> list[str]:
    """Return the classes without pictures to learn from or to check with."""
    held = Counter((item.label, item.split) for item in items)
    return [
        name
        for label, name in enumerate(classes)
        if not held[label, "train"] or not held[label, "validation"]
    ]
