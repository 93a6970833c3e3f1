"""A checkpoint comes back as it was, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tl_core.errors import NoRoomError, UserError
from tl_core.training.checkpoint import (
    Checkpoint,
    keep_newest,
    read_checkpoint,
    write_checkpoint,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "work" / "checkpoint.safetensors"
    assert read_checkpoint(path) is None
    tensor = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    facts = {"step": 3, "sums": [0.1, 1e-9], "epochs": [{"loss": 2.5, "accuracy": None}]}
    write_checkpoint(path, Checkpoint({"a": tensor, "b": torch.tensor(7)}, facts))
    found = read_checkpoint(path)
    assert found is not None
    assert found.facts == facts
    assert torch.equal(found.tensors["a"], tensor)
    assert found.tensors["b"] == 7
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no list of what is mapped")
def test_what_is_read_does_not_hold_the_file(tmp_path: Path) -> None:
    """Windows replaces no file that a process has mapped."""
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, Checkpoint({"a": torch.ones(100_000)}, {}))
    found = read_checkpoint(path)
    assert found is not None
    assert str(path) not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda _: b"", lambda b: b"\x80\x04" + b])
def test_a_damaged_one_is_refused(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, Checkpoint({"a": torch.ones(9)}, {"step": 1}))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="delete it to start anew"):
        read_checkpoint(path)


def test_one_without_facts_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "checkpoint.safetensors"
    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(UserError, match="cannot be read"):
        read_checkpoint(path)


@pytest.mark.parametrize("size", [0, 7, 100, -1])
def test_a_cut_off_one_gives_way_to_the_one_before(tmp_path: Path, size: int) -> None:
    path = tmp_path / "checkpoint.safetensors"
    for step in (1, 2):
        write_checkpoint(path, Checkpoint({"a": torch.full((9,), step)}, {"step": step}))
    path.write_bytes(path.read_bytes()[:size])
    found = read_checkpoint(path)
    assert found is not None
    assert (found.facts["step"], found.tensors["a"][0]) == (1, 1)
    path.unlink()  # as between the two renamings
    found = read_checkpoint(path)
    assert found is not None
    assert found.facts == {"step": 1}
    keep_newest(path)
    assert read_checkpoint(path) is None


def test_one_bit_is_enough_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    for step in (1, 2):
        write_checkpoint(path, Checkpoint({"a": torch.full((99,), step)}, {"step": step}))
    whole = path.read_bytes()
    for place in (whole.index(b"step") + 8, len(whole) - 20):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(data)
        found = read_checkpoint(path)
        assert found is not None
        assert found.facts == {"step": 1}


def test_a_full_disk_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, Checkpoint({}, {"step": 1}))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoRoomError, match="while writing checkpoint"):
        write_checkpoint(path, Checkpoint({}, {"step": 2}))
    found = read_checkpoint(path)
    assert found is not None
    assert found.facts == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_the_library_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    kinds = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8]
    tensors = {str(kind): torch.arange(6).reshape(2, 3).to(kind) for kind in kinds}
    tensors |= {"none": torch.zeros(0, 3), "one": torch.tensor(3.5), "yes": torch.tensor([True])}
    write_checkpoint(path, Checkpoint(tensors, {}))
    found = load_file(path)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert all(found[name].dtype == tensors[name].dtype for name in tensors)
