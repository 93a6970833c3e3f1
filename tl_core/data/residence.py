"""Which examples live in the device's own memory, so that no batch has to travel there."""

from __future__ import annotations

import torch

SHARE = 0.3
"""Of the memory that is free; the rest is the network's."""


def is_resident(needed: int, free: int) -> bool:
    """Say whether examples of `needed` bytes live in a memory that has `free` bytes left.

    >>> is_resident(3 << 30, 16 << 30), is_resident(6 << 30, 16 << 30), is_resident(1, 0)
    (True, False, False)
    """
    return needed <= SHARE * free


def free_memory(device: torch.device) -> int:
    """Return the bytes that can still be had of a device's own memory; a CPU has none apart."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # What torch holds and does not use is as good as free.
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return 0
