"""Pictures that are being gathered, class by class, before there is a dataset: files on the disk.

Browsers send pictures one gesture at a time, and hundreds of snapshots would not fit in a session.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tl_core.data.edit import class_name
from tl_core.data.limits import limits
from tl_core.data.sources import Entry, file_entry
from tl_core.errors import UserError
from tl_core.workspace import Workspace, new_id, require_space, write_atomic

_ABANDONED_AFTER = 24 * 3600  # seconds
_INDEX = "index.json"
_PREFIX = "draft-"


@dataclass(frozen=True)
class Draft:
    """Gathered pictures.

    Attributes:
        folder: where they lie, named by the hash of their content.
    """

    folder: Path

    def classes(self) -> dict[str, list[tuple[str, str]]]:
        """Return each class with the hash and the name of its pictures, in the order they came."""
        try:
            record = json.loads((self.folder / _INDEX).read_bytes())
        except (OSError, ValueError):
            return {}
        return {name: [(file, called) for file, called in held] for name, held in record.items()}

    def add(self, name: str, called: str, stream: IO[bytes], size: int) -> bool:
        """Add a picture to a class; say whether it is new to it.

        Args:
            name: of the class.
            called: the name that the picture came with.
            stream: its bytes.
            size: how many they are.

        Raises:
            UserError: the class has no name, or the picture is too large for what is taken in or
                for the disk.
        """
        name, allowed = class_name(name), limits()
        if size > allowed.file_bytes:
            raise UserError(
                f"{called} is larger than {allowed.file_mb} MB, more than a picture may be; save "
                "it smaller and add it again."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        require_space(self.folder, size)
        data = stream.read()
        file = hashlib.sha256(data).hexdigest()
        held = self.classes()
        known = held.setdefault(name, [])
        if file in {old for old, _ in known}:
            return False
        write_atomic(self.folder / file, data)
        known.append((file, called))
        self._keep(held)
        return True

    def drop(self, name: str) -> None:
        """Take a class out."""
        self._keep({other: files for other, files in self.classes().items() if other != name})

    def entries(self) -> dict[str, list[Entry]]:
        """Return the pictures of each class as an import takes them."""
        return {
            name: [file_entry(self.folder / file, called) for file, called in held]
            for name, held in self.classes().items()
        }

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keep(self, held: dict[str, list[tuple[str, str]]]) -> None:
        write_atomic(self.folder / _INDEX, json.dumps(held).encode())


def new_draft(workspace: Workspace) -> Draft:
    """Return a draft without pictures, in a folder of its own."""
    return Draft(workspace.uploads / f"{_PREFIX}{new_id()}")


def sweep_drafts(workspace: Workspace) -> None:
    """Remove drafts that nobody added to for a day."""
    for folder in workspace.uploads.glob(f"{_PREFIX}*"):
        try:
            is_old = time.time() - folder.stat().st_mtime > _ABANDONED_AFTER
        except OSError:
            continue  # removed by another process
        if is_old:
            shutil.rmtree(folder, ignore_errors=True)
