"""The frozen body as what it is: a function that only ever predicts.

Three ways to compute the same: the stages as they are (*eager*), with BatchNorm *folded* into the
convolutions, or handed to *onnxruntime*. Which one is chosen by rule and recorded, so that a run
can be repeated; outputs agree within 1e-4 of the largest.

Measured on a 2-core processor at 224 px, pictures per second in tiles of 8, eager / folded /
onnxruntime: MobileNetV2 69 / 124 / 211, SqueezeNet 1.1 183 / 185 / 226, ResNet-18 42 / 48 / 52.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import torch
from torch import Tensor, fx, nn

from tl_core.backbones.folding import fold, frozen_copy, trace
from tl_core.backbones.onnx_graph import INPUT, LAYERS, Graph, UnsupportedError, Value, write
from tl_core.config import BodyPath

TOLERANCE = 1e-4  # of the largest absolute output
_VECTORS = ("AVX2", "AVX512")  # what onnxruntime was measured with; elsewhere nothing is known


class Body(Protocol):
    """Frozen stages as a function of inputs `(N, …)`, without gradients.

    Attributes:
        path: how it computes.
    """

    path: BodyPath

    def __call__(self, x: Tensor, /) -> Tensor:
        """Compute what the last stage hands over, `(N, …)`."""


def choose_path(stages: nn.Sequential, device_kind: str) -> BodyPath:
    """Return how to compute frozen stages here: by what is installed and by kind of layer.

    Args:
        stages: the body, or all stages of a network.
        device_kind: "cpu", "cuda" or "mps".
    """
    layers = _kinds(stages)
    if device_kind == "cpu" and nn.Conv2d in layers and layers <= LAYERS.keys() and _has_onnx():
        return "onnxruntime"
    return "folded" if nn.BatchNorm2d in layers else "eager"


def _kinds(stages: nn.Module) -> set[type[nn.Module]]:
    """Return the kinds of layer in stages: those of PyTorch, and whatever has weights of its own.

    Others only say how layers follow each other, and tracing looks into them.
    """
    return {type(layer) for layer in stages.modules() if _has_weights(layer) or _is_leaf(layer)}


def _is_leaf(layer: nn.Module) -> bool:
    """Tell whether a layer is one of PyTorch's that holds no others."""
    holds = isinstance(layer, nn.Sequential) or any(layer.children())
    return not holds and type(layer).__module__.startswith("torch.nn")


def _has_weights(layer: nn.Module) -> bool:
    return next(layer.parameters(recurse=False), None) is not None


def _has_onnx() -> bool:
    installed = find_spec("onnx") is not None and find_spec("onnxruntime") is not None
    return installed and torch.backends.cpu.get_cpu_capability() in _VECTORS


def inference_body(
    stages: nn.Sequential, path: BodyPath, device: torch.device, shape: tuple[int, ...]
) -> Body:
    """Return frozen stages as a function that computes by `path`.

    The stages are left as they are, their mode included, and must not change from then on: the
    function shares their tensors. Where the path cannot be taken (onnxruntime is not installed
    any more, or computes something else), the next one is; the function's `path` tells.

    Args:
        stages: on `device`.
        path: from `choose_path`, or recorded with a run.
        device: to compute on.
        shape: of one input.
    """
    copy = frozen_copy(stages)
    if path == "eager":
        return TorchBody(copy, path)
    folded = nn.Sequential(*(_folded(stage) for stage in copy))
    if path == "onnxruntime" and device.type == "cpu" and (body := _onnx_body(folded, shape)):
        return body
    return TorchBody(folded, "folded" if nn.BatchNorm2d in _kinds(stages) else "eager")


def _folded(stage: nn.Module) -> nn.Module:
    graph = trace(stage)
    return stage if graph is None else fold(graph)


class TorchBody:
    """Stages that PyTorch computes."""

    def __init__(self, stages: nn.Sequential, path: BodyPath) -> None:
        self.stages, self.path = stages, path

    @torch.no_grad()
    def __call__(self, x: Tensor, /) -> Tensor:
        """Compute what the last stage hands over."""
        y: Tensor = self.stages(x)
        return y


class OnnxBody:
    """Stages that onnxruntime computes, on the processor, with as many threads as PyTorch."""

    path: BodyPath = "onnxruntime"

    def __init__(self, graph: Graph, output: Value, shape: Sequence[int]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.use_deterministic_compute = True
        options.log_severity_level = 3  # errors
        # Threads that wait by spinning take the processor from the other run on this machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._weights = graph.weights  # (the session does not keep them)
        values = map(onnxruntime.OrtValue.ortvalue_from_numpy, self._weights.values())
        options.add_external_initializers(list(self._weights), list(values))
        self._session: Any = onnxruntime.InferenceSession(
            graph.model(output, shape).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
        )

    def __call__(self, x: Tensor, /) -> Tensor:
        """Compute what the last stage hands over."""
        (y,) = self._session.run(None, {INPUT: x.detach().contiguous().numpy()})
        return torch.from_numpy(y)


def _onnx_body(stages: nn.Sequential, shape: Sequence[int]) -> OnnxBody | None:
    """Return stages in onnxruntime, if it can and its outputs for two inputs are the same."""
    graphs = [stage for stage in stages if isinstance(stage, fx.GraphModule)]
    if len(graphs) < len(stages) or not _has_onnx():
        return None
    graph = Graph()
    example = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    try:
        expected = write(graph, graphs, example.clone())  # (a layer may work in place)
    except UnsupportedError:
        return None
    body = OnnxBody(graph, expected, shape)
    return body if is_close(body(example), expected.tensor) else None


def is_close(given: Tensor, expected: Tensor) -> bool:
    """Tell whether outputs differ by at most `TOLERANCE` of the largest.

    >>> is_close(torch.tensor([1.0, 10.0005]), torch.tensor([1.0, 10.0]))
    True
    >>> is_close(torch.tensor([1.0, float("nan")]), torch.tensor([1.0, 10.0]))
    False
    """
    if given.shape != expected.shape:
        return False
    return bool((given - expected).abs().max() <= TOLERANCE * expected.abs().max())
