"""What every stage hands over, averaged to one vector for each example, and kept.

The average over an example's places is what a new head would see of a stage, and small enough to
keep of every stage at once: a few kilobytes where the activations take megabytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from tl_core.backbones.chain import Chain
from tl_core.training.cutcache import CutCache, make_key
from tl_core.training.device import Device
from tl_core.training.keeping import name_stages
from tl_core.training.sources import AtCut, Inference, Source


@dataclass(frozen=True)
class Averaged:
    """Averages at some cuts.

    Attributes:
        features: `(N, F)` for each cut.
        seconds: that computing all examples up to each cut took, when they were computed.
        spent: seconds that computing took now.
    """

    features: tuple[NDArray[Any], ...]
    seconds: tuple[float, ...]
    spent: float


def average(activations: Tensor) -> Tensor:
    """Average activations `(B, …)` over all axes but the examples' and the features'.

    The features' axis is the one unlike the other two: the first of `(F, h, w)`, the last of
    `(h, w, F)` and of `(T, F)`.

    >>> average(torch.ones(2, 8, 5, 5)).shape, average(torch.ones(2, 7, 7, 16)).shape
    (torch.Size([2, 8]), torch.Size([2, 16]))
    >>> average(torch.ones(2, 197, 32)).shape, average(torch.ones(2, 32)).shape
    (torch.Size([2, 32]), torch.Size([2, 32]))
    """
    if activations.ndim <= 2:
        return activations
    if activations.ndim == 4 and activations.shape[2] == activations.shape[3]:
        return activations.mean((2, 3))
    return activations.flatten(1, -2).mean(1)


def averages(
    chain: Chain,
    source: Source,
    cuts: Sequence[int],
    device: Device,
    inference: Inference,
    cache: CutCache | None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Averaged:
    """Return the averages at cuts, after one pass through the body where they are not kept.

    Args:
        chain: on the device.
        source: of the body's inputs, as they are.
        cuts: numbers of stages, ascending.
        device: to compute on.
        inference: how to compute.
        cache: where they are kept, if anywhere.
        progress: called with (examples done, examples in all) while they are computed.
    """
    count = len(source.labels)
    names = name_stages(chain.body(cuts[-1]))
    way = [inference.name, device.kind, str(device.half), device.tile, torch.__version__]
    keys = [make_key("averaged", source.key, names[cut - 1], *way) for cut in cuts]
    if cache is not None and source.key:
        kept = [cache.find(key, count) for key in keys]
        found = [entry for entry in kept if entry is not None]
        if len(found) == len(cuts):
            return Averaged(
                tuple(entry.values for entry in found), tuple(e.seconds for e in found), 0.0
            )
    began = time.perf_counter()
    at_cut = AtCut(source, chain.body(cuts[-1]), device, cuts, inference)
    rows: list[list[Tensor]] = [[] for _ in cuts]
    for tile in at_cut.tiles(torch.arange(count, device=source.labels.device), None):
        for made, activations in zip(rows, tile, strict=True):
            made.append(average(activations).cpu())
        progress(sum(map(len, rows[0])), count)
    features = tuple(torch.cat(made).numpy() for made in rows)
    spent = time.perf_counter() - began
    if cache is not None and source.key:
        for key, values, seconds in zip(keys, features, at_cut.seconds, strict=True):
            _keep(cache, key, values, seconds)
    return Averaged(features, tuple(at_cut.seconds), spent)


def _keep(cache: CutCache, key: str, values: NDArray[Any], seconds: float) -> None:
    with suppress(OSError), cache.write(key, len(values), full=True) as writer:
        writer.add(values)
        writer.finish(seconds)  # a disk that is full: the next time they are computed again
