"""Which processor trains, in which precision, and what to do when its memory is full."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch

from tl_core.config import DeviceName
from tl_core.errors import UserError
from tl_core.heap import c_library, give_back

MEMORY_TOO_SMALL = (
    "The device's memory is too small for this network even with one picture at a time; freeze "
    "more stages, choose a smaller backbone, or train on the processor."
)

# What the libraries below torch say of a full memory, which torch passes on as it is; the second is
# Metal's, of one tensor larger than it gives out at once.
_FULL = (
    "MPS backend out of memory",
    "Invalid buffer size",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
)

# Names of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_STEPS_TO_TUNE = 300


@dataclass(frozen=True)
class Device:
    """A processor and how training uses it.

    Attributes:
        kind: "cuda", "mps" or "cpu".
        title: for people.
        half: precision of mixed-precision training, or `None` for fp32 throughout.
        tile: examples that pass through a frozen body at once.
        compiles: whether long phases run through `torch.compile`.
    """

    kind: str
    title: str
    half: torch.dtype | None
    tile: int
    compiles: bool = False

    @property
    def torch(self) -> torch.device:
        """The torch device."""
        return torch.device(self.kind)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context for forward passes in training."""
        if self.half is None:
            return nullcontext()
        return torch.autocast(self.kind, dtype=self.half)


def choose_device(name: DeviceName = "auto") -> Device:
    """Return the device to train on: CUDA, else Apple's MPS, else the CPU.

    On a CPU training is in fp32: bf16 on one without the instructions for it is 15 to 30 times
    slower, and only fp32 gives the same run bit for bit.

    Raises:
        UserError: the device asked for is not on this machine.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    kind = next(k for k, there in present.items() if there) if name == "auto" else name
    if not present[kind]:
        there = ", ".join(k for k, is_there in present.items() if is_there)
        raise UserError(
            f"This machine has no {kind} device that PyTorch can use; choose one of {there}, or "
            "auto."
        )
    if kind == "cuda":
        half = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
        return Device("cuda", torch.cuda.get_device_name(), half, 256, _compiles())
    if kind == "mps":
        return Device("mps", "Apple GPU", None, tile=64)
    # Eight pictures at a time keep the activations in the processor's cache: MobileNetV2 runs
    # 2.4 times as fast as with 32 in the usual layout.
    return Device("cpu", "the processor (no GPU was found)", None, tile=8)


def _compiles() -> bool:
    """Return whether somebody asked for `torch.compile` and it can be had.

    Only on demand: what it gives was not measured on a GPU, and on a CPU it took 27 s to start.
    """
    return os.environ.get("HEADSTART_COMPILE") == "1" and find_spec("triton") is not None


def set_up(device: Device) -> None:
    """Set what holds for the whole process: repeatable sums, memory that is kept, TF32."""
    # A run is the same bit for bit on the CPU; on CUDA the kernels that promise it are slower.
    torch.use_deterministic_algorithms(device.kind != "cuda", warn_only=True)
    # Otherwise every new tensor is filled before it is written: a fifth of a step on the CPU.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if device.kind == "cpu":
        keep_memory()
    if device.kind == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True


def keep_memory() -> bool:
    """Have the C library keep freed memory for the next step; return whether it does.

    glibc gives every large block back to the system as soon as it is freed and asks for it again a
    moment later, and the system clears it page by page. Without that, a training step of
    MobileNetV2 on a CPU (batch 32, 224 px) takes 1.7 s of processor time where it took 3.2 s, and
    the process holds a fifth more memory at its peak. `release_memory` gives it back.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return False  # somebody has settled it
    mallopt = getattr(c_library(), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1)) and bool(
        # glibc before 2.35 refuses such a threshold, but not to do without maps altogether.
        mallopt(_MMAP_THRESHOLD, 1 << 30) or mallopt(_MMAP_MAX, 0)
    )


def tune(device: Device, steps: int) -> None:
    """Let cuDNN try which algorithm is fastest where enough steps follow to pay for it."""
    if device.kind == "cuda":
        torch.backends.cudnn.benchmark = steps >= _STEPS_TO_TUNE


def peak_memory(device: Device) -> int | None:
    """Return the most bytes that tensors took since `forget_peak_memory`; `None` if unknown."""
    return torch.cuda.max_memory_allocated() if device.kind == "cuda" else None


def forget_peak_memory(device: Device) -> None:
    """Begin to measure the peak anew."""
    if device.kind == "cuda":
        torch.cuda.reset_peak_memory_stats()


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether a device's memory was full, whichever library found it so.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 7.31 GB)"))
    True
    >>> is_out_of_memory(RuntimeError("CUDA error: an illegal memory access was encountered"))
    False
    """
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _FULL)


def halve(count: int, error: RuntimeError) -> int:
    """Return how many examples to compute at once after so many of them came to an error.

    Raises:
        UserError: it was one example alone.
        RuntimeError: the error itself, where the memory was not full.
    """
    if not is_out_of_memory(error):
        raise error
    if count <= 1:
        raise UserError(MEMORY_TOO_SMALL) from error
    return count // 2


def is_lost() -> bool:
    """Tell whether this process can no longer use its GPU, whatever it tries.

    After some faults (an address that is not its own, a driver that was reset, a machine that
    slept) CUDA answers every call of the process with an error; only a new process gets through.
    """
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    try:
        torch.cuda.synchronize()
        torch.zeros(1, device="cuda").item()
    except RuntimeError as error:
        return not is_out_of_memory(error)  # of which another process may have taken the last
    return False


def release_memory(kind: str) -> None:
    """Give memory of a kind of device that is kept for later back to the system."""
    # A device that has failed fails here as well; what failed first is what has to be told.
    with suppress(RuntimeError):
        if kind == "cuda":
            torch.cuda.empty_cache()
        elif kind == "mps":
            torch.mps.empty_cache()
        else:
            give_back()
