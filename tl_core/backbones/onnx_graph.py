"""From the traced stages of a convolutional network to a graph in ONNX.

PyTorch's own exporter takes seconds; the kinds of layer in these networks are few, and the graph
of MobileNetV2 is written down here in a tenth of one. Whoever uses the graph compares it with the
layers that it came from: nothing here is trusted to be the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate
from torch.nn import functional as F
from torchvision.ops import stochastic_depth

OPSET, IR_VERSION = 17, 8
INPUT, OUTPUT = "input", "output"


class UnsupportedError(Exception):
    """A layer or function, or a use of it, that has no counterpart here."""


@dataclass(frozen=True)
class Value:
    """What passes between layers: its name in the graph, and what it is for the example."""

    name: str
    tensor: Tensor


@dataclass
class Graph:
    """An ONNX graph that is being written.

    Attributes:
        nodes: in the order of computing.
        weights: the layers' tensors by name, handed over apart from the model.
        constants: sizes and other small numbers, which stand in the model.
    """

    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    constants: list[Any] = field(default_factory=list)

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Add a node and return the names of its outputs."""
        from onnx import helper

        names = [f"{kind}_{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def weight(self, tensor: Tensor) -> str:
        """Add a layer's tensor and return its name."""
        name = f"weight_{len(self.weights)}"
        self.weights[name] = np.asarray(tensor.detach().cpu().numpy(), order="C")
        return name

    def constant(self, value: float | int | Sequence[int]) -> str:
        """Add a number (as float32) or sizes (as int64) and return its name."""
        from onnx import numpy_helper

        array = np.asarray(value, np.float32 if isinstance(value, float) else np.int64)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def model(
        self, output: Value, shape: Sequence[int], *, called: str = OUTPUT, whole: bool = False
    ) -> Any:
        """Return the finished model, an `onnx.ModelProto`.

        Args:
            output: what the last stage hands over; onnxruntime does without its shape, ONNX's own
                checker and other tools do not.
            shape: of one input; the model takes any number of them.
            called: what the model's output is called.
            whole: whether its weights are in it; else they are named only.
        """
        from onnx import TensorProto, helper, numpy_helper

        def described(name: str, values: NDArray[Any]) -> TensorProto:
            if whole:
                return numpy_helper.from_array(values, name)
            # Handed over apart from the model, large weights are not copied on the way.
            kind = helper.np_dtype_to_tensor_dtype(values.dtype)
            where = TensorProto.EXTERNAL
            tensor = TensorProto(name=name, data_type=kind, dims=values.shape, data_location=where)
            tensor.external_data.add(key="location", value="memory")
            return tensor

        kind = TensorProto.FLOAT
        given = ["N", *output.tensor.shape[1:]]
        return helper.make_model(
            helper.make_graph(
                [*self.nodes, helper.make_node("Identity", [output.name], [called])],
                "body",
                [helper.make_tensor_value_info(INPUT, kind, ["N", *shape])],
                [helper.make_tensor_value_info(called, kind, given)],
                [*self.constants, *(described(*weight) for weight in self.weights.items())],
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )


def write(graph: Graph, stages: Sequence[fx.GraphModule], example: Tensor) -> Value:
    """Write traced stages down, one after another, while passing an example through them.

    Args:
        graph: to write into.
        stages: in evaluation mode.
        example: inputs `(N, …)`, at least two.

    Returns:
        What the last stage hands over.

    Raises:
        UnsupportedError: a layer or function that has no counterpart here.
    """
    value = Value(INPUT, example)
    with torch.no_grad():
        for stage in stages:
            value = _Writer(stage, graph).run(value)
    return value


class _Writer(fx.Interpreter):
    """Computes a stage with values that know their names."""

    def __init__(self, stage: fx.GraphModule, graph: Graph) -> None:
        super().__init__(stage)
        self.target = graph

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = self.fetch_attr(target)
        name = self.layer(layer, *args, **kwargs)
        return Value(name, layer(*map(_tensors, args)))

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if target is operator.getitem and isinstance(args[0], tuple):
            return args[0][args[1]]
        return self.named(
            target, super().call_function(target, *_plain(args, kwargs)), args, kwargs
        )

    def call_method(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.named(target, super().call_method(target, *_plain(args, kwargs)), args, kwargs)

    def layer(self, layer: nn.Module, x: Value) -> str:
        """Write a layer and return the name of its output."""
        if type(layer) not in LAYERS or not isinstance(x, Value):
            raise UnsupportedError(type(layer).__name__)
        return LAYERS[type(layer)](self.target, layer, x)

    def named(self, target: Any, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Write a function's call, unless its result is a size, and give names to the result."""
        if isinstance(result, (int, torch.Size)):
            return result
        if target in _AS_LAYERS:
            x, *rest = args
            return Value(self.layer(_AS_LAYERS[target](*rest, **kwargs), x), result)
        tensors = [value for value in args if isinstance(value, Tensor)]
        if target not in _FUNCTIONS or tensors:  # a tensor of the stage's own is no layer's weight
            raise UnsupportedError(str(target))
        names = _FUNCTIONS[target](self.target, *args, **kwargs)
        if isinstance(result, Tensor):
            return Value(names[0], result)
        return tuple(map(Value, names, result))


def _tensors(value: Any) -> Any:
    return value.tensor if isinstance(value, Value) else value


def _plain(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    return map_aggregate(args, _tensors), map_aggregate(kwargs, _tensors)


# --- layers: each writes itself and returns the name of its output ----------------------------


def _convolution(graph: Graph, layer: nn.Conv2d, x: Value) -> str:
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise UnsupportedError(f"a convolution padded with {layer.padding_mode}")
    bias = [] if layer.bias is None else [graph.weight(layer.bias)]
    (name,) = graph.add(
        "Conv",
        x.name,
        graph.weight(layer.weight),
        *bias,
        kernel_shape=layer.kernel_size,
        strides=layer.stride,
        pads=[*layer.padding, *layer.padding],
        dilations=layer.dilation,
        group=layer.groups,
    )
    return name


def _norm(graph: Graph, layer: nn.BatchNorm2d, x: Value) -> str:
    tensors = layer.weight, layer.bias, layer.running_mean, layer.running_var
    weights = [graph.weight(tensor) for tensor in tensors if tensor is not None]
    if len(weights) < 4:
        raise UnsupportedError("a normalisation without weights or statistics")
    return graph.add("BatchNormalization", x.name, *weights, epsilon=layer.eps)[0]


def _linear(graph: Graph, layer: nn.Linear, x: Value) -> str:
    if x.tensor.ndim != 2:
        raise UnsupportedError("a linear layer on more than vectors")
    bias = [] if layer.bias is None else [graph.weight(layer.bias)]
    return graph.add("Gemm", x.name, graph.weight(layer.weight), *bias, transB=1)[0]


def _pool(graph: Graph, layer: nn.MaxPool2d | nn.AvgPool2d, x: Value) -> str:
    kernel, stride, padding = map(_pair, (layer.kernel_size, layer.stride, layer.padding))
    sizes = zip(x.tensor.shape[2:], kernel, stride, padding, strict=True)
    round_up = layer.ceil_mode and any((n + 2 * p - k) % s for n, k, s, p in sizes)
    if round_up and any(padding):  # the two understand such a last window differently
        raise UnsupportedError("a padded pooling layer that rounds up")
    shape: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": stride,
        "pads": [*padding, *padding],
        "ceil_mode": int(round_up),
    }
    if isinstance(layer, nn.MaxPool2d):
        if layer.return_indices:
            raise UnsupportedError("a pooling layer that returns indices")
        return graph.add("MaxPool", x.name, dilations=_pair(layer.dilation), **shape)[0]
    if layer.divisor_override:
        raise UnsupportedError("a pooling layer with a divisor of its own")
    padded = int(layer.count_include_pad)
    return graph.add("AveragePool", x.name, count_include_pad=padded, **shape)[0]


def _adaptive_pool(graph: Graph, layer: nn.AdaptiveAvgPool2d, x: Value) -> str:
    given, wanted = tuple(x.tensor.shape[2:]), _pair(layer.output_size)
    if wanted == (1, 1):
        return graph.add("GlobalAveragePool", x.name)[0]
    if given == wanted:
        return x.name
    raise UnsupportedError(f"pooling {given} to {wanted}")


def _flatten(graph: Graph, layer: nn.Flatten, x: Value) -> str:
    if (layer.start_dim, layer.end_dim) != (1, -1):
        raise UnsupportedError("a flattening that keeps more than the first dimension")
    return graph.add("Flatten", x.name)[0]


def _neighbours(graph: Graph, layer: nn.LocalResponseNorm, x: Value) -> str:
    alpha, beta = layer.alpha, layer.beta
    return graph.add("LRN", x.name, size=layer.size, alpha=alpha, beta=beta, bias=layer.k)[0]


def _clip(graph: Graph, layer: nn.ReLU6, x: Value) -> str:
    bounds = map(graph.constant, (float(layer.min_val), float(layer.max_val)))
    return graph.add("Clip", x.name, *bounds)[0]


def _silu(graph: Graph, _layer: nn.SiLU, x: Value) -> str:
    return graph.add("Mul", x.name, *graph.add("Sigmoid", x.name))[0]


def _nothing(_graph: Graph, _layer: nn.Module, x: Value) -> str:
    return x.name


def _function(kind: str, **attributes: Any) -> Callable[[Graph, nn.Module, Value], str]:
    return lambda graph, _, x: graph.add(kind, x.name, **attributes)[0]


def _pair(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value, value)


LAYERS: dict[type[nn.Module], Callable[[Graph, Any, Value], str]] = {
    nn.AdaptiveAvgPool2d: _adaptive_pool,
    nn.AvgPool2d: _pool,
    nn.BatchNorm2d: _norm,
    nn.Conv2d: _convolution,
    nn.Dropout: _nothing,
    nn.Flatten: _flatten,
    nn.Hardsigmoid: _function("HardSigmoid", alpha=1 / 6, beta=0.5),
    nn.Hardswish: _function("HardSwish"),
    nn.Identity: _nothing,
    nn.Linear: _linear,
    nn.LocalResponseNorm: _neighbours,
    nn.MaxPool2d: _pool,
    nn.ReLU: _function("Relu"),
    nn.ReLU6: _clip,
    nn.SiLU: _silu,
    nn.Sigmoid: _function("Sigmoid"),
}
"""Kinds of layer that have a counterpart in ONNX."""


# --- functions: each writes itself and returns the names of its outputs -----------------------


def _of_two(kind: str) -> Callable[[Graph, Value | float, Value | float], list[str]]:
    def write(graph: Graph, *pair: Value | float) -> list[str]:
        names = [v.name if isinstance(v, Value) else graph.constant(float(v)) for v in pair]
        return graph.add(kind, *names)

    return write


def _cat(graph: Graph, values: Sequence[Value], dim: int = 0) -> list[str]:
    return graph.add("Concat", *(value.name for value in values), axis=dim)


def _stack(graph: Graph, values: Sequence[Value], dim: int = 0) -> list[str]:
    axes = graph.constant([dim])
    rows = [graph.add("Unsqueeze", value.name, axes)[0] for value in values]
    return graph.add("Concat", *rows, axis=dim)


def _select(graph: Graph, x: Value, index: Any) -> list[str]:
    if not (
        isinstance(index, tuple) and index[:-1] == (slice(None),) and isinstance(index[1], int)
    ):
        raise UnsupportedError(f"selecting {index}")
    return graph.add("Gather", x.name, graph.constant(index[1]), axis=1)


def _view(graph: Graph, x: Value, count: int, *shape: int) -> list[str]:
    if count != len(x.tensor):
        raise UnsupportedError("a view that mixes examples")
    return graph.add("Reshape", x.name, graph.constant([0, *shape]))  # 0: as it is


def _transpose(graph: Graph, x: Value, one: int, other: int) -> list[str]:
    order = list(range(x.tensor.ndim))
    order[one], order[other] = order[other], order[one]
    return graph.add("Transpose", x.name, perm=order)


def _chunk(graph: Graph, x: Value, chunks: int, dim: int = 0) -> list[str]:
    if x.tensor.shape[dim] % chunks:
        raise UnsupportedError("unequal chunks")
    sizes = graph.constant([x.tensor.shape[dim] // chunks] * chunks)
    return graph.add("Split", x.name, sizes, outputs=chunks, axis=dim)


def _same(_graph: Graph, x: Value, *_settings: Any) -> list[str]:
    return [x.name]


_AS_LAYERS: dict[Any, Callable[..., nn.Module]] = {
    F.relu: nn.ReLU,
    F.max_pool2d: nn.MaxPool2d,
    F.avg_pool2d: nn.AvgPool2d,
}

_FUNCTIONS: dict[Any, Callable[..., list[str]]] = {
    operator.add: _of_two("Add"),
    operator.mul: _of_two("Mul"),
    operator.getitem: _select,
    torch.cat: _cat,
    torch.stack: _stack,
    torch.transpose: _transpose,
    stochastic_depth: _same,
    "chunk": _chunk,
    "contiguous": _same,
    "view": _view,
}
