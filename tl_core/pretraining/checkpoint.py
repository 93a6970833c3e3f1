"""A pre-training run's whole state in one safetensors file, replaced as a whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tl_core.errors import UserError
from tl_core.workspace import write_atomic


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stands.

    Attributes:
        tensors: by name.
        facts: plain values: the settings, the step, the figures of the epochs so far.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; a reader finds this one or the one before.

    Raises:
        UserError: the disk is full.
    """
    # safetensors refuses channels_last tensors.
    tensors = {name: t.detach().cpu().contiguous() for name, t in checkpoint.tensors.items()}
    write_atomic(path, save(tensors, metadata={"facts": json.dumps(checkpoint.facts)}))


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; `None` where there is none.

    Raises:
        UserError: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            return Checkpoint({name: file.get_tensor(name) for name in file.keys()}, facts)  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"The checkpoint {path} cannot be read ({error}); delete it to start anew."
        ) from error
