"""Our training steps against bare steps on synthetic tensors, taken in turn in one process.

The bare loop is what an expert writes to see what the machine can do: the same network, everything
unfrozen, one fused AdamW, channels_last (or the usual layout, where that turns out faster), and the
same random batch over and over. Ours is the app's own loop on a source of pictures: it also picks
the pictures, varies and normalises them, follows its schedule, and counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.config import Augment
from tl_core.data.pictures import Pictures
from tl_core.training.device import Device, peak_memory, set_up
from tl_core.training.events import EpochEnded, Event, Stepped
from tl_core.training.loop import run_phase
from tl_core.training.phases import Phase

CLASSES = 2


@dataclass(frozen=True)
class Rates:
    """Steps per second, one figure a round, and the device's peak memory in bytes."""

    ours: list[float]
    bare: list[float]
    peak: int | None


def compare(
    backbone: str, device: Device, *, batch: int, steps: int, rounds: int, augment: Augment
) -> Rates:
    """Take `steps` of ours and as many bare ones, `rounds` times in turn.

    Args:
        backbone: name in the catalogue; its weights are random.
        device: to compute on.
        batch: pictures per step.
        steps: per round.
        rounds: after one round that warms up and is not counted.
        augment: what our loop does to the pictures.
    """
    set_up(device)
    size = find_card(backbone).preprocessing.size
    ours = _ours(backbone, device, batch, steps, rounds + 1, augment)
    _take(ours, steps, device)
    peak = peak_memory(device)
    bare = _faster_layout(backbone, device, batch, size)
    _timed(lambda: [bare() for _ in range(steps)], device)
    rates = Rates([], [], peak)
    for _ in range(rounds):
        rates.ours.append(steps / _take(ours, steps, device))
        rates.bare.append(steps / _timed(lambda: [bare() for _ in range(steps)], device))
    return rates


def _ours(
    backbone: str, device: Device, batch: int, steps: int, epochs: int, augment: Augment
) -> Iterator[Event]:
    card = find_card(backbone)
    size = card.preprocessing.size
    random = np.random.default_rng(0)

    def pictures(count: int) -> Pictures:
        pixels = random.integers(0, 256, (count, size, size, 3), np.uint8)
        labels = random.integers(0, CLASSES, count).tolist()
        return Pictures(pixels, labels, card.preprocessing, device.torch, augment)

    phase = Phase(
        name="everything", cut=0, epochs=epochs, batch_size=batch, head_lr=1e-4, stage_lr=1e-4,
        stage_decay=1.0, schedule="cosine", augment=augment, views=0, patience=epochs,
    )  # fmt: skip
    tail = _chain(backbone, device, torch.channels_last).tail(0)
    return run_phase(tail, pictures(steps * batch), pictures(2), phase, device)


def _take(events: Iterator[Event], steps: int, device: Device) -> float:
    """Return the seconds of the next epoch's steps, and run to the epoch's end unclocked."""

    def step() -> None:
        while not (isinstance(event := next(events), Stepped) and event.step == steps):
            pass

    seconds = _timed(step, device)
    while not isinstance(next(events), EpochEnded):
        pass
    return seconds


def _faster_layout(backbone: str, device: Device, batch: int, size: int) -> Callable[[], None]:
    loops = [
        _bare(_chain(backbone, device, layout), torch.randn(batch, 3, size, size), layout, device)
        for layout in (torch.channels_last, torch.contiguous_format)
    ]
    for loop in loops:
        loop()
    times = [_timed(loop, device) for loop in loops]
    return loops[times.index(min(times))]


def _bare(
    model: nn.Module, inputs: Tensor, layout: torch.memory_format, device: Device
) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=device.kind != "mps")
    inputs = inputs.to(device.torch).contiguous(memory_format=layout)
    labels = torch.randint(CLASSES, (len(inputs),), device=device.torch)

    @torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=True)  # as experts do
    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with device.autocast():
            logits = model(inputs)
        cross_entropy(logits.float(), labels).backward()
        optimizer.step()

    return step


def _chain(backbone: str, device: Device, layout: torch.memory_format) -> Chain:
    chain = load_backbone(backbone, CLASSES, pretrained=False).train()
    return chain.to(device.torch, memory_format=layout)


def _timed(work: Callable[[], object], device: Device) -> float:
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: Device) -> None:
    if device.kind == "cuda":
        torch.cuda.synchronize()
    elif device.kind == "mps":
        torch.mps.synchronize()
