"""A checkpoint comes back as it was, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tl_core.errors import UserError
from tl_core.pretraining.checkpoint import Checkpoint, read_checkpoint, write_checkpoint


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
