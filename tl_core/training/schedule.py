"""Learning-rate schedules as pure functions of progress, and AdamW's groups for a tail."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from tl_core.training.phases import Phase, Schedule


def rate(schedule: Schedule, step: int, steps: int) -> float:
    """Return the factor on the peak learning rate at `step` of `steps`.

    Cosine: a linear warm-up over a tenth of the steps, then half a cosine (Loshchilov and
    Hutter, 2017). Slanted: up over a tenth, then down in a straight line to 1/32 (Howard and
    Ruder, 2018).

    >>> [round(rate("cosine", step, 100), 2) for step in (0, 9, 54, 99)]
    [0.1, 1.0, 0.5, 0.0]
    >>> [round(rate("slanted", step, 100), 2) for step in (0, 10, 99)]
    [0.03, 1.0, 0.04]
    """
    warm = max(1, steps // 10)
    if schedule == "slanted":
        share = step / warm if step < warm else 1 - (step - warm) / max(1, steps - warm)
        return (1 + share * 31) / 32
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / max(1, steps - warm)))


def build_optimizer(tail: nn.Sequential, phase: Phase, fused: bool) -> torch.optim.Optimizer:
    """Return AdamW with one rate per stage and no decay on biases and normalisation.

    Args:
        tail: stages after the cut and, last, the head.
        phase: tells the rates.
        fused: use the fused implementation.
    """
    *stages, head = tail.children()
    groups = parameter_groups(head.parameters(), phase.head_lr, phase.weight_decay)
    for distance, stage in enumerate(reversed(stages)):
        lr = phase.stage_lr * phase.stage_decay**distance
        groups += parameter_groups(stage.parameters(), lr, phase.weight_decay)
    return torch.optim.AdamW(groups, fused=fused)


def parameter_groups(
    parameters: Iterable[nn.Parameter], lr: float, decay: float
) -> list[dict[str, object]]:
    """Return an optimizer's groups with no decay on biases and normalisation."""
    every = list(parameters)
    split = [(decay, [p for p in every if p.ndim > 1]), (0.0, [p for p in every if p.ndim <= 1])]
    return [
        {"params": params, "lr": lr, "peak_lr": lr, "weight_decay": weight_decay}
        for weight_decay, params in split
        if params
    ]


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Scale every group's peak learning rate by `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor
