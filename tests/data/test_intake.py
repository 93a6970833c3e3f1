"""The data door: what comes in, what is refused, and that nothing half-written stays."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tl_core.data import copying, site
from tl_core.data.dataset import list_datasets
from tl_core.data.intake import import_entries, import_source
from tl_core.data.limits import limits
from tl_core.data.sources import Entry
from tl_core.data.split import shares
from tl_core.errors import UserError


def nothing_left(workspace) -> bool:
    return list(workspace.datasets.iterdir()) == []


def zip_file(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def skipped(dataset):
    return {one.path: one.reason for one in dataset.skipped}


def test_a_folder_of_class_folders(workspace, tree):
    root = tree({"dogs": 8, "cats": 10})
    dataset = import_source(workspace, root)
    assert dataset.name == "photos"
    assert dataset.counts() == {"cats": 10, "dogs": 8}
    assert not dataset.given_split
    for label, name in enumerate(dataset.classes):
        found = Counter(item.split for item in dataset.items if item.label == label)
        assert {split: found[split] for split in shares(1)} == shares(dataset.counts()[name])
    for item in dataset.items:
        data = dataset.path(item).read_bytes()
        assert hashlib.sha256(data).hexdigest() == item.file
        assert data == (root / item.name).read_bytes()
    assert list_datasets(workspace) == [dataset]


def test_the_same_pictures_again_are_the_same_dataset(workspace, tree, tmp_path):
    root = tree({"a": 3, "b": 3})
    first = import_source(workspace, root)
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path, "photos")
    assert import_source(workspace, root) == first
    assert import_source(workspace, archive) == first
    assert [path.name for path in workspace.datasets.iterdir()] == [first.id]
    assert import_source(workspace, root, owner="somebody").id != first.id


def test_other_pictures_get_another_name(workspace, tree):
    names = [
        import_source(workspace, tree({"a": 2, "b": 2}, f"d{n}"), "Pets").name for n in range(3)
    ]
    assert names == ["Pets", "Pets (2)", "Pets (3)"]


def test_names_are_cleaned(workspace, tree):
    root = tree({"a": 2, "b": 2})
    assert import_source(workspace, root, " My\n\u202epets ").name == "My pets"


def test_a_given_split_is_kept(workspace, tree):
    root = tree({"train/a": 3, "train/b": 2, "val/a": 2, "val/b": 1, "test/a": 1})
    dataset = import_source(workspace, root)
    assert dataset.given_split
    assert dataset.split_counts() == {"train": 5, "validation": 3, "test": 1}
    assert all(item.name.startswith(item.split[:3]) for item in dataset.items)


def test_a_given_split_without_test_has_none(workspace, tree):
    root = tree({"train/a": 20, "train/b": 2, "val/a": 2, "val/b": 1})
    assert import_source(workspace, root).split_counts()["test"] == 0


@pytest.mark.parametrize("test", [{}, {"test/a": 3}])
def test_a_given_split_without_validation_takes_it_from_train(workspace, tree, test):
    dataset = import_source(workspace, tree({"train/a": 20, "train/b": 20, **test}))
    assert dataset.split_counts() == {"train": 34, "validation": 6, "test": 3 if test else 0}
    assert all(item.name.startswith("train") for item in dataset.of("validation"))


def test_unreadable_files_are_listed_and_left_out(workspace, tree, picture):
    root = tree(
        {
            "a": 3,
            "b": 3,
            "a/cut.jpg": picture(1, (64, 64), "JPEG")[:600],
            "b/empty.png": b"",
            "b/text.jpg": b"no picture",
            "b/notes.txt": b"notes",
        }
    )
    dataset = import_source(workspace, root)
    assert dataset.counts() == {"a": 3, "b": 3}
    assert skipped(dataset) == {
        "a/cut.jpg": "the file is cut off",
        "b/empty.png": "the file is empty",
        "b/text.jpg": "not a picture that can be read",
        "b/notes.txt": "not a picture",
    }
    stored = [path for path in (dataset.folder / "files").rglob("*") if path.is_file()]
    assert len(stored) == 6, "what cannot be read is not kept"


def test_equal_files_are_kept_once_in_a_class(workspace, tree, picture):
    same = picture(77)
    root = tree({"a": 3, "b": 3, "a/x.png": same, "a/y.png": same, "b/z.png": same})
    dataset = import_source(workspace, root)
    assert dataset.counts() == {"a": 4, "b": 4}
    assert skipped(dataset) == {"a/y.png": "the same picture as a/x.png"}
    twins = [item for item in dataset.items if item.name in ("a/x.png", "b/z.png")]
    assert len({item.split for item in twins}) == 1, "one picture is in one split only"


def test_equal_files_in_given_splits_stay(workspace, tree, picture):
    same = picture(78)
    root = tree({"train/a": 2, "train/b": 2, "train/a/x.png": same, "val/a/x.png": same})
    assert import_source(workspace, root).split_counts() == {"train": 5, "validation": 1, "test": 0}


def test_a_hostile_zip_writes_nothing_outside(workspace, tmp_path, picture):
    names = ["../../../evil.png", "/evil.png", "C:\\evil.png", "..\\..\\evil.png", "a/x\\..\\..\\e"]
    files = {name: picture(n) for n, name in enumerate(names)}
    files |= {
        f"{label}/{n}.png": picture(10 * n + len(label)) for label in ("a", "bb") for n in (1, 2)
    }
    before = {path for path in tmp_path.rglob("*") if "datasets" not in path.parts}
    archive = zip_file(tmp_path / "hostile.zip", files)
    dataset = import_source(workspace, archive)
    assert dataset.counts() == {"a": 2, "bb": 2}
    assert skipped(dataset) == dict.fromkeys(names, "its name points outside the folder")
    ours = {"datasets", "sketches"}
    after = {path for path in tmp_path.rglob("*") if not ours & set(path.parts)}
    assert after - before == {archive}


def test_hostile_class_names_are_only_text(workspace, tmp_path, picture):
    classes = ["CON", "a:b|c?", "=cmd()", "<script>", "\U0001f600" * 60]
    files = {
        f"{name}/{n}.png": picture(10 * k + n) for k, name in enumerate(classes) for n in (1, 2)
    }
    dataset = import_source(workspace, zip_file(tmp_path / "x.zip", files))
    assert set(dataset.classes) == set(classes)
    on_disk = {path.name for path in dataset.folder.rglob("*") if path.is_file()}
    assert on_disk == {item.file for item in dataset.items} | {"dataset.json"}


def test_one_damaged_file_in_a_zip_is_listed(workspace, tmp_path, picture):
    files = {f"{label}/{n}.png": picture(10 * n + ord(label)) for label in "ab" for n in range(3)}
    archive = zip_file(tmp_path / "x.zip", files)
    data = bytearray(archive.read_bytes())
    at = data.find(b"PK\x03\x04", 10) - 40
    data[at : at + 8] = bytes(8)
    archive.write_bytes(bytes(data))
    dataset = import_source(workspace, archive)
    assert dataset.counts() == {"a": 2, "b": 3}
    assert skipped(dataset) == {"a/0.png": "damaged inside the archive"}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "no pictures"),
        ({"notes.txt": b"x"}, "no pictures"),
        ({"1.png": b"x", "2.png": b"y"}, "lie loose"),
        ({"a": 3}, "only one class, 'a'"),
        ({"a": 3, "b": 1}, "'b'"),
        ({"a": 1, "b": 1, "c": 2}, "'a', 'b'"),
        ({"a": 3, "b/1.png": b"x", "b/2.png": b"y"}, "'b'"),
        ({"a/1.png": b"x", "b/1.png": b"y"}, "None of the 2 pictures"),
        ({"train/a": 2, "train/b": 2, "val/c": 2}, "validation folder.*'c'"),
        ({"train/a": 2, "train/b": 1, "test/b": 5}, "'b'"),
        ({"train/a": 2, "train/b/1.png": b"x", "val/b": 5, "val/a": 1}, "'b'"),
    ],
)
def test_refusals_leave_nothing_behind(workspace, tree, files, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        import_source(workspace, tree(files))
    assert nothing_left(workspace)
    assert str(caught.value).endswith(".")


def test_an_empty_class_folder_is_refused(workspace, tree):
    root = tree({"a": 3, "b": 3})
    (root / "c").mkdir()
    with pytest.raises(UserError, match="'c'"):
        import_source(workspace, root)


@pytest.mark.parametrize("source", ["missing", "x" * 5000, "nul\0", "~nobody-here/x"])
def test_a_missing_source(workspace, source):
    with pytest.raises(UserError, match=r"no folder or archive that can be read at"):
        import_source(workspace, source)


def test_a_file_where_a_folder_is_expected(workspace, tree):
    root = tree({"photo.png": b"x"})
    with pytest.raises(UserError, match="is a single file"):
        import_source(workspace, root / "photo.png")


def test_a_broken_zip(workspace, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(UserError, match="damaged"):
        import_source(workspace, tmp_path / "x.zip")
    assert nothing_left(workspace)


def entries(picture, **changed):
    made = []
    for n in range(6):
        data = picture(n)
        made.append(Entry(f"{'ab'[n % 2]}/{n}.png", len(data), lambda data=data: io.BytesIO(data)))
    name = next(iter(changed), None)
    if name:
        made[0] = Entry("a/0.png", *changed[name])
    return made


def test_progress_goes_up_to_the_end(workspace, picture):
    seen = []
    import_entries(workspace, entries(picture), "x", progress=lambda *step: seen.append(step))
    assert seen == [(n, 6) for n in range(1, 7)]


def raising(error):
    def open_it():
        raise error

    return open_it


@pytest.mark.parametrize(
    ("size", "open_it", "reason"),
    [
        (5, lambda: io.BytesIO(b"123456"), "longer than it said"),
        (limits().file_bytes + 1, lambda: io.BytesIO(b""), "larger than 200 MB"),
        (5, raising(PermissionError(13, "Permission denied")), "could not be read"),
        (5, raising(zipfile.BadZipFile("x")), "damaged inside the archive"),
    ],
)
def test_sources_that_fail_are_listed(workspace, picture, size, open_it, reason):
    dataset = import_entries(workspace, entries(picture, first=(size, open_it)), "x")
    assert skipped(dataset)["a/0.png"].startswith(reason)
    assert dataset.counts() == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "No space left on device"), UserError),
        (PermissionError(13, "Permission denied"), PermissionError),
    ],
)
@pytest.mark.parametrize("step", ["copy_entry", "save", "_once"])
def test_whatever_interrupts_leaves_nothing(workspace, picture, monkeypatch, error, expected, step):
    def fail(*_):
        raise error

    monkeypatch.setattr(site if step == "save" else copying, step, fail)
    with pytest.raises(expected):
        import_entries(workspace, entries(picture), "x")
    assert nothing_left(workspace)


def test_no_disk_space(workspace, picture, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: os.terminal_size((0, 0)) and Full)
    with pytest.raises(UserError, match="free some space"):
        import_entries(workspace, entries(picture), "x")
    assert nothing_left(workspace)


class Full:
    free = 1000


def test_what_a_killed_import_left_is_swept_up(workspace, picture):
    old, fresh = workspace.datasets / ".old.part", workspace.datasets / ".fresh.part"
    old.mkdir()
    fresh.mkdir()
    os.utime(old, (time.time() - 10**6,) * 2)
    import_entries(workspace, entries(picture), "x")
    assert not old.exists()
    assert fresh.exists()


def test_a_damaged_dataset_is_made_anew(workspace, picture):
    first = import_entries(workspace, entries(picture), "x")
    (first.folder / "dataset.json").write_text("{")
    again = import_entries(workspace, entries(picture), "x")
    assert (again.id, again.items) == (first.id, first.items)
    assert list_datasets(workspace) == [again]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["zip-slip.zip", "zip-slip-win.zip"])
def test_the_zip_slip_archives(workspace, shared_data, name):
    with pytest.raises(UserError, match="no pictures"):
        import_source(workspace, shared_data / "awkward" / name)
    assert nothing_left(workspace)


@pytest.mark.shared
def test_ants_and_bees(workspace, shared_data):
    dataset = import_source(workspace, shared_data / "hymenoptera")
    assert dataset.counts() == {"ants": 194, "bees": 204}
    assert dataset.split_counts() == {"train": 245, "validation": 153, "test": 0}
    assert dataset.skipped == ()


def _part(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def test_the_parts_of_a_download_are_one_set(workspace, picture, tmp_path):
    for part, label in enumerate(("ants", "bees"), 1):
        names = {f"set/{label}/{n}.png": picture(10 * part + n) for n in range(4)}
        _part(tmp_path / f"set-20240101T000000Z-{part:03}.zip", names)
    _part(tmp_path / "set-other-001.zip", {"set/wasps/1.png": picture(99)})
    dataset = import_source(workspace, tmp_path / "set-20240101T000000Z-002.zip")
    assert dataset.counts() == {"ants": 4, "bees": 4}
    assert dataset.name == "set-20240101T000000Z"


@pytest.mark.parametrize(
    ("name", "said"),
    [("x.7z", "a 7-Zip archive"), ("x.RAR", "a RAR archive"), ("x.zip.001", "one volume"),
     ("x.z01", "one volume"), ("x.jpg.gz", "a single file compressed by gzip")],
)  # fmt: skip
def test_what_is_not_opened_is_called_by_its_name(workspace, tmp_path, name, said):
    (tmp_path / name).write_bytes(b"7z\xbc\xaf\x27\x1c")
    with pytest.raises(UserError, match=rf"is {said}.*unpack it"):
        import_source(workspace, tmp_path / name)
