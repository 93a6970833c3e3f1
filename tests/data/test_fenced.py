"""Nothing from outside is opened, also where files are swapped for links while an import runs."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from tl_core.data import fenced, intake
from tl_core.data.fenced import open_inside, scan_inside
from tl_core.data.intake import import_source
from tl_core.data.sources import folder_entries, open_file
from tl_core.errors import UserError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")


@pytest.fixture(params=[True, False], ids=["by parts", "compared"])
def way(request, monkeypatch):
    """Each way of opening; the second is that of systems which cannot open by parts."""
    monkeypatch.setattr(fenced, "BY_PARTS", request.param)


@pytest.fixture
def root(tree) -> Path:
    return Path(os.path.realpath(tree({"a": 3, "b": 3, "plain.txt": b"inside"})))


@pytest.fixture
def secret(tmp_path, picture) -> Path:
    folder = tmp_path / "secret"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.png").write_bytes(picture(900 + n))
    return folder


def swap(path: Path, target: Path) -> None:
    path.rename(path.with_name(f"was-{path.name}"))
    path.symlink_to(target)


@pytest.mark.usefixtures("way")
class TestOpening:
    def test_what_lies_inside(self, root):
        with open_inside(root, root / "plain.txt") as file:
            assert file.read() == b"inside"
        with scan_inside(root, root) as found:
            assert {entry.name for entry in found} == {"a", "b", "plain.txt"}
        with scan_inside(root, root / "a") as found:
            assert len(found) == 3

    def test_a_file_swapped_for_a_link(self, root, secret):
        swap(root / "a" / "0.png", secret / "0.png")
        with pytest.raises(OSError, match="took its place"):
            open_inside(root, root / "a" / "0.png")

    def test_a_folder_swapped_for_a_link(self, root, secret):
        swap(root / "a", secret)
        with pytest.raises(OSError, match="took its place"):
            open_inside(root, root / "a" / "0.png")
        with pytest.raises(OSError, match="took its place"), scan_inside(root, root / "a"):
            pass

    def test_the_folder_itself_swapped(self, root, secret):
        swap(root, secret)
        with pytest.raises(OSError, match="took its place"):
            open_inside(root, root / "0.png")

    def test_outside_from_the_beginning(self, root, secret):
        with pytest.raises(OSError, match="took its place"):
            open_inside(root, secret / "0.png")
        with pytest.raises(OSError, match="took its place"), scan_inside(root, secret):
            pass

    def test_gone(self, root):
        with pytest.raises(FileNotFoundError):
            open_inside(root, root / "a" / "missing.png")

    def test_no_descriptor_is_left(self, root, secret):
        swap(root / "a", secret)
        before = len(os.listdir("/dev/fd"))  # noqa: PTH208
        for _ in range(9):
            with pytest.raises(OSError, match="took its place"):
                open_inside(root, root / "a" / "0.png")
        assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


def test_a_pipe_that_took_a_files_place_is_not_waited_for(root):
    (root / "plain.txt").unlink()
    os.mkfifo(root / "plain.txt")
    with pytest.raises(OSError, match="took its place"):
        open_inside(root, root / "plain.txt")


@pytest.mark.usefixtures("way")
class TestImporting:
    """The swap comes after the list was made, before the first picture is opened."""

    @pytest.fixture(params=["file", "folder"])
    def swapped(self, request, root, secret, monkeypatch):
        original = intake.copy_in

        def swap_first(*args, **kwargs):
            if request.param == "file":
                swap(root / "a" / "0.png", secret / "0.png")
            else:
                swap(root / "b", secret)
            return original(*args, **kwargs)

        monkeypatch.setattr(intake, "copy_in", swap_first)
        return request.param

    def test_nothing_from_outside_comes_in(self, root, workspace, swapped):
        if swapped == "folder":
            with pytest.raises(UserError, match="Too few pictures can be read in 'b'"):
                import_source(workspace, root, within=root)
            return
        dataset = import_source(workspace, root, within=root)
        assert dataset.counts() == {"a": 2, "b": 3}
        assert {s.path: s.reason for s in dataset.skipped if s.path != "plain.txt"} == {
            "a/0.png": "could not be read (another file or a link took its place meanwhile)"
        }

    def test_the_links_stay_followed_where_nothing_is_fenced(self, root, workspace, swapped):
        assert swapped
        assert import_source(workspace, root).counts() == {"a": 3, "b": 3}

    def test_a_folder_swapped_while_it_is_listed(self, root, secret, monkeypatch):
        """Not even the names outside are told."""
        listed = os.scandir
        swapped = []

        def swap_then_list(folder):
            found = list(listed(folder))
            if not swapped:
                swapped.append(True)
                swap(root / "b", secret)
                (secret / "private.png").write_bytes(b"")
            return found

        monkeypatch.setattr(os, "scandir", swap_then_list)
        names = [entry.name for entry in folder_entries(root, within=root)]
        assert "a/0.png" in names
        assert not any("private" in name for name in names)

    def test_an_archive_swapped_for_a_link(self, root, secret, workspace, monkeypatch):
        for folder, name in ((root, "inside.zip"), (secret, "outside.zip")):
            with zipfile.ZipFile(folder / name, "w") as archive:
                for file in [*root.glob("a/*"), *root.glob("b/*")]:
                    archive.write(file, file.relative_to(root))
        check = intake.is_archive

        def check_then_swap(path):
            found = check(path)
            swap(root / "inside.zip", secret / "outside.zip")
            return found

        monkeypatch.setattr(intake, "is_archive", check_then_swap)
        with pytest.raises(UserError, match="The archive cannot be opened"):
            import_source(workspace, root / "inside.zip", within=root)


def test_links_that_stay_inside_are_followed(root):
    (root / "c").symlink_to(root / "a")
    (root / "b" / "link.png").symlink_to(root / "a" / "0.png")
    entries = {entry.name: entry for entry in folder_entries(root, within=root)}
    assert {"c/0.png", "b/link.png"} <= set(entries)
    assert entries["b/link.png"].open().read() == entries["a/0.png"].open().read()


def test_any_file_is_opened_where_nothing_is_fenced(secret):
    with open_file(secret / "0.png") as file:
        assert file.read(4) == b"\x89PNG"
