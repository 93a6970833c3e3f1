"""What a browser may import from this machine's disk: what the operator named, nothing else."""

from __future__ import annotations

import os

import pytest

from tl_core.data.allowed import VARIABLE, allowed_folders, inside, listed
from tl_core.data.intake import import_source
from tl_core.errors import UserError


@pytest.fixture
def root(tree, tmp_path, monkeypatch):
    root = tree(
        {"pets/cats": 3, "pets/dogs": 3, "pets.zip": b"", ".hidden/1.png": b"", "n.txt": b""}
    )
    monkeypatch.setenv(VARIABLE, f"{root}{os.pathsep}{tmp_path / 'missing'}{os.pathsep}")
    return root.resolve()


def test_none_are_allowed_by_default(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert allowed_folders() == ()


def test_what_is_allowed(root):
    assert allowed_folders() == (root,)
    assert listed(root) == ["pets", "pets.zip"]
    assert inside(root, ("pets", "cats")) == root / "pets" / "cats"
    assert inside(root, ()) == root


@pytest.mark.parametrize(
    "steps", [("..",), ("pets", "..", ".."), ("/etc",), ("missing",), ("nul\0",), ("x" * 5000,)]
)
def test_what_lies_outside(root, steps):
    with pytest.raises(UserError, match="choose another"):
        inside(root, steps)


def test_a_folder_that_was_never_allowed(root, tmp_path):
    with pytest.raises(UserError, match="choose another"):
        inside(tmp_path, ())
    with pytest.raises(UserError, match="cannot be listed"):
        listed(root / "missing")


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_links_do_not_lead_out(root, workspace, tmp_path, picture):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "1.png").write_bytes(picture(99))
    (root / "pets" / "secrets").symlink_to(secret)
    (root / "pets" / "cats" / "link.png").symlink_to(secret / "1.png")
    with pytest.raises(UserError, match="choose another"):
        inside(root, ("pets", "secrets"))
    dataset = import_source(workspace, inside(root, ("pets",)), within=root)
    assert dataset.counts() == {"cats": 3, "dogs": 3}
    assert {one.path: one.reason for one in dataset.skipped} == {
        "secrets": "a link that leads out of the folder",
        "cats/link.png": "a link that leads out of the folder",
    }
