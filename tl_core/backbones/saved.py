"""Counting what the backward pass keeps of a network, stage by stage, as it is kept."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


class Saved:
    """Counts bytes that are kept for the backward pass, each storage once.

    Works on every device, the meta device among them, where nothing is computed.

    Args:
        network: whose parameters and buffers are there anyway and do not count.
    """

    def __init__(self, network: nn.Module) -> None:
        self._seen = {_storage(tensor) for tensor in (*network.parameters(), *network.buffers())}

    def through(self, stage: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, int]:
        """Compute a stage; return its output and the bytes that are kept of it.

        The output's graph has to live on until the last stage was counted: memory that was freed
        may be given out again, and would be taken for what was seen.
        """
        size = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal size
            if (storage := _storage(tensor)) not in self._seen:
                self._seen.add(storage)
                size += tensor.untyped_storage().nbytes()
            return tensor

        with saved_tensors_hooks(count, lambda tensor: tensor):
            return stage(x), size


def _storage(tensor: Tensor) -> int:
    """Return what tells storages apart; on the meta device all of them have the address 0."""
    address: int = tensor.untyped_storage()._cdata
    return address
