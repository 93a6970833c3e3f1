"""The predictor's answers about a backbone as it comes, before anybody trained it further."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.data.augment import to_input
from tl_core.data.decode import fit, open_image
from tl_core.errors import UnreadableImageError, UserError
from tl_core.evaluation.activations import activations, first_filters
from tl_core.runs.explaining import Act, Tell
from tl_core.runs.wire import Message


@lru_cache(maxsize=1)
def _chain(backbone: str) -> Chain:
    return load_backbone(backbone).eval()


def _look(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    preprocessing = find_card(request["backbone"]).preprocessing
    try:
        pixels = fit(open_image(Path(request["picture"])), preprocessing)
    except UnreadableImageError as error:
        raise UserError(f"This picture cannot be shown ({error}); choose another one.") from error
    x = to_input(torch.from_numpy(np.array(pixels))[None], preprocessing.mean, preprocessing.std)
    return vars(activations(_chain(request["backbone"]), x, request["stage"]))


def _first(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    return {"filters": first_filters(_chain(request["backbone"]))}


ACTS: Mapping[str, Act] = {"look": _look, "first": _first}
