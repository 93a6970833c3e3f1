"""Pictures on their way in: each copied under the hash of its content, and opened once."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tl_core.data.dataset import Skipped, Split, stored_path
from tl_core.data.decode import look_at
from tl_core.data.deep import white_of
from tl_core.data.layout import Place
from tl_core.data.limits import limits
from tl_core.data.sketch import Sketches, sketch, sketch_files
from tl_core.data.sketches import Known
from tl_core.data.sources import Entry
from tl_core.errors import UnreadableImageError
from tl_core.workspace import require_space

Progress = Callable[[int, int], None]

_CHUNK = 1 << 20
_READ_AHEAD = 64  # files copied while earlier ones are being opened


@dataclass(frozen=True)
class Found:
    """A picture that was copied in and can be read.

    Attributes:
        file: SHA-256 of its bytes, in hexadecimal.
        place: where it belongs.
    """

    file: str
    place: Place


@dataclass(frozen=True)
class Copied:
    """What became of the files that were to come in.

    Attributes:
        found: pictures that can be read, one of several equal ones in a class and split.
        skipped: files that were left out.
        sketches: what the checks need to know of each picture.
        white: value that is white in those of more than 8 bits, as it was given or as they have
            it; 0 where there are none.
        deep: files of those.
    """

    found: tuple[Found, ...]
    skipped: tuple[Skipped, ...]
    sketches: Known
    white: int = 0
    deep: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Opened:
    sketch: Sketches
    highest: int  # see `decode.Decoded`


class UnusableError(Exception):
    """One source file that is left out; the message is the reason alone."""


def copy_in(
    entries: Sequence[Entry],
    places: Sequence[Place],
    site: Path,
    progress: Progress | None = None,
    *,
    white: int = 0,
) -> Copied:
    """Copy files into a building site and open each once, in other threads.

    Args:
        entries: the files.
        places: which of them, and where each belongs; in the order in which a packed archive
            reads quickest, that of the entries.
        site: see `site.building_site`.
        progress: called with (files done, files in all).
        white: of the set that they come into; 0 where that is theirs to decide.

    Raises:
        UserError: the disk has no room for them.
    """
    require_space(site, sum(entries[place.index].size for place in places))
    readable: list[Found] = []
    skipped: list[Skipped] = []
    opening: dict[str, Future[_Opened | str]] = {}
    opened: dict[str, _Opened | str] = {}
    waiting: deque[Found] = deque()

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
                file = copy_entry(entries[place.index], site)
            except UnusableError as reason:
                skipped.append(Skipped(place.name, str(reason)))
                tell()
            else:
                if file not in opened and file not in opening:
                    opening[file] = pool.submit(_opened, stored_path(site, file), white)
                waiting.append(Found(file, place))
            finish(leave=_READ_AHEAD)
        finish(leave=0)
    finally:
        pool.shutdown(cancel_futures=True)
    found, twice = _once(readable)
    known = {file: seen for file, seen in opened.items() if not isinstance(seen, str)}
    sketches = {file: seen.sketch for file, seen in known.items()}
    deep = frozenset(file for file, seen in known.items() if seen.highest)
    if not white:
        white = white_of(seen.highest for seen in known.values())
        if white:
            sketches |= sketch_files([stored_path(site, file) for file in sorted(deep)], white)
    return Copied(tuple(found), (*skipped, *twice), sketches, white, deep)


def copy_entry(entry: Entry, site: Path) -> str:
    """Copy one file into the site, where `stored_path` finds it, and return its hash.

    Raises:
        UnusableError: it is too large or cannot be read.
    """
    allowed = limits()
    if entry.size > allowed.file_bytes:
        raise UnusableError(f"larger than {allowed.file_mb} MB")
    part = site / "incoming"
    digest, size = hashlib.sha256(), 0
    try:
        with part.open("wb") as file:
            for chunk in _chunks(entry):
                size += len(chunk)
                if size > entry.size:
                    raise UnusableError("longer than it said; it may still be changing")
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
        raise UnusableError(f"could not be read ({error.strerror or error})") from error
    except Exception as error:  # zipfile and its decompressors raise almost anything
        raise UnusableError("damaged inside the archive") from error


def _opened(path: Path, white: int) -> _Opened | str:
    """Return what the checks need to know of a picture, or why it is not taken."""
    try:
        seen = look_at(path, white, lambda one: _Opened(sketch(one.image), one.highest))
    except UnreadableImageError as error:
        return str(error)
    if white and seen.highest > white:
        return f"its values go up to {seen.highest:,}, and {white:,} is white in this set"
    return seen


def _once(found: Sequence[Found]) -> tuple[list[Found], list[Skipped]]:
    """Keep one of several equal files in the same class and split."""
    first: dict[tuple[str, str, Split | None], Found] = {}
    twice = []
    for picture in found:
        place = picture.place
        kept = first.setdefault((picture.file, place.class_name, place.split), picture)
        if kept is not picture:
            twice.append(Skipped(place.name, f"the same picture as {kept.place.name}"))
    return list(first.values()), twice
