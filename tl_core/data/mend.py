"""Carry out mends: a dataset never changes, so what is mended is a new one beside it.

Every picture that stays keeps its split (rule 11).
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

from tl_core.data.dataset import Dataset, Item, fingerprint, stored_path
from tl_core.data.finding import Mend, listed
from tl_core.data.site import building_site, publish
from tl_core.errors import UserError
from tl_core.workspace import Workspace, disk_errors


def mend(workspace: Workspace, dataset: Dataset, mends: Iterable[Mend]) -> Dataset:
    """Carry out mends together and return the new dataset, or one that is there already.

    Raises:
        UserError: a class would be left without pictures to learn from or to check with, or the
            disk is full.
    """
    mends = list(mends)
    mended = without(dataset, {item for one in mends for item in one.items})
    for one in mends:
        if one.action == "merge":
            mended = merged(mended, one.source, one.target)
    with disk_errors(f"the dataset {dataset.name}"), building_site(workspace.datasets) as site:
        for file in {item.file for item in mended.items}:
            target = stored_path(site, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(str(stored_path(dataset.folder, file)), str(target))
        return publish(workspace, replace(mended, folder=site))


def without(dataset: Dataset, items: Collection[Item]) -> Dataset:
    """Return a dataset without some of its pictures; nothing is written.

    Raises:
        UserError: a class would be left without pictures to learn from or to check with.
    """
    return _changed(dataset, dataset.classes, (i for i in dataset.items if i not in items))


def merged(dataset: Dataset, source: str, target: str) -> Dataset:
    """Return a dataset with all pictures of one class in another; nothing is written.

    Raises:
        UserError: one of the classes is gone, or only one class would be left.
    """
    if source not in dataset.classes or target not in dataset.classes:
        raise UserError(
            f"The class {source!r} cannot be put into {target!r} because one of them is not there "
            "any more; reload the page to see the classes as they are."
        )
    classes = tuple(name for name in dataset.classes if name != source)
    label = {n: classes.index(target if c == source else c) for n, c in enumerate(dataset.classes)}
    moved = (replace(item, label=label[item.label]) for item in dataset.items)
    once = {(item.file, item.label, item.split): item for item in moved}
    return _changed(dataset, classes, once.values())


def _changed(dataset: Dataset, classes: tuple[str, ...], items: Iterable[Item]) -> Dataset:
    kept = sorted(items, key=lambda item: (item.label, item.file, item.split))
    _check(classes, kept)
    return replace(
        dataset,
        id=fingerprint(classes, kept, given_split=dataset.given_split, owner=dataset.owner),
        classes=classes,
        items=tuple(kept),
        created=time.time(),
    )


def _check(classes: tuple[str, ...], items: Collection[Item]) -> None:
    if len(classes) < 2:
        raise UserError(
            "Only one class would be left, and telling classes apart needs at least 2; "
            "add another class first."
        )
    held = Counter((item.label, item.split) for item in items)
    empty = [
        name
        for label, name in enumerate(classes)
        if not held[label, "train"] or not held[label, "validation"]
    ]
    if empty:
        raise UserError(
            f"Without these, nothing would be left to learn from or to check with in "
            f"{listed(empty)}; keep some of them, or add other pictures first."
        )


def _link(source: str, target: str) -> None:
    """Give a stored file a second name, or copy it where the disk knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
