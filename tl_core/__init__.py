"""Headstart's engine: pre-trained networks as chains of stages, and the cut that freezes them."""

from __future__ import annotations

from typing import Any

from tl_core.version import __version__

__all__ = ["__version__", "load_backbone", "load_dataset", "load_model", "train"]


def __getattr__(name: str) -> Any:
    """Import the notebook functions on first use: the pages' process must not load torch."""
    if name in __all__:
        from tl_core import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module 'tl_core' has no attribute {name!r}")
