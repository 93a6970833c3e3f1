"""A training's whole state in one file: tensors and plain values, nothing that can execute.

A new file takes the place of the one before as a whole, and that one is kept until the next: cut
off or damaged, the new one is recognised and the old one used. The format is safetensors; it is
written here, because the library needs the state three times in memory and hides a full disk.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tl_core.errors import UserError
from tl_core.workspace import sync_folder, write_atomic

_DTYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands.

    Attributes:
        tensors: by name.
        facts: plain values.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; a reader finds this one or the one before, after a power cut too.

    Raises:
        NoRoomError: the disk is full.
    """
    fresh = path.with_name(f"{path.stem}.next{path.suffix}")
    write_atomic(fresh, _pieces(checkpoint))
    if path.exists():
        path.replace(_before(path))
    fresh.replace(path)
    sync_folder(path.parent)


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Read the newest checkpoint that is whole; `None` where there is none.

    Raises:
        UserError: there are some, and all are damaged.
    """
    error: Exception | None = None
    for file in (path, _before(path)):
        try:
            return _read(file)
        except FileNotFoundError:
            continue
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as damage:
            error = damage
    if error is None:
        return None
    raise UserError(
        f"The checkpoint {path} cannot be read ({error}); delete it to start anew."
    ) from error


def keep_newest(path: Path) -> None:
    """Remove the checkpoint before the newest one: the training is over."""
    _before(path).unlink(missing_ok=True)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return what an optimizer remembers of its parameters, by name."""
    return {
        f"optimizer.{number}.{key}": value
        for number, parameter in enumerate(_parameters(optimizer))
        for key, value in optimizer.state[parameter].items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Let an optimizer remember what `optimizer_tensors` returned."""
    for number, parameter in enumerate(_parameters(optimizer)):
        prefix = f"optimizer.{number}."
        optimizer.state[parameter] = {
            name.removeprefix(prefix): _like(parameter, value, optimizer)
            for name, value in tensors.items()
            if name.startswith(prefix)
        }


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _like(parameter: Tensor, value: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
    """Return a value with the memory format of its parameter, which fused kernels rely on."""
    if value.shape != parameter.shape:  # the count of steps
        return value.to(parameter.device) if optimizer.defaults.get("fused") else value
    return torch.empty_like(parameter, requires_grad=False).copy_(value)


def _pieces(checkpoint: Checkpoint) -> Iterator[bytes | memoryview]:
    """Yield the file: the length of its head, the head, every tensor."""
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()
    }
    facts = json.dumps(checkpoint.facts)
    sums = {"facts": facts, "checksum": str(_checksum(facts, tensors.items()))}
    head: dict[str, Any] = {"__metadata__": sums}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        head[name] = {
            "dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }  # fmt: skip
    encoded = json.dumps(head).encode()
    encoded += b" " * (-len(encoded) % 8)
    yield struct.pack("<Q", len(encoded)) + encoded
    yield from map(_bytes, tensors.values())


def _read(path: Path) -> Checkpoint:
    if not path.exists():
        raise FileNotFoundError(path)
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        facts = json.loads(about["facts"])
        # Copies: what is read stays a view of the file, which Windows then refuses to replace.
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    if str(_checksum(about["facts"], tensors.items())) != about["checksum"]:
        raise ValueError("its checksum is another")
    return Checkpoint(tensors, facts)


def _checksum(facts: str, tensors: Iterable[tuple[str, Tensor]]) -> int:
    found = zlib.crc32(facts.encode())
    for name, tensor in sorted(tensors):
        found = zlib.crc32(_bytes(tensor), zlib.crc32(name.encode(), found))
    return found


def _bytes(tensor: Tensor) -> memoryview:
    data: memoryview = tensor.reshape(-1).view(torch.uint8).numpy().data
    return data


def _before(path: Path) -> Path:
    return path.with_name(f"{path.stem}.before{path.suffix}")
