"""How runs compute frozen stages, and where they keep what those make of the pictures."""

from __future__ import annotations

from tl_core.backbones.inference import inference_body
from tl_core.config import BodyPath
from tl_core.data.pixels import trim
from tl_core.training.cutcache import CutCache
from tl_core.training.device import Device
from tl_core.training.sources import Inference
from tl_core.workspace import CACHE_BUDGET, Workspace


def inference_on(path: BodyPath, device: Device) -> Inference:
    """Return the way to compute stages as inference on a device."""
    return Inference(path, lambda stages, shape: inference_body(stages, path, device.torch, shape))


def cut_cache(workspace: Workspace) -> CutCache:
    """Return the cut cache that all runs of a workspace share."""
    return CutCache(
        workspace.cache / "activations", CACHE_BUDGET, lambda most: trim(workspace.cache, most)
    )
