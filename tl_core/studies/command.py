"""The command for a terminal that asks a study's question again."""

from __future__ import annotations

from tl_core.runs.command import PYTHON, quoted
from tl_core.studies.kinds import ABOUT_A_BACKBONE, REPEATED
from tl_core.studies.study import Study


def command_of(study: Study) -> str:
    """Return the command that asks again, read off the runs that were started."""
    configs = [run.config for _, run in study.runs]
    first = study.first
    parts = [f"--data {quoted(first.dataset)}"]
    if study.kind in ABOUT_A_BACKBONE:
        parts.append(f"--backbone {quoted(first.backbone)}")
    if study.kind in REPEATED:
        parts.append(f"--seeds {len({config.seed for config in configs})}")
    brought = {config.backbone: config.weights for config in configs if config.weights}
    parts += [f"--weights {quoted(f'{name}={file}')}" for name, file in brought.items()]
    parts.append(f"--device {first.device}")
    return f"{PYTHON} study {study.kind} {' '.join(parts)}"
