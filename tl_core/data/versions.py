"""Write a changed dataset beside the one that it was made of; what learned from that keeps it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tl_core.data.copying import Copied, Progress, copy_in
from tl_core.data.dataset import Dataset, Skipped, stored_path
from tl_core.data.decode import decode
from tl_core.data.deep import white_of
from tl_core.data.edit import class_name, with_pictures
from tl_core.data.layout import Place, picture_names
from tl_core.data.repeats import near_groups
from tl_core.data.site import building_site, publish
from tl_core.data.sketch import sketch_files
from tl_core.data.sketches import Known, keep_sketches, known_sketches
from tl_core.data.sources import Entry
from tl_core.errors import UnreadableImageError, UserError
from tl_core.escape import encodable
from tl_core.workspace import Workspace, disk_errors

_NUMBER = re.compile(r" \(\d+\)$")


def save_version(workspace: Workspace, before: Dataset, after: Dataset) -> Dataset:
    """Write a version that `edit` planned, or find it where it is there already.

    Args:
        workspace: where both are.
        before: the dataset that was changed.
        after: what it became.

    Raises:
        UserError: the disk is full, or a picture is gone.
    """
    with disk_errors(f"the dataset {before.name}"), building_site(workspace.datasets) as site:
        return _written(workspace, before, after, site)


def add_pictures(
    workspace: Workspace,
    dataset: Dataset,
    name: str,
    entries: Sequence[Entry],
    progress: Progress | None = None,
) -> Dataset:
    """Add pictures to a class, which may be new, and return the version that has them.

    Args:
        workspace: where the dataset is.
        dataset: as it is.
        name: of the class.
        entries: the pictures; folders in their names mean nothing.
        progress: called with (files done, files in all).

    Raises:
        UserError: none of them can be read or is new, the class would have none to check with, or
            the disk is full.
    """
    name = class_name(name)
    usable = [entry for entry in entries if not entry.refused]
    named, others = picture_names([entry.name for entry in usable])
    places = [Place(index, called, name, None) for index, called in named.items()]
    refused = [Skipped(encodable(e.name), e.refused) for e in entries if e.refused]
    with disk_errors(f"the dataset {dataset.name}"), building_site(workspace.datasets) as site:
        copied = copy_in(usable, places, site, progress, white=dataset.white)
        dataset, copied = _in_one_range(dataset, copied, site)
        groups = near_groups(_sketches(workspace, dataset, copied))
        found = [(one.file, one.place.name) for one in copied.found]
        after = with_pictures(dataset, name, found, groups)
        skipped = (*refused, *others, *copied.skipped, *_known(dataset, name, copied))
        if len(after.items) == len(dataset.items):
            why = f" ({skipped[0].path}: {skipped[0].reason}, for one)" if skipped else ""
            raise UserError(
                f"None of these {len(entries)} files is a picture that can be read and is new to "
                f"the class {name}{why}; choose others."
            )
        after = replace(after, skipped=(*dataset.skipped, *skipped))
        return _written(workspace, dataset, after, site)


def _known(dataset: Dataset, name: str, copied: Copied) -> list[Skipped]:
    here = {i.file: i.name for i in dataset.items if dataset.classes[i.label] == name}
    return [
        Skipped(one.place.name, f"the same picture as {here[one.file]}")
        for one in copied.found
        if one.file in here
    ]


def _sketches(workspace: Workspace, dataset: Dataset, copied: Copied) -> Known:
    """Return what is known of all pictures, old and new; what is not is looked at now."""
    paths = {item.file: dataset.path(item) for item in dataset.items}
    known = known_sketches(workspace.cache, paths, dataset.white) | dict(copied.sketches)
    missing = [path for file, path in paths.items() if file not in known]
    seen = sketch_files(missing, dataset.white)
    lost = {file for file, row in seen.items() if not row["width"][0]}
    kept = {file: row for file, row in (known | seen).items() if file not in lost}
    return keep_sketches(workspace.cache, kept, dataset.white)


def _in_one_range(dataset: Dataset, copied: Copied, site: Path) -> tuple[Dataset, Copied]:
    """Decide what is white once the first pictures of more than 8 bits come into a dataset.

    One that was imported before that was decided may hold some already.
    """
    if copied.white == dataset.white:
        return dataset, copied
    held = (_highest(dataset.path(item)) for item in dataset.items)
    white = white_of([copied.white, *held])
    seen = sketch_files([stored_path(site, file) for file in copied.deep], white)
    sketches = dict(copied.sketches) | seen
    return replace(dataset, white=white), replace(copied, white=white, sketches=sketches)


def _highest(path: Path) -> int:
    try:
        return decode(path).highest
    except UnreadableImageError:
        return 0


def _written(workspace: Workspace, before: Dataset, after: Dataset, site: Path) -> Dataset:
    """Give every stored file a second name in the site, and publish it."""
    wanted = {item.file for item in after.items}
    for file in wanted:
        target = stored_path(site, file)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(stored_path(before.folder, file), target)
    for extra in (site / "files").rglob("*"):
        if extra.is_file() and extra.name not in wanted:
            extra.unlink()
    parent = before.id if after.id != before.id else before.parent
    name = _NUMBER.sub("", before.name)
    return publish(workspace, replace(after, folder=site, parent=parent, name=name))


def _link(source: Path, target: Path) -> None:
    """Give a stored file a second name, or copy it where the disk knows no second names."""
    try:
        os.link(source, target)
    except FileNotFoundError as error:
        raise UserError(
            f"The stored picture {source} is gone; take it out where the Data page says that it "
            "cannot be read, or import the pictures again."
        ) from error
    except OSError:
        shutil.copyfile(source, target)
