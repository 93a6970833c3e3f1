"""Which device trains, and that it does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tl_core import heap
from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.config import RunConfig
from tl_core.data.decode import fit as fit_picture
from tl_core.data.decode import open_image
from tl_core.data.pictures import Pictures
from tl_core.errors import UserError
from tl_core.training import device as device_module
from tl_core.training.device import (
    Device,
    choose_device,
    halve,
    is_lost,
    is_out_of_memory,
    keep_memory,
    peak_memory,
    release_memory,
    set_up,
    tune,
)
from tl_core.training.events import EpochEnded
from tl_core.training.fit import fit
from tl_core.training.phases import plan


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that a machine has these devices."""

    def pretend(cuda: bool = False, mps: bool = False, bf16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A test's GPU")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bf16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


def test_auto_takes_the_best_there_is(machine: Callable[..., None]) -> None:
    machine()
    assert choose_device().kind == "cpu"
    machine(mps=True)
    assert choose_device().kind == "mps"
    machine(cuda=True, mps=True)
    assert choose_device().kind == "cuda"
    assert choose_device("cpu").kind == "cpu"


def test_a_device_that_is_not_there(machine: Callable[..., None]) -> None:
    machine(mps=True)
    with pytest.raises(UserError) as caught:
        choose_device("cuda")
    assert str(caught.value) == (
        "This machine has no cuda device that PyTorch can use; choose one of mps, cpu, or auto."
    )


def test_a_device_that_does_not_exist() -> None:
    with pytest.raises(UserError, match=r"no device called 'gpu'; .*cpu"):
        RunConfig("dataset", "small", device="gpu")


def test_mixed_precision_only_where_it_is_fast(machine: Callable[..., None]) -> None:
    machine()
    assert choose_device().half is None
    machine(cuda=True)
    assert choose_device().half is torch.bfloat16
    machine(cuda=True, bf16=False)
    assert choose_device().half is None


def test_every_device_has_a_name_for_people(machine: Callable[..., None]) -> None:
    machine(cuda=True, mps=True)
    titles = [choose_device(kind).title for kind in ("cuda", "mps", "cpu")]
    assert titles[0] == "A test's GPU"
    assert all(" " in title for title in titles)


def test_compiling_is_on_demand_and_for_cuda(
    machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(cuda=True)
    monkeypatch.setattr(device_module, "find_spec", lambda _: object())
    assert not choose_device().compiles
    monkeypatch.setenv("HEADSTART_COMPILE", "1")
    assert choose_device().compiles
    assert not choose_device("cpu").compiles
    monkeypatch.setattr(device_module, "find_spec", lambda _: None)
    assert not choose_device().compiles


def test_repeatable_without_filling_memory_first() -> None:
    set_up(choose_device("cpu"))
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory


def test_cudnn_tries_algorithms_out_only_for_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    cuda, cpu = Device("cuda", "", None, 8), Device("cpu", "", None, 8)
    for device, steps, expected in ((cpu, 10_000, False), (cuda, 10_000, True), (cuda, 9, False)):
        tune(device, steps)
        assert torch.backends.cudnn.benchmark is expected
    assert peak_memory(cpu) is None


PAGES = """
import ctypes, os, resource
from tl_core.training.device import keep_memory
kept = keep_memory()
malloc, free, set_ = (getattr(ctypes.CDLL(None), n) for n in ("malloc", "free", "memset"))
malloc.restype, free.argtypes, set_.argtypes = (
    ctypes.c_void_p, [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t])
def again():
    block = malloc(100 << 20); set_(block, 1, 100 << 20); free(block)
again()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
again()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
@pytest.mark.parametrize("settled", [False, True])
def test_freed_memory_is_kept_unless_somebody_settled_it(settled: bool) -> None:
    environment = os.environ | ({"MALLOC_TRIM_THRESHOLD_": "100000"} if settled else {})
    answer = subprocess.run(
        [sys.executable, "-c", PAGES], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert answer[0] == str(not settled)
    faults = int(answer[1])
    assert faults > 20_000 if settled else faults < 100


def test_a_system_with_another_allocator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "c_library", lambda: None)
    monkeypatch.setattr(heap, "c_library", lambda: None)
    assert not keep_memory()
    release_memory("cpu")


@pytest.mark.parametrize(
    "said",
    [
        "MPS backend out of memory (MPS allocated: 7.31 GB, max allowed: 9.07 GB).",
        "Invalid buffer size: 12.52 GiB",
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    ],
)
def test_every_library_s_word_for_a_full_memory_is_known(said: str) -> None:
    assert is_out_of_memory(RuntimeError(said))
    assert not is_out_of_memory(OSError(said)), "not the device's"


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "mat1 and mat2 shapes cannot be multiplied (8x512 and 1280x2)",
    ],
)
def test_other_errors_are_not_about_memory(said: str) -> None:
    error = RuntimeError(said)
    assert not is_out_of_memory(error)
    with pytest.raises(RuntimeError) as caught:
        halve(8, error)
    assert caught.value is error


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ("", False),
        ("CUDA error: an illegal memory access was encountered", True),
        ("CUDA error: out of memory", False),
    ],
)
@pytest.mark.parametrize("where", ["synchronize", "zeros"])
def test_a_gpu_is_lost_where_it_answers_with_nothing_but_errors(
    said: str, lost: bool, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    zeros = torch.zeros

    def answer(name: str) -> None:
        if said and name == where:
            raise RuntimeError(said)

    def allocate(count: int, device: str) -> torch.Tensor:
        assert device == "cuda"
        answer("zeros")
        return zeros(count)

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: answer("synchronize"))
    monkeypatch.setattr(torch, "zeros", allocate)
    assert is_lost() is lost


def test_a_process_that_uses_no_gpu_has_lost_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched() -> None:
        raise AssertionError("it would begin to use the GPU")

    monkeypatch.setattr(torch.cuda, "synchronize", touched)
    assert not is_lost()


@pytest.mark.gpu
def test_a_gpu_that_answers_is_not_lost() -> None:
    torch.zeros(1, device="cuda")
    assert not is_lost()


def test_a_device_that_failed_fails_no_second_time_when_memory_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dead() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "empty_cache", dead)
    monkeypatch.setattr(torch.mps, "empty_cache", dead)
    release_memory("cuda")
    release_memory("mps")


@pytest.mark.parametrize("kind", ["cpu", "mps", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_the_small_network_learns_pictures(kind: str, photo_folder: Callable[..., Path]) -> None:
    """As a run does it: channels_last, and on CUDA in bf16."""
    if kind == "mps" and not torch.backends.mps.is_available():
        pytest.skip("no MPS device")
    device = choose_device(kind)
    set_up(device)
    card = find_card("small")
    files = sorted(photo_folder({"red": 24, "blue": 24}).rglob("*.png"))
    pixels = torch.stack(
        [torch.from_numpy(fit_picture(open_image(f), card.preprocessing).copy()) for f in files]
    ).numpy()
    labels = [int(file.parent.name == "red") for file in files]
    chain = load_backbone("small", 2, pretrained=False)
    chain = chain.to(device.torch, memory_format=torch.channels_last)

    def source_of(split: str, _: Any) -> Pictures:
        part = slice(0, None, 2) if split == "train" else slice(1, None, 2)
        return Pictures(pixels[part], labels[part], card.preprocessing, device.torch)

    todo = plan(RunConfig("", "small", epochs=8, lr=3e-4, augment="none"), card, 24, device.kind)
    ended = [e for e in fit(chain, source_of, todo, device) if isinstance(e, EpochEnded)]
    assert max(event.validation_accuracy for event in ended) >= 0.9
    assert {parameter.dtype for parameter in chain.parameters()} == {torch.float32}
    convolution = chain.stages["layer1"].conv1.weight
    assert convolution.is_contiguous(memory_format=torch.channels_last)
    release_memory(device.kind)
