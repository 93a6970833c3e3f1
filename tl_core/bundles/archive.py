"""The `.headstart` file as a zip that nobody trusts. No torch, so that pages can ask what it says.

Nothing is unpacked onto the disk, nothing is decompressed, and no name in it becomes a path: the
few files a bundle may hold are asked for by their own names. Whatever is allocated is bounded by
the size of the file itself.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from tl_core.bundles.card import card
from tl_core.bundles.manifest import SCHEMA, WEIGHTS, Manifest, Member
from tl_core.errors import UserError
from tl_core.workspace import replacing, require_space

MANIFEST, CARD, FAMILIAR = "manifest.json", "card.md", "familiar.safetensors"
MOST: Mapping[str, int] = {MANIFEST: 8 << 20, CARD: 8 << 20, FAMILIAR: 64 << 20, WEIGHTS: 4 << 30}
"""Every file that a bundle may hold, and the most bytes of it."""

MOST_HEADER = 1 << 20  # of a safetensors file; 1,200 tensors take 150 kB
_MOST_DIRECTORY = 4096  # bytes of a table of contents; four files take 250
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest of a zip: the same run gives the same bytes

Read = Callable[[str], bytes]


@contextmanager
def open_bundle(path: Path) -> Iterator[tuple[Manifest, Read]]:
    """Open a bundle; what goes wrong with it, here or in the caller's block, becomes a sentence.

    Yields:
        What it says of itself, and a function from a file's name to its content, whose size and
        hash are checked.

    Raises:
        UserError: no bundle, damaged, from a newer version, or not what it says it is.
    """
    try:
        with path.open("rb") as file:
            size = _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
                if len(set(names)) < len(names) or not set(names) <= MOST.keys():
                    raise ValueError("it holds files that do not belong into a bundle")
                if MANIFEST not in names:
                    raise ValueError(f"it has no {MANIFEST}")
                manifest = _manifest(_content(archive, MANIFEST, size), path.name)
                if set(names) != {MANIFEST, *manifest.members}:
                    raise ValueError("it does not hold the files that its manifest names")

                def read(name: str) -> bytes:
                    return _checked(_content(archive, name, size), name, manifest.members[name])

                if CARD in manifest.members:
                    read(CARD)
                yield manifest, read
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}; check the name.") from error
    except UserError:
        raise
    except Exception as error:  # zipfile, json and torch raise almost anything on hostile bytes
        refuse(path.name, error)


def refuse(name: str, error: Exception) -> NoReturn:
    """Say why a file is no bundle.

    Raises:
        UserError: always.
    """
    # What we raise are plain ValueErrors; what libraries say is for those who program.
    said = str(error) if type(error) is ValueError else "its parts do not fit each other"
    reason = " ".join(said.split())[:200]
    raise UserError(
        f"{name} is not a whole Headstart bundle ({reason}); ask for it again, or export it once "
        "more from the run."
    ) from error


def read_manifest(path: Path) -> Manifest:
    """Return what a bundle says of itself, without its weights.

    Raises:
        UserError: see `open_bundle`.
    """
    with open_bundle(path) as (manifest, _):
        return manifest


def check_whole(path: Path) -> Manifest:
    """Compare all that a bundle holds with its hashes; return what it says of itself.

    Raises:
        UserError: see `open_bundle`.
    """
    with open_bundle(path) as (manifest, read):
        for name in manifest.members:
            read(name)
        return manifest


def write_bundle_file(path: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Manifest:
    """Write a bundle so that a reader sees all of it or nothing.

    Args:
        path: where to.
        manifest: what it says of itself; its members are filled in, and the card is made from it.
        contents: of `WEIGHTS`, and of whatever else of `MOST` it has.

    Returns:
        The manifest as written.

    Raises:
        UserError: the disk is full.
    """
    contents = {**contents, CARD: card(manifest).encode()}
    members = {name: Member(_hash(content), len(content)) for name, content in contents.items()}
    manifest = replace(manifest, schema=SCHEMA, members=members)
    text = json.dumps(manifest.to_dict(), indent=1, ensure_ascii=False).encode()
    require_space(path.parent, sum(map(len, contents.values())))
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {MANIFEST: text, **contents}.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return manifest


def amend(path: Path, contents: Mapping[str, bytes] | None = None, **changes: Any) -> Manifest:
    """Change what a bundle says of itself: its figures, temperature or threshold; its card follows.

    Args:
        path: of the bundle; a reader sees the old one or the new one.
        contents: further files for it.
        **changes: fields of `Manifest` with their new values.

    Returns:
        The manifest as written.

    Raises:
        UserError: it is no bundle, or the disk is full.
    """
    with open_bundle(path) as (manifest, read):
        kept = {name: read(name) for name in manifest.members if name != CARD}
    return write_bundle_file(path, replace(manifest, **changes), {**kept, **(contents or {})})


def _check_directory(file: BinaryIO) -> int:
    """Refuse a table of contents larger than four files need, before it is read; return the size.

    zipfile would read any number of entries, each ten times as large in memory as in the file.
    """
    size = file.seek(0, 2)
    if size < 22:
        raise ValueError("it is no zip as bundles are")
    file.seek(size - 22)
    mark, _, _, _, _, length, start, comment = struct.unpack("<4s4H2LH", file.read(22))
    if mark != b"PK\5\6" or comment or length > _MOST_DIRECTORY or start + length + 22 != size:
        raise ValueError("it is no zip as bundles are")
    return size


def _manifest(text: bytes, name: str) -> Manifest:
    values = json.loads(text)
    if int(values.get("schema", 0)) > SCHEMA:
        raise UserError(f"{name} was made by a newer Headstart; update Headstart to open it.")
    return Manifest.from_dict(values)


def _content(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise ValueError(f"{name} is compressed")
    if info.file_size > min(MOST[name], size):
        raise ValueError(f"{name} is larger than it can be")
    return archive.read(info)


def _checked(content: bytes, name: str, told: Member) -> bytes:
    if told.bytes not in (None, len(content)):
        raise ValueError(f"{name} does not have the size that the manifest states")
    if _hash(content) != told.sha256:
        raise ValueError(f"{name} does not have the hash that the manifest states")
    if name.endswith(".safetensors") and int.from_bytes(content[:8], "little") > MOST_HEADER:
        raise ValueError(f"{name} has a header larger than it can be")
    return content


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
