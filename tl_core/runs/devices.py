"""Which device a run will get or had, told without torch: no page and no terminal waits for it."""

from __future__ import annotations

from tl_core.config import RunConfig
from tl_core.runs.queue import worker_for
from tl_core.runs.run import Run
from tl_core.runs.store import Store

_LOOKED_AT = 100  # runs, the newest


def expected_device(store: Store, config: RunConfig) -> str:
    """Return the kind of device that a run with these settings will be trained on.

    What "auto" stands for is known to the worker that serves it, once PyTorch is there. Before
    that, the newest run that was free to leave the processor tells; on a machine without one, the
    processor is expected.

    Args:
        store: of the workers and the runs of this machine.
        config: the settings.

    Returns:
        "cpu", "cuda" or "mps".
    """
    if config.device != "auto":
        return config.device
    kind = worker_for(store, "auto")
    if kind not in (None, "auto"):  # under "auto" it is registered until it knows
        return kind
    told = (
        run.facts.get("device_kind")
        for run in store.runs(most=_LOOKED_AT)
        if run.config.device != "cpu" and run.config.work != "handmade"
    )
    return next(filter(None, told), "cpu")


def trained_on(run: Run) -> str:
    """Return the kind of device that a run was trained on; one that noted none was on a CPU."""
    kind: str = run.facts.get("device_kind", "cpu")
    return kind
