"""The data door: from a folder or an archive to a dataset in the workspace, or nothing at all."""

from __future__ import annotations

import stat
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from tl_core.data.copying import Copied, Found, Progress, copy_in
from tl_core.data.dataset import Dataset, Item, Split, fingerprint, list_datasets
from tl_core.data.layout import (
    Layout,
    Place,
    check_places,
    clean_name,
    natural,
    picture_names,
)
from tl_core.data.packed import (
    archive_file,
    archive_stem,
    is_archive,
    open_parts,
    parts_of,
    refuse_unopened,
)
from tl_core.data.question import Told
from tl_core.data.reading import read_layout
from tl_core.data.repeats import near_groups
from tl_core.data.site import building_site, publish
from tl_core.data.sketches import keep_sketches
from tl_core.data.sources import Entry, file_entry, folder_entries
from tl_core.data.split import assign
from tl_core.data.stored import restore
from tl_core.data.tables.arranging import is_table
from tl_core.errors import UserError
from tl_core.escape import encodable
from tl_core.words import few
from tl_core.workspace import Workspace, disk_errors


def import_source(
    workspace: Workspace,
    source: str | Path,
    name: str | None = None,
    *,
    owner: str = "local",
    within: Path | None = None,
    told: Told | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Import a folder or an archive (zip, tar) of class folders, or a table beside its pictures.

    Args:
        workspace: where the dataset goes.
        source: the folder or the archive.
        name: what to call the dataset; the source's own name when left out.
        owner: who imports it.
        within: what leads out of this folder is not opened; see `allowed`.
        told: what the person said about how it is to be read.
        progress: called with (files done, files in all).

    Raises:
        UserError: there is nothing at `source`, it is neither a folder nor an archive, or
            `import_entries` refuses it.
    """
    path, mode = Path(source), 0
    # Not there, too long, no permission; a NUL in it; the home folder of nobody.
    with suppress(OSError, ValueError, RuntimeError):
        path = path.expanduser()
        mode = path.stat().st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise UserError(
            f"There is no folder or archive that can be read at {encodable(str(source))!r}; "
            "check the path and try again."
        )
    told = told or Told()
    is_folder = stat.S_ISDIR(mode)
    with _opened(path, within, told, is_folder=is_folder) as (entries, own_name, table):
        return import_entries(
            workspace, entries, name or own_name,
            owner=owner, told=told, table=table, progress=progress,
        )  # fmt: skip


@contextmanager
def _opened(
    path: Path, within: Path | None, told: Told, *, is_folder: bool
) -> Iterator[tuple[list[Entry], str, str]]:
    """Open what a path names; yield its files, what it is called, and the table that it names."""
    if is_folder:
        yield folder_entries(path, within=within), path.resolve().name, ""
    elif is_table(path.name):
        beside = folder_entries(path.parent, within=within)
        pictures = [entry for entry in beside if not is_table(entry.name)]
        yield [file_entry(path, path.name, within=within), *pictures], path.stem, path.name
    elif is_archive(path):
        with ExitStack() as stack:
            files = [stack.enter_context(archive_file(one, within)) for one in parts_of(path)]
            entries = stack.enter_context(open_parts(files, told.names_in))
            yield entries, archive_stem(path.name), ""
    else:
        refuse_unopened(path.name)
        raise UserError(
            f"{encodable(str(path))!r} is a single file, and pictures are imported from a folder "
            "or an archive with one folder for each class; name that folder instead."
        )


def import_entries(
    workspace: Workspace,
    entries: Iterable[Entry],
    name: str,
    *,
    owner: str = "local",
    told: Told | None = None,
    table: str = "",
    progress: Progress | None = None,
) -> Dataset:
    """Import files as a dataset; importing the same pictures again finds the same dataset.

    The dataset is built in a hidden folder and renamed at the end, so whatever interrupts it
    leaves nothing behind.

    Args:
        workspace: where the dataset goes.
        entries: the files.
        name: what to call the dataset; a number is added when another one is called so.
        owner: who imports it.
        told: what the person said about how they are to be read.
        table: the one of them that the person named as their table.
        progress: called with (files done, files in all).

    Raises:
        UserError: there are no class folders, fewer than 2 classes, fewer than 2 pictures that
            can be read in a class, classes that only validation or test have, or the disk is full.
    """
    title = clean_name(name) or "Dataset"
    layout, found = read_layout(entries, title, told or Told(), table)
    return _import(workspace, found, layout, title, owner, progress)


def import_classes(
    workspace: Workspace,
    classes: Mapping[str, Sequence[Entry]],
    name: str,
    *,
    owner: str = "local",
    progress: Progress | None = None,
) -> Dataset:
    """Import pictures that were sorted into classes already, as they were gathered on a page.

    Args:
        workspace: where the dataset goes.
        classes: the pictures of each; folders in their names mean nothing.
        name: what to call the dataset; a number is added when another one is called so.
        owner: who imports it.
        progress: called with (files done, files in all).

    Raises:
        UserError: see `import_entries`.
    """
    title = clean_name(name) or "Dataset"
    rows = [(label, entry) for label, entries in classes.items() for entry in entries]
    named, skipped = picture_names([entry.name for _, entry in rows])
    places = tuple(Place(n, called, rows[n][0], None) for n, called in named.items())
    check_places(places, set(classes), title)
    layout = Layout(natural(classes), places, False, tuple(skipped))
    return _import(workspace, [entry for _, entry in rows], layout, title, owner, progress)


def _import(
    workspace: Workspace,
    entries: Sequence[Entry],
    layout: Layout,
    title: str,
    owner: str,
    progress: Progress | None,
) -> Dataset:
    with disk_errors(f"the dataset {title}"), building_site(workspace.datasets) as site:
        copied = copy_in(entries, layout.places, site, progress)
        _check_counts(layout, copied, title)
        sketches = keep_sketches(workspace.cache, copied.sketches, copied.white)
        dataset = _build(layout, copied, near_groups(sketches), owner, title)
        skipped = (*layout.skipped, *copied.skipped)
        dataset = replace(dataset, folder=site, skipped=skipped)
        restore(list_datasets(workspace), dataset)
        return publish(workspace, dataset)


def _build(
    layout: Layout, copied: Copied, groups: Mapping[str, str], owner: str, title: str
) -> Dataset:
    label = {name: index for index, name in enumerate(layout.classes)}
    rows = [(picture, label[picture.place.class_name]) for picture in copied.found]
    items = [
        Item(picture.file, picture.place.name, row_label, split)
        for (picture, row_label), split in zip(rows, _splits(layout, rows, groups), strict=True)
    ]
    # By content, so that the same pictures train in the same order on every machine.
    items.sort(key=lambda item: (item.label, item.file, item.split))
    return Dataset(
        id=fingerprint(
            layout.classes, items, given_split=layout.given_split, owner=owner, white=copied.white
        ),
        name=title,
        classes=layout.classes,
        items=tuple(items),
        given_split=layout.given_split,
        owner=owner,
        folder=Path(),
        created=time.time(),
        white=copied.white,
        reading=layout.reading,
    )


def _splits(
    layout: Layout, rows: Sequence[tuple[Found, int]], groups: Mapping[str, str]
) -> list[Split]:
    """Keep given splits; make what is missing from what trains, nearly equal pictures together."""
    given = [picture.place.split for picture, _ in rows]
    if "validation" in given:
        return [split or "train" for split in given]
    learning = [(p.file, label) for p, label in rows if p.place.split != "test"]
    made = iter(assign(learning, groups=groups, with_test=not layout.given_split))
    return [split if split == "test" else next(made) for split in given]


def _check_counts(layout: Layout, copied: Copied, title: str) -> None:
    pictures = copied.found
    if not pictures:
        reasons = Counter(one.reason for one in copied.skipped).most_common(1)
        why = f" ({reasons[0][0]})" if reasons else ""
        raise UserError(
            f"None of the {len(layout.places)} pictures in {title} can be read{why}, so there is "
            "nothing to learn from; check that the files are whole and are JPEG, PNG or WebP."
        )
    learning = Counter(p.place.class_name for p in pictures if p.place.split != "test")
    training = Counter(p.place.class_name for p in pictures if p.place.split in (None, "train"))
    small = [name for name in layout.classes if learning[name] < 2 or not training[name]]
    if small:
        raise UserError(
            f"Too few pictures can be read in {few(small)}, and every class needs at least 2, one "
            "to train and one to validate; add pictures there or remove the folder."
        )
