"""The predictor's longer answers: why a model decided so, and what became of its backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.inference import Body, choose_path, inference_body
from tl_core.backbones.load import load_backbone
from tl_core.backbones.weights import works_offline
from tl_core.bundles.predict import AHEAD, DECODERS, TILES, Model, ahead
from tl_core.data.augment import to_input
from tl_core.errors import UnreadableImageError, UserError
from tl_core.evaluation.activations import activations, first_filters
from tl_core.evaluation.embedding import draw
from tl_core.evaluation.explanation import Attention, Covering, PictureMap
from tl_core.evaluation.gradcam import gradcam
from tl_core.evaluation.occlusion import agreement, occlusion, spread
from tl_core.runs.predictor.loaded import loaded_model
from tl_core.runs.predictor.shown import as_input, opened
from tl_core.runs.predictor.wire import Message

Tell = Callable[[int, int], None]
Act = Callable[[Message, Tell], Message]

_CPU = torch.device("cpu")


def _attend(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    model = _model(request)
    pixels = opened(request, model.prepare)
    shares = model.probabilities(pixels[None])[0]
    label = _label(model, request, int(shares.argmax()))
    heat = gradcam(model.chain, as_input(pixels, model.manifest.preprocessing), label)
    return vars(Attention(pixels, heat, label, shares))


def _cover(request: Message, tell: Tell) -> Message:
    model = _model(request)
    pixels = opened(request, model.prepare)
    label = _label(model, request, 0)
    red, green, blue = (round(255 * mean) for mean in model.manifest.preprocessing.mean)
    drops = occlusion(model.probabilities, pixels, label, (red, green, blue), tell)
    heat = gradcam(model.chain, as_input(pixels, model.manifest.preprocessing), label)
    drop = float(drops.max())
    lost = np.maximum(drops, 0)
    if drop > 0:
        lost /= drop
    return vars(Covering(spread(lost, len(pixels)), drop, agreement(heat, drops)))


def _activate(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    model = _model(request)
    x = as_input(opened(request, model.prepare), model.manifest.preprocessing)
    return vars(activations(model.chain, x, request["stage"]))


def _filters(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    return {"filters": first_filters(_model(request).chain)}


def _embed(request: Message, tell: Tell) -> Message:
    model = _model(request)
    bodies = {"after": model.body}
    if len(model.manifest.frozen_stages) < len(model.chain.names):
        bodies["before"] = _body(model, _beginning(model, request))
    found, features = _features(model, bodies, [Path(p) for p in request["pictures"]], tell)
    if len(found) < 2:
        raise UserError("None of these pictures can be read any more; import them again.")
    labels = np.array(request["labels"], np.int64)[found]
    after = draw(features["after"], labels)
    before = draw(features["before"], labels) if "before" in features else after
    return vars(
        PictureMap(
            found,
            np.stack([before.points, after.points]),
            (before.shown, after.shown),
            (before.alike, after.alike),
        )
    )


ACTS: Mapping[str, Act] = {
    "attend": _attend,
    "cover": _cover,
    "activate": _activate,
    "filters": _filters,
    "embed": _embed,
}


def _model(request: Message) -> Model:
    return loaded_model(Path(request["model"]))


def _label(model: Model, request: Message, otherwise: int) -> int:
    name = request.get("class")
    return model.classes.index(name) if name in model.classes else otherwise


def _beginning(model: Model, request: Message) -> Chain:
    """Return the backbone as it was before training.

    Raises:
        UserError: its weights are no longer on this machine, where nothing is downloaded for this.
    """
    name, weights = model.manifest.backbone, request["weights"]
    card, pretrained = find_card(name), model.manifest.recipe != "scratch"
    here = Path(weights).is_file() if weights else works_offline(card)
    if pretrained and not here:
        raise UserError(
            f"The weights that this model started from are no longer on this machine, so the "
            f"{card.title} before training cannot be shown; train once more with them."
        )
    return load_backbone(
        name,
        len(model.classes),
        weights=weights,
        pretrained=pretrained,
        seed=request["seed"],
    ).eval()


def _body(model: Model, chain: Chain) -> Body:
    stages, size = chain.body(len(chain.names)), model.manifest.preprocessing.size
    return inference_body(stages, choose_path(stages, "cpu"), _CPU, (3, size, size))


def _features(
    model: Model, bodies: Mapping[str, Body], pictures: list[Path], tell: Tell
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]:
    """Return which pictures could be read, and what each body makes of them `(N, F)`."""
    p = model.manifest.preprocessing
    found: list[int] = []
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in bodies}
    with torch.inference_mode():
        for tile in _tiles(model, pictures):
            found += [place for place, _ in tile]
            if tile:
                pixels = torch.from_numpy(np.stack([pixels for _, pixels in tile]))
                for name, body in bodies.items():
                    rows[name].append(body(to_input(pixels, p.mean, p.std)).float().numpy())
            tell(found[-1] + 1 if found else 0, len(pictures))
    return np.array(found, np.int64), {n: np.concatenate(r) for n, r in rows.items() if r}


def _tiles(model: Model, pictures: Iterable[Path]) -> Iterator[list[tuple[int, NDArray[np.uint8]]]]:
    """Open pictures, a few at a time, and pass over those that cannot be read."""

    def opened(numbered: tuple[int, Path]) -> tuple[int, NDArray[np.uint8]] | None:
        try:
            return numbered[0], model.prepare(numbered[1])
        except UnreadableImageError:
            return None

    coming = ahead(opened, enumerate(pictures), DECODERS, AHEAD)
    while tile := list(islice(coming, TILES["cpu"])):
        yield [made for made in tile if made is not None]
