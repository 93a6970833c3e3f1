"""Tars as lists of entries, also hostile ones."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import time
from functools import partial

import pytest

from tl_core.data import zips
from tl_core.data.packed import is_archive, open_archive
from tl_core.data.tars import tar_entries
from tl_core.errors import UserError

BLOCK = tarfile.BLOCKSIZE


def tarred(files, mode="w", **kinds) -> io.BytesIO:
    """Pack files; `kinds` gives some of them a type of their own."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.type = kinds.get(name, tarfile.REGTYPE)
            info.linkname = data.decode() if info.issym() or info.islnk() else ""
            info.size = len(data) if info.type in (tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE) else 0
            archive.addfile(info, io.BytesIO(data))
    return buffer


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a header that may say anything."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def contents(entries):
    return {
        entry.name: b"".join(iter(partial(entry.open().read, 1 << 20), b"")) for entry in entries
    }


FILES = {"cats/1.png": b"one", "dogs/1.png": os.urandom(1_100_000), "../evil.png": b"", "ü/2": b"x"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_way_of_packing(mode, tmp_path):
    buffer = tarred(FILES, mode)
    path = tmp_path / "x"
    path.write_bytes(buffer.getvalue())
    assert is_archive(path)
    for source in (buffer, path):
        with open_archive(source) as entries:
            assert contents(entries) == FILES


def test_a_folder_is_an_entry():
    with tar_entries(tarred({"cats": b""}, cats=tarfile.DIRTYPE)) as entries:
        assert [entry.name for entry in entries] == ["cats/"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, zips.LINK),
        (tarfile.LNKTYPE, zips.LINK),
        (tarfile.CHRTYPE, "not a plain file"),
        (tarfile.FIFOTYPE, "not a plain file"),
        (tarfile.GNUTYPE_SPARSE, "not a plain file"),
    ],
)
def test_links_and_devices_are_left_out(kind, reason):
    with tar_entries(tarred({"a": b"/etc/passwd", "b": b"x"}, a=kind)) as entries:
        assert [entry.refused for entry in entries] == [reason, ""]
        assert entries[0].open().read() == b""


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x1f\x8bno gzip at all", "damaged, cut off or not a .tar"),
        (b"BZh" + b"no", "damaged, cut off"),
        (b"\xfd7zXZ\x00no", "damaged, cut off"),
        (tarred(FILES).getvalue()[:-30_000], "damaged, cut off"),
        (tarred(FILES).getvalue()[: 2 * BLOCK + 100], "damaged, cut off"),
        (tarred(FILES, "w:gz").getvalue()[:-3000], "damaged, cut off"),
        (tarred({"a": b"x" * BLOCK}).getvalue()[: 2 * BLOCK] + b"no header" * 99, "damaged"),
        (header("a", -BLOCK) + bytes(4 * BLOCK), "damaged, cut off"),
        (header("a", 1 << 40) + bytes(4 * BLOCK), "would unpack to"),
        (header("long", 1 << 35, tarfile.GNUTYPE_LONGNAME) + bytes(4 << 20), "a header larger"),
        (header("pax", 1 << 35, tarfile.XHDTYPE) + bytes(4 << 20), "a header larger"),
    ],
    ids=[
        "no gzip", "no bzip2", "no xz", "cut off", "cut off in a header", "gzip cut off",
        "no second header", "less than nothing", "too much", "a long name", "long properties",
    ],  # the bytes of some hold the time, so they name no test
)  # fmt: skip
def test_what_is_no_good_tar_is_one_sentence(data, sentence):
    with pytest.raises(UserError, match=sentence), tar_entries(io.BytesIO(data)):
        pass


def test_a_header_again_and_again():
    """Each long name announces another header; tarfile would follow them until it breaks."""
    one = header("././@LongLink", 10, tarfile.GNUTYPE_LONGNAME) + b"name".ljust(BLOCK, b"\0")
    with pytest.raises(UserError, match="damaged"), tar_entries(io.BytesIO(one * 5000)):
        pass


def test_a_bomb_is_found_before_it_is_unpacked():
    bomb = gzip.compress(header("a", 900 << 20) + bytes(50 << 20), 1)
    began = time.monotonic()
    with pytest.raises(UserError, match="times its size"), tar_entries(io.BytesIO(bomb)):
        pass
    assert time.monotonic() - began < 5


def test_too_many_files(monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_ENTRIES", "2")
    many = tarred({str(n): b"" for n in range(3)})
    with pytest.raises(UserError, match="lists more files than the 2 "), tar_entries(many):
        pass


def test_names_that_would_fill_the_memory(monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_ENTRIES", "9")
    many = tarred({"x" * 3000 + str(n): b"" for n in range(3)})
    with pytest.raises(UserError, match="lists more files"), tar_entries(many):
        pass
