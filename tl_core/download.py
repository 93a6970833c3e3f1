"""One downloader for weights and picture sets: it resumes, checks, and leaves no false file.

What has arrived lies beside the target as `.NAME.ID.part`; whoever downloads has a part of its
own. A download that ends early gives its part back as `.NAME.part`, and the next one, also after
a crash or a restart, goes on from there where the server can (HTTP Range).
"""

from __future__ import annotations

import hashlib
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tl_core.errors import HeadstartError, UserError
from tl_core.workspace import disk_errors, new_id, require_space

Progress = Callable[[int, int], None]

CHUNK = 1 << 20
PAUSES = (0.5, 2.0, 5.0)  # seconds, after one broken connection and another without a new byte
_TIMEOUT = 30  # seconds without a byte
_ABANDONED_AFTER = 120  # seconds without a byte, more than any living download waits


@dataclass(frozen=True)
class Source:
    """A published file.

    Attributes:
        url: where it is.
        file: what it is called here.
        bytes: its size.
        digest: `sha256:` or `md5:` with the published hash, or with its beginning.
        title: what messages call it.
    """

    url: str
    file: str
    bytes: int
    digest: str
    title: str


class UnreachableError(HeadstartError):
    """A file could not be had; the message is the reason alone. What had arrived is kept."""


def download(source: Source, folder: Path, progress: Progress | None = None) -> Path:
    """Return a published file in `folder`, fetched or fetched to its end.

    Args:
        source: which file.
        folder: where it goes; made when it is not there.
        progress: called with bytes done and bytes in all. What it raises stops the download, and
            what had arrived is kept.

    Raises:
        UnreachableError: there is no connection, it broke and broke again, or the server refused.
        UserError: the disk is full, or what arrived is not what was published.
    """
    target = folder / source.file
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    require_space(folder, source.bytes - arrived(target))
    part = _take_over(target)
    try:
        with disk_errors(source.title):
            begun = _size(part) > 0
            _fetch(source, part, progress)
            if begun and not _is_right(source, part):  # the beginning was of something else
                part.unlink()
                _fetch(source, part, progress)
        if not _is_right(source, part):
            raise UserError(
                f"The download of {source.title} does not have the published hash, so it "
                "was thrown away; try again, or ask whoever runs your network."
            )
        part.replace(target)
    except UserError:
        part.unlink(missing_ok=True)
        raise
    finally:
        with suppress(FileNotFoundError):
            part.replace(_given_back(target))
    for other in _left_behind(target):
        other.unlink(missing_ok=True)
    return target


def arrived(target: Path) -> int:
    """Return how many bytes of a file wait for its download to go on."""
    return max(map(_size, _left_behind(target)), default=0)


def _given_back(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _left_behind(target: Path) -> list[Path]:
    """List the parts that nobody writes to any more, the largest first."""
    given_back = _given_back(target)
    parts = [given_back] if given_back.is_file() else []
    for part in target.parent.glob(f".{escape(target.name)}.*.part"):
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _ABANDONED_AFTER:
                parts.append(part)
    return sorted(parts, key=_size, reverse=True)


def _take_over(target: Path) -> Path:
    """Return a part of our own; renaming is what two downloads cannot both do."""
    mine = target.with_name(f".{target.name}.{new_id()}.part")
    for part in _left_behind(target):
        with suppress(FileNotFoundError):
            return part.rename(mine)
    return mine


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _is_right(source: Source, path: Path) -> bool:
    kind, _, published = source.digest.partition(":")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False))
    return digest.hexdigest().startswith(published)


def _fetch(source: Source, part: Path, progress: Progress | None) -> None:
    """Fetch what is missing, again and again as long as something new arrives."""
    best, in_vain, connected = _size(part), 0, False
    while True:
        if 0 < source.bytes <= _size(part) and _is_right(source, part):
            return
        try:
            if _fetch_rest(source, part, progress):
                return
            reason = "the connection broke off"
        except HTTPError as error:
            reason = f"the server answered {error.code}"
            if error.code == 416:  # it has no such range: it is another file now
                part.unlink(missing_ok=True)
            elif error.code < 500:
                raise UnreachableError(reason) from error
        except URLError as error:
            if not connected:
                raise UnreachableError("this machine seems to be offline") from error
            reason = "the connection was lost"
        except (HTTPException, TimeoutError, ConnectionError, ssl.SSLError):
            reason = "the connection broke off"
        connected = True
        # Farther than ever, that is: a server that cannot resume may begin again for ever.
        in_vain = 0 if _size(part) > best else in_vain + 1
        best = max(best, _size(part))
        if in_vain > len(PAUSES):
            raise UnreachableError(reason)
        time.sleep(PAUSES[max(0, in_vain - 1)])


def _fetch_rest(source: Source, part: Path, progress: Progress | None) -> bool:
    """Ask once for what is missing, and tell whether all of it came."""
    have = _size(part)
    headers = {"User-Agent": "Headstart", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = Request(source.url, headers=headers)  # noqa: S310 (an address of the catalogue)
    with urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
        done, total = _extent(answer, source.bytes)
        if done not in (0, have):
            raise HTTPException("an answer to another question")
        with part.open("r+b" if done else "wb") as file:
            file.seek(done)
            while done <= total and (chunk := answer.read(CHUNK)):
                file.write(chunk)
                done += len(chunk)
                if progress:
                    progress(done, total)
    return done >= total


def _extent(answer: HTTPResponse, size: int) -> tuple[int, int]:
    """Return where an answer begins, and the size of the whole file."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range") or "")
    if answer.status == 206 and found:
        return int(found[1]), int(found[2])
    return 0, int(answer.headers.get("Content-Length") or size)
