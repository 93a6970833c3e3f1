"""The data door: from a folder or an archive to a dataset in the workspace, or nothing at all."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tl_core.data.dataset import (
    Dataset,
    Item,
    Skipped,
    Split,
    fingerprint,
    stored_path,
)
from tl_core.data.decode import open_image
from tl_core.data.layout import Layout, Place, arrange, clean_name, few
from tl_core.data.limits import limits
from tl_core.data.packed import archive_stem, is_archive, open_archive
from tl_core.data.repeats import near_groups
from tl_core.data.site import building_site, publish
from tl_core.data.sketch import Sketches, sketch
from tl_core.data.sketches import Known, keep_sketches
from tl_core.data.sources import Entry, folder_entries
from tl_core.data.split import assign
from tl_core.errors import UnreadableImageError, UserError
from tl_core.escape import encodable
from tl_core.workspace import Workspace, disk_errors, require_space

Progress = Callable[[int, int], None]

_CHUNK = 1 << 20
_READ_AHEAD = 64  # files copied while earlier ones are being opened


@dataclass(frozen=True)
class _Found:
    """A picture that can be read."""

    file: str
    place: Place


class _UnusableError(Exception):
    """One source file that is left out; the message is the reason."""


def import_source(
    workspace: Workspace,
    source: str | Path,
    name: str | None = None,
    *,
    owner: str = "local",
    progress: Progress | None = None,
) -> Dataset:
    """Import a folder or an archive (zip, tar) of class folders.

    Args:
        workspace: where the dataset goes.
        source: the folder or the archive.
        name: what to call the dataset; the source's own name when left out.
        owner: who imports it.
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
    if stat.S_ISDIR(mode):
        entries = folder_entries(path)
        name = name or path.resolve().name
        return import_entries(workspace, entries, name, owner=owner, progress=progress)
    if not stat.S_ISREG(mode):
        raise UserError(
            f"There is no folder or archive that can be read at {encodable(str(source))!r}; "
            "check the path and try again."
        )
    if not is_archive(path):
        raise UserError(
            f"{encodable(str(source))!r} is a single file, and pictures are imported from a folder "
            "or an archive with one folder for each class; name that folder instead."
        )
    with open_archive(path) as entries:
        name = name or archive_stem(path.name)
        return import_entries(workspace, entries, name, owner=owner, progress=progress)


def import_entries(
    workspace: Workspace,
    entries: Iterable[Entry],
    name: str,
    *,
    owner: str = "local",
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
        progress: called with (files done, files in all).

    Raises:
        UserError: there are no class folders, fewer than 2 classes, fewer than 2 pictures that
            can be read in a class, classes that only validation or test have, or the disk is full.
    """
    title = clean_name(name) or "Dataset"
    entries, refused = _without_refused(entries)
    layout = arrange([entry.name for entry in entries], title)
    with disk_errors(f"the dataset {title}"), building_site(workspace.datasets) as site:
        require_space(site, sum(entries[place.index].size for place in layout.places))
        found, unusable, sketches = _store(entries, layout.places, site, progress)
        pictures, twice = _once(found)
        _check_counts(layout, pictures, title)
        sketches = keep_sketches(workspace.cache, sketches)
        dataset = _build(layout, pictures, near_groups(sketches), owner, title)
        skipped = (*refused, *layout.skipped, *unusable, *twice)
        dataset = replace(dataset, folder=site, skipped=skipped)
        return publish(workspace, dataset)


def _without_refused(entries: Iterable[Entry]) -> tuple[list[Entry], list[Skipped]]:
    found = list(entries)
    refused = [Skipped(encodable(e.name), e.refused) for e in found if e.refused]
    return [entry for entry in found if not entry.refused], refused


def _store(
    entries: Sequence[Entry], places: Sequence[Place], site: Path, progress: Progress | None
) -> tuple[list[_Found], list[Skipped], Known]:
    """Copy every file under the hash of its content and open it once, in other threads."""
    readable: list[_Found] = []
    skipped: list[Skipped] = []
    opening: dict[str, Future[Sketches | str]] = {}
    opened: dict[str, Sketches | str] = {}
    waiting: deque[_Found] = deque()

    def finish(leave: int) -> None:
        while len(waiting) > leave:
            picture = waiting.popleft()
            if picture.file in opening:
                opened[picture.file] = opening.pop(picture.file).result()
            seen = opened[picture.file]
            if not isinstance(seen, str):
                readable.append(picture)
            else:
                skipped.append(Skipped(picture.place.name, seen))
                stored_path(site, picture.file).unlink(missing_ok=True)
            tell()

    def tell() -> None:
        if progress:
            progress(len(readable) + len(skipped), len(places))

    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        for place in places:
            try:
                file = _copy(entries[place.index], site)
            except _UnusableError as reason:
                skipped.append(Skipped(place.name, str(reason)))
                tell()
            else:
                if file not in opened and file not in opening:
                    opening[file] = pool.submit(_opened, stored_path(site, file))
                waiting.append(_Found(file, place))
            finish(leave=_READ_AHEAD)
        finish(leave=0)
        known = {file: seen for file, seen in opened.items() if not isinstance(seen, str)}
        return readable, skipped, known
    finally:
        pool.shutdown(cancel_futures=True)


def _copy(entry: Entry, site: Path) -> str:
    """Copy one file into the site and return its hash."""
    allowed = limits()
    if entry.size > allowed.file_bytes:
        raise _UnusableError(f"larger than {allowed.file_mb} MB")
    part = site / "incoming"
    digest, size = hashlib.sha256(), 0
    try:
        with part.open("wb") as file:
            for chunk in _chunks(entry):
                size += len(chunk)
                if size > entry.size:
                    raise _UnusableError("longer than it said; it may still be changing")
                digest.update(chunk)
                file.write(chunk)
        target = stored_path(site, digest.hexdigest())
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            part.rename(target)
        return target.name
    finally:
        part.unlink(missing_ok=True)


def _chunks(entry: Entry) -> Iterator[bytes]:
    """Read a source; what goes wrong here is the source's fault, never the workspace's."""
    try:
        with entry.open() as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise _UnusableError(f"could not be read ({error.strerror or error})") from error
    except Exception as error:  # zipfile and its decompressors raise almost anything
        raise _UnusableError("damaged inside the archive") from error


def _opened(path: Path) -> Sketches | str:
    """Return what the checks need to know of a picture, or why it cannot be read."""
    try:
        return sketch(open_image(path))
    except UnreadableImageError as error:
        return str(error)


def _once(found: Sequence[_Found]) -> tuple[list[_Found], list[Skipped]]:
    """Keep one of several equal files in the same class and split."""
    first: dict[tuple[str, str, Split | None], _Found] = {}
    twice = []
    for picture in found:
        place = picture.place
        kept = first.setdefault((picture.file, place.class_name, place.split), picture)
        if kept is not picture:
            twice.append(Skipped(place.name, f"the same picture as {kept.place.name}"))
    return list(first.values()), twice


def _build(
    layout: Layout, pictures: Sequence[_Found], groups: Mapping[str, str], owner: str, title: str
) -> Dataset:
    label = {name: index for index, name in enumerate(layout.classes)}
    rows = [(picture, label[picture.place.class_name]) for picture in pictures]
    items = [
        Item(picture.file, picture.place.name, row_label, split)
        for (picture, row_label), split in zip(rows, _splits(layout, rows, groups), strict=True)
    ]
    # By content, so that the same pictures train in the same order on every machine.
    items.sort(key=lambda item: (item.label, item.file, item.split))
    return Dataset(
        id=fingerprint(layout.classes, items, given_split=layout.given_split, owner=owner),
        name=title,
        classes=layout.classes,
        items=tuple(items),
        given_split=layout.given_split,
        owner=owner,
        folder=Path(),
        created=time.time(),
    )


def _splits(
    layout: Layout, rows: Sequence[tuple[_Found, int]], groups: Mapping[str, str]
) -> list[Split]:
    """Keep given splits; make what is missing from what trains, nearly equal pictures together."""
    given = [picture.place.split for picture, _ in rows]
    if "validation" in given:
        return [split or "train" for split in given]
    learning = [(p.file, label) for p, label in rows if p.place.split != "test"]
    made = iter(assign(learning, groups=groups, with_test=not layout.given_split))
    return [split if split == "test" else next(made) for split in given]


def _check_counts(layout: Layout, pictures: Sequence[_Found], title: str) -> None:
    if not pictures:
        raise UserError(
            f"None of the {len(layout.places)} pictures in {title} can be read, so there is "
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
