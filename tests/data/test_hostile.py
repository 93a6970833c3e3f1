"""Hostile archives at the data door: refused or cleaned in one sentence, nothing outside."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tl_core.data.intake import import_source
from tl_core.errors import UserError

KINDS = ["zip", "tar", "tar.gz"]
NAMES = [
    "../../../outside/evil.png",
    "a/../../outside/evil.png",
    "..\\..\\outside\\evil.png",
    "/outside/evil.png",
    "\\\\server\\outside\\evil.png",
    "C:\\outside\\evil.png",
]
ODD_CLASSES = {
    "line\nbreak": "line break",
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    "right\u202eto left": "rightto left",
    "CON": "CON",
    "nul.": "nul.",
    "b\x07ell": "bell",
    "=1+1": "=1+1",
    "cat": "cat",
    "Cat": "Cat",
}


def archive(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in files.items():
                packed.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as packed:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                packed.addfile(info, io.BytesIO(data))
    return path


def everything_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def good(picture) -> dict[str, bytes]:
    return {f"{'ab'[n % 2]}/{n}.png": picture(n) for n in range(6)}


@pytest.fixture
def take_in(workspace, tmp_path):
    """Return a function that imports files in an archive and looks that nothing lies outside."""

    def go(kind: str, files: dict[str, bytes]):
        inside = tmp_path / "deep" / "deeper"
        inside.mkdir(parents=True, exist_ok=True)
        source = archive(inside / f"x.{kind}", files)
        before = everything_below(tmp_path)
        try:
            return import_source(workspace, source)
        finally:
            new = everything_below(tmp_path) - before
            assert all(path.is_relative_to(workspace.root) for path in new)
            assert not list(workspace.datasets.glob(".*"))

    return go


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_climb_out(take_in, picture, kind):
    dataset = take_in(kind, {**good(picture), **{name: picture(9) for name in NAMES}})
    assert dataset.counts() == {"a": 3, "b": 3}
    assert {one.reason for one in dataset.skipped} == {"its name points outside the folder"}
    assert len(dataset.skipped) == len(NAMES)


@pytest.mark.parametrize("kind", KINDS)
def test_odd_names_are_cleaned(take_in, picture, kind):
    files = {
        f"{name}/{n}.png": picture(10 * k + n)
        for k, name in enumerate(ODD_CLASSES)
        for n in range(2)
    }
    dataset = take_in(kind, files)
    assert set(dataset.classes) == set(ODD_CLASSES.values())


def test_long_names(take_in, picture):
    files = {**good(picture), f"{'c' * 300}/1.png": picture(7), f"a/{'x' * 300}.png": picture(8)}
    dataset = take_in("zip", files)
    assert dataset.counts() == {"a": 4, "b": 3}
    assert max(len(item.name) for item in dataset.items) <= 2 + 255
    assert [one.reason for one in dataset.skipped] == ["the name of its class folder is too long"]


@pytest.mark.parametrize("kind", KINDS)
def test_archives_inside_are_not_opened(take_in, picture, tmp_path, kind):
    inner = archive(tmp_path / "in.zip", good(picture)).read_bytes()
    nested = {**good(picture), "a/more.zip": inner, "b/more.tar.gz": inner}
    assert {one.reason for one in take_in(kind, nested).skipped} == {
        "an archive, and those inside others are not opened"
    }
    with pytest.raises(UserError, match=r"no pictures in x.*unpack the archives inside"):
        take_in(kind, {"more.zip": inner})


def test_a_picture_far_down(take_in, picture):
    deep = "/".join("d" * 40) + "/1.png"
    assert [one.reason for one in take_in("zip", {**good(picture), deep: picture(9)}).skipped] == [
        "more than 32 folders deep"
    ]


def test_a_picture_that_would_fill_the_memory(take_in, picture, monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_MEGAPIXELS", "1")
    dataset = take_in("zip", {**good(picture), "a/big.png": picture(9, (1100, 1000))})
    assert [one.reason for one in dataset.skipped] == [
        "too many pixels (1100 × 1000, at most 1 million are read)"
    ]


def test_a_polyglot_is_what_it_begins_with(workspace, take_in, picture, tmp_path):
    """A PNG with a zip behind it is a picture in a class and no archive to be imported."""
    hidden = archive(tmp_path / "in.zip", {"c/1.png": picture(20)}).read_bytes()
    both = picture(9) + hidden
    dataset = take_in("zip", {**good(picture), "a/both.png": both})
    assert dataset.counts() == {"a": 4, "b": 3}
    (tmp_path / "both.png").write_bytes(both)
    with pytest.raises(UserError, match="is a single file"):
        import_source(workspace, tmp_path / "both.png")


@pytest.mark.slow
def test_one_hundred_thousand_files_that_are_no_pictures(take_in, picture):
    files = {**good(picture), **{f"a/{n}.txt": b"" for n in range(100_000)}}
    dataset = take_in("zip", files)
    assert len(dataset.skipped) == 100_000


def test_too_many_files_are_refused_by_the_list_alone(take_in, monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_ENTRIES", "5000")
    for kind in KINDS:
        with pytest.raises(UserError, match=r"more (files )?than (the )?5,000"):
            take_in(kind, {f"a/{n}.png": b"" for n in range(5001)})
