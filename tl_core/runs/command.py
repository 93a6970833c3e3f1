"""The commands for a terminal that make a run again: what it was told, and what was chosen."""

from __future__ import annotations

import shlex

from tl_core.runs.run import Run

PYTHON = "python -m tl_core"


def commands_of(run: Run) -> list[str]:
    """Return the commands that make a trained run again, in order.

    The recipe, the cut and the kind of processor are named also where they were chosen for the
    person, so that a later version or another machine does not choose differently. What else is
    left open is chosen by the same rules.

    Args:
        run: that trained a network on all its pictures; see `is_repeatable`.
    """
    config, facts = run.config, run.facts
    stages = facts.get("frozen_stages")
    freeze = config.freeze if stages is None else stages[-1] if stages else "none"
    told = {
        "--data": config.dataset,
        "--backbone": config.backbone,
        "--recipe": facts.get("recipe") or config.recipe,
        "--freeze": freeze,
        "--epochs": config.epochs,
        "--batch-size": config.batch_size,
        "--lr": config.lr,
        "--augment": config.augment,
        "--weights": config.weights,
        "--seed": config.seed,
        "--device": facts.get("device_kind") or config.device,
    }
    parts = [f"{name} {quoted(value)}" for name, value in told.items() if value is not None]
    if not config.cache:
        parts.append("--no-cache")
    more = [f"{PYTHON} extend RUN --epochs {epochs}" for epochs in config.more]
    return [f"{PYTHON} train {' '.join(parts)}", *more]


def is_repeatable(run: Run) -> bool:
    """Tell whether the terminal can make a run by itself; a part of a study is made with it."""
    return run.config.work == "train" and run.config.per_class is None


def quoted(value: object) -> str:
    """Return an argument as a terminal takes it."""
    return shlex.quote(str(value))
