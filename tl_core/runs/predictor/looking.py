"""The predictor's answers about a backbone as it comes, before anybody trained it further."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.data.decode import fitted
from tl_core.evaluation.activations import activations, first_filters
from tl_core.runs.predictor.explaining import Act, Tell
from tl_core.runs.predictor.shown import as_input, opened
from tl_core.runs.predictor.wire import Message


@lru_cache(maxsize=1)
def _chain(backbone: str) -> Chain:
    return load_backbone(backbone).eval()


def _look(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    preprocessing = find_card(request["backbone"]).preprocessing.reading(request.get("white", 0))
    pixels = opened(request, lambda path: fitted(path, preprocessing))
    x = as_input(pixels, preprocessing)
    return vars(activations(_chain(request["backbone"]), x, request["stage"]))


def _first(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    return {"filters": first_filters(_chain(request["backbone"]))}


ACTS: Mapping[str, Act] = {"look": _look, "first": _first}
