"""Starting a run from anywhere, and going to watch it."""

from __future__ import annotations

from pages.shared.frame import go_to
from pages.shared.state import choose, engine
from tl_core.config import RunConfig


def start(config: RunConfig, dataset_name: str) -> None:
    """Queue a run, make its settings the ones that are chosen, and show it on the Train page."""
    run = engine().submit(config, dataset_name=dataset_name)
    choose(
        run=run, data=config.dataset, backbone=config.backbone, recipe=config.recipe or "",
        freeze=config.freeze or "",
    )  # fmt: skip
    go_to("train")
