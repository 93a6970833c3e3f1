"""What a weights file is before anything is read from it, told from its first and last bytes.

No torch: the terminal asks before a run is made, and a page before a file is kept.
"""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

from tl_core.errors import UserError

_HEAD = 1024
_MOST_HEADER = 100_000_000  # bytes; the most that safetensors itself reads


def check_file(path: Path) -> None:
    """Refuse what is no whole weights file, whatever its name says.

    Raises:
        UserError: not there, no plain file, or a download that went wrong; the message says what
            it is.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise UserError(f"There is no weights file {path}; check the name.") from error
    if not stat.S_ISREG(status.st_mode):  # opening a pipe or a device could wait for ever
        raise UserError(f"{path} is not a file but a folder, a pipe or a device; name a file.")
    is_safetensors = path.suffix == ".safetensors"
    try:
        found = _fault(path, status.st_size, is_safetensors)
    except OSError as error:
        raise UserError(
            f"{path} cannot be opened ({error.strerror}); check its permissions."
        ) from error
    if found:
        kind = "cannot be read as safetensors" if is_safetensors else "is not a plain PyTorch "
        kind += "" if is_safetensors else "weights file"
        raise UserError(f"{path.name} {kind} because it is {found}.")


def _fault(path: Path, size: int, is_safetensors: bool) -> str:
    """Return what a file is instead, and what to do; empty where nothing is wrong so far."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head:
            return "empty; fetch it again"
        if not head.strip(b"\0"):
            return "made of zeros, as an interrupted download leaves them; fetch it again"
        if fault := _text(head):
            return fault
        if head.startswith(b"\x1f\x8b"):
            return "compressed with gzip; unpack it first"
        if is_safetensors:
            if head.startswith((b"PK\3\4", b"\x80\2", b"\x80\4")):
                return "of another kind (.pth, say) with a changed name; convert it with: " + (
                    f"python -m tl_core convert-weights {path.name} {path.stem}-new.safetensors"
                )
            return _cut_safetensors(head, path, size)
        if head.startswith(b"PK\3\4"):
            return _zip_fault(path, size)
        if int.from_bytes(head[:8], "little") <= size and head[8:9] == b"{":
            return "a safetensors file already; give it the ending .safetensors"
    return ""


def _text(head: bytes) -> str:
    """Tell a download that brought words instead of the file."""
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if plain.startswith(b"version https://git-lfs"):
        return (
            "a Git LFS pointer, which only says where the weights are; fetch the file itself, with "
            "git lfs pull or by its download button"
        )
    if plain[:1] == b"<":
        return (
            "a web page, such as a download that asks for a login or a confirmation first; open "
            "the address in a browser and save the file itself"
        )
    if all(byte in b"\t\r\n" or byte >= 32 for byte in head) and _is_utf_8(head):
        return "a text without any tensors; fetch the file itself"
    return ""


def _is_utf_8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == _HEAD and error.start > _HEAD - 4  # a letter that is cut through
    return True


def _cut_safetensors(head: bytes, path: Path, size: int) -> str:
    length = int.from_bytes(head[:8], "little")
    if len(head) < 8:
        return "cut off; fetch it again"
    if head[8:9] not in (b"{", b"") or length > _MOST_HEADER:
        return ""  # of another kind; whoever reads it says so
    cut = "cut off: {} of {} bytes are there; fetch it again"
    if 8 + length > size:
        return cut.format(f"{size:,}", f"more than {8 + length:,}")
    with path.open("rb") as file:
        file.seek(8)
        try:
            told = json.loads(file.read(length))
            ends = [t["data_offsets"][1] for name, t in told.items() if name != "__metadata__"]
            whole = 8 + length + max(map(int, ends), default=0)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            return ""
    return cut.format(f"{size:,}", f"{whole:,}") if whole > size else ""


def _zip_fault(path: Path, size: int) -> str:
    """Tell a cut zip, and one that unpacks to far more than it is: PyTorch packs nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "cut off (its end is missing or damaged); fetch it again"
    if unpacked > 4 * size:
        return (
            f"packed so that its {size:,} bytes become {unpacked:,}, which PyTorch never does; "
            "save `model.state_dict()` again and convert that"
        )
    return ""
