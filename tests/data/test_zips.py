"""Zips as lists of entries, also hostile ones."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from contextlib import suppress

import pytest

from tl_core.data import zips
from tl_core.data.zips import zip_entries
from tl_core.errors import UserError


def zipped(files, method=zipfile.ZIP_DEFLATED) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer


def contents(entries):
    return {entry.name: entry.open().read() for entry in entries}


@pytest.mark.parametrize("method", sorted(zips._METHODS))
def test_zip(method, tmp_path):
    buffer = zipped({"cats/1.png": b"one", "dogs/1.png": b"two" * 1000}, method)
    path = tmp_path / "x.zip"
    path.write_bytes(buffer.getvalue())
    for source in (buffer, path):
        with zip_entries(source) as entries:
            assert contents(entries) == {"cats/1.png": b"one", "dogs/1.png": b"two" * 1000}


def test_names_stay_as_they_were_written():
    names = {"../../evil.png": b"", "a\\b.png": b"", "grün/ü.png": b""}
    with zip_entries(zipped(names)) as entries:
        assert {entry.name for entry in entries} == set(names)


def test_utf8_names_that_do_not_say_so():
    """The archiver of macOS writes UTF-8 and leaves the flag for it unset."""
    data = zipped({"Xn/1.png": b""}).getvalue().replace(b"Xn/1.png", "é/1.png".encode())
    with zip_entries(io.BytesIO(data)) as entries:
        assert [entry.name for entry in entries] == ["é/1.png"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip at all" * 99])
def test_no_zip(data):
    with (
        pytest.raises(UserError, match=r"damaged, cut off or not a \.zip"),
        zip_entries(io.BytesIO(data)),
    ):
        pass


def test_a_cut_zip():
    data = zipped({"a/1.png": os.urandom(5000)}).getvalue()
    with (
        pytest.raises(UserError, match=r"damaged, cut off or not a \.zip"),
        zip_entries(io.BytesIO(data[:3000])),
    ):
        pass


def test_a_missing_zip(tmp_path):
    with pytest.raises(UserError, match="cannot be opened"), zip_entries(tmp_path / "missing.zip"):
        pass


def patched_directory(buffer, offset, value, form="<H") -> io.BytesIO:
    """Change a field of the first entry of the table of contents."""
    data = bytearray(buffer.getvalue())
    struct.pack_into(form, data, data.rfind(b"PK\x01\x02") + offset, value)
    return io.BytesIO(bytes(data))


def test_a_password():
    locked = patched_directory(zipped({"a/1.png": b"x"}), 8, 1)
    with pytest.raises(UserError, match="password"), zip_entries(locked):
        pass


def test_an_unknown_method():
    odd = patched_directory(zipped({"a/1.png": b"x"}), 10, 98)
    with pytest.raises(UserError, match="method"), zip_entries(odd):
        pass


def test_too_many_entries(monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_ENTRIES", "2")
    with (
        pytest.raises(UserError, match="more than 2 files"),
        zip_entries(zipped({str(n): b"" for n in range(3)})),
    ):
        pass


def test_too_much_to_unpack(monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_UNPACKED_MB", "1")
    with (
        pytest.raises(UserError, match="would unpack to"),
        zip_entries(zipped({"a": bytes(600_000), "b": bytes(600_000)})),
    ):
        pass


def test_an_absurd_ratio(monkeypatch):
    monkeypatch.setattr(zips, "RATIO_MATTERS_FROM", 1 << 20)
    with (
        pytest.raises(UserError, match="times its size"),
        zip_entries(zipped({"a": bytes(4 << 20)})),
    ):
        pass


def test_never_more_bytes_than_the_table_says():
    """The whole is bounded by the sizes in the table, so those must hold."""
    lying = patched_directory(zipped({"a/1.png": bytes(5000)}), 24, 10, "<I")
    with zip_entries(lying) as entries, suppress(zipfile.BadZipFile, zlib.error):
        assert len(entries[0].open().read()) <= 10


def test_a_table_of_contents_that_would_fill_the_memory(monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_ENTRIES", "1")
    monkeypatch.setattr(zips, "_LARGEST_READ", 1)
    many = zipped({f"{n}": b"" for n in range(9)})
    with pytest.raises(UserError, match="lists more files than the 1 "), zip_entries(many):
        pass


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_little_that_unpacks_to_much_at_once(method):
    """By these methods zipfile unpacks all that it reads, and 100 bytes of bzip2 can be 100 MB."""
    bomb = zipped({"a/1.png": bytes(1 << 20)}, method)
    with pytest.raises(UserError, match="a method other than Deflate"), zip_entries(bomb):
        pass


def test_a_link_is_left_out():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a/1.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a/2.png", b"x")
    with zip_entries(buffer) as entries:
        assert [entry.refused for entry in entries] == [zips.LINK, ""]
