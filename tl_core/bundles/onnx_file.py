"""A model as an ONNX file: for onnxruntime, a phone, a browser, another language.

It takes what the opener makes of pictures, normalised, and gives class shares: stages, head,
temperature and softmax are in it. What else predicting needs (how a picture becomes the input, the
classes, the threshold) stands in its metadata. Convolutional networks are written by our own
writer, all others by PyTorch's, which needs one package more.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from tl_core.backbones.catalog import find_card
from tl_core.backbones.folding import fold, frozen_copy, trace
from tl_core.backbones.onnx_graph import INPUT, Graph, UnsupportedError, Value, write
from tl_core.bundles.manifest import Manifest
from tl_core.bundles.predict import Model
from tl_core.data.augment import to_input
from tl_core.errors import HeadstartError, UserError
from tl_core.workspace import write_atomic

SHARES = "probabilities"
TOLERANCE = 1e-4  # of a share
_MISSING = "; run: pip install -r requirements-export.txt"


def export_onnx(model: Model, path: Path, pixels: NDArray[np.uint8]) -> float:
    """Write a model as an ONNX file, once ONNX's checker and onnxruntime have agreed to it.

    Args:
        model: on the processor.
        path: of the file.
        pixels: pictures `(N, S, S, 3)` to compare the answers on.

    Returns:
        The largest difference between two shares.

    Raises:
        UserError: a package is missing, or the disk is full.
        HeadstartError: it is not valid, or the answers differ by more than `TOLERANCE`.
    """
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        raise UserError(f"Writing ONNX needs the packages onnx and onnxruntime{_MISSING}")
    made = _written_by_us(model) or _written_by_torch(model)
    _describe(made, model.manifest)
    content = made.SerializeToString()
    _check(content)
    difference = _difference(model, content, pixels)
    if not difference <= TOLERANCE:
        raise HeadstartError(
            f"The ONNX file gave other answers than the model (up to {difference:.1g} of a share), "
            "so it was not kept; export the bundle or the script instead."
        )
    write_atomic(path, content)
    return difference


class _Shares(nn.Module):
    """Logits to class shares."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, logits: Tensor) -> Tensor:
        return (logits / self.temperature).softmax(1)


def _written_by_us(model: Model) -> Any | None:
    """Return the model as written layer by layer, or `None` where a layer has no counterpart."""
    size = model.manifest.preprocessing.size
    stages = frozen_copy(nn.Sequential(*model.chain.stages.values(), model.chain.head))
    traced = [found for stage in stages if (found := trace(stage)) is not None]
    if len(traced) < len(stages):
        return None
    graph = Graph()
    try:
        folded: list[fx.GraphModule] = [fold(stage) for stage in traced]
        logits = write(graph, folded, torch.zeros(2, 3, size, size))
    except UnsupportedError:
        return None
    scaled = graph.add("Div", logits.name, graph.constant(float(model.manifest.temperature)))
    (shares,) = graph.add("Softmax", *scaled, axis=1)
    return graph.model(Value(shares, logits.tensor), (3, size, size), called=SHARES, whole=True)


def _written_by_torch(model: Model) -> Any:
    if find_spec("onnxscript") is None:
        title = find_card(model.manifest.backbone).title
        raise UserError(f"Writing {title} as ONNX needs the package onnxscript{_MISSING}")
    size = model.manifest.preprocessing.size
    stages = frozen_copy(nn.Sequential(*model.chain.stages.values(), model.chain.head))
    network = nn.Sequential(*stages, _Shares(model.manifest.temperature))
    network = network.to(memory_format=torch.contiguous_format)
    with _silence():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, 3, size, size),),
            input_names=[INPUT],
            output_names=[SHARES],
            dynamic_shapes=({0: torch.export.Dim("N")},),
            dynamo=True,
        )
    assert program is not None  # noqa: S101 (it is only where a file is given)
    return program.model_proto


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what the exporter prints from the terminal, whose standard output is an answer."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _describe(made: Any, manifest: Manifest) -> None:
    """Write into the file's metadata what else predicting needs."""
    from onnx import helper

    p = manifest.preprocessing
    told = {
        "classes": json.dumps(manifest.classes),
        "preprocessing": json.dumps(asdict(p)),
        "opener": manifest.opener,
        "input": (
            f"float32 (N, 3, {p.size}, {p.size}), red green blue: turn the picture upright (EXIF), "
            f"lay transparency over white, resize its shorter side to {p.resize} pixels "
            f"({p.interpolation}, antialiased), cut out the middle {p.size} x {p.size}, divide by "
            f"255, subtract {list(p.mean)}, divide by {list(p.std)}"
        ),
        "output": "float32 (N, classes): the share of each class; they add up to 1",
        "threshold": repr(manifest.threshold),
        "temperature": f"{manifest.temperature!r}, applied already",
        "backbone": manifest.backbone,
        "dataset": manifest.dataset,
        "licence": manifest.licence,
    }
    made.producer_name = "headstart"
    helper.set_model_props(made, told)


def _check(content: bytes) -> None:
    """Have the file checked as other tools check it: its rules, and the shape of every value."""
    from onnx import checker
    from onnx.shape_inference import InferenceError

    try:
        checker.check_model(content, full_check=True)
    except (checker.ValidationError, InferenceError) as error:
        raise HeadstartError(
            f"The ONNX file is not valid ({' '.join(str(error).split())[:200]}), so it was not "
            "kept; export the bundle or the script instead."
        ) from error


def _difference(model: Model, content: bytes, pixels: NDArray[np.uint8]) -> float:
    import onnxruntime

    p = model.manifest.preprocessing
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    inputs = to_input(torch.from_numpy(pixels), p.mean, p.std).contiguous().numpy()
    # One alone, then the others together: any number has to be taken.
    parts = [part for part in (inputs[:1], inputs[1:]) if len(part)]
    given = np.concatenate([session.run(None, {INPUT: part})[0] for part in parts])
    return float(np.abs(given - model.probabilities(pixels)).max())
