"""The network of an exported script: stages with names, a head, and files of weights."""

from __future__ import annotations

import json
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

DTYPES = {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64}


class Chain(nn.Module):
    """Named stages, then a head. Freezing is a cut in this chain."""

    def __init__(self, stages: Mapping[str, nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(stages)
        self.head = head

    def body(self, cut: int) -> nn.Sequential:
        """Return the frozen stages: no gradient, and BatchNorm stays as it is."""
        stages = OrderedDict(list(self.stages.items())[:cut])
        return nn.Sequential(stages).requires_grad_(False).eval()

    def tail(self, cut: int) -> nn.Sequential:
        """Return what learns: the other stages and the head."""
        stages = OrderedDict([*list(self.stages.items())[cut:], ("head", self.head)])
        return nn.Sequential(stages).requires_grad_(True)

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits, one row for each picture."""
        for stage in self.stages.values():
            x = stage(x)
        logits: Tensor = self.head(x)
        return logits


def read_safetensors(content: bytes) -> dict[str, Tensor]:
    """Read tensors: eight bytes of length, a header in JSON, then the numbers."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    numbers = bytearray(content[8 + size :])
    tensors = {}
    for name, told in header.items():
        start, end = told["data_offsets"]
        flat = torch.frombuffer(numbers[start:end], dtype=DTYPES[told["dtype"]])
        tensors[name] = flat.reshape(told["shape"])
    return tensors


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights in a .safetensors or .headstart file, or what the training script saved."""
    if path.suffix == ".safetensors":
        return read_safetensors(path.read_bytes())
    if path.suffix == ".headstart":
        with zipfile.ZipFile(path) as bundle:
            return read_safetensors(bundle.read("weights.safetensors"))
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def rename(name: str) -> str:
    """Return a tensor's name in the network for its name in the published file."""
    return name
