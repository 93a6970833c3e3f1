"""Which device trains, and that it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.config import RunConfig
from tl_core.data.decode import fit as fit_picture
from tl_core.data.decode import open_image
from tl_core.data.pictures import Pictures
from tl_core.errors import UserError
from tl_core.training.device import choose_device, release_memory, set_up
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
    release_memory(device)
