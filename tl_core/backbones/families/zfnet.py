"""ZFNet: AlexNet with a finer first look, found by drawing what its filters had learned.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2013). There are two:
the paper's own network, for which nobody published weights, and ZFNet-512 of the ONNX Model Zoo
(Caffe2), with 512 maps in its third to fifth convolution, for which somebody did.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card, Preprocessing, Weights
from tl_core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tl_core.backbones.chain import Chain

_PAPER = "Zeiler, Fergus: Visualizing and Understanding Convolutional Networks (2013)"
_CONTEST = (
    "11.74 % top-5 error, winner of 2013 (Clarifai, Zeiler's company; ZFNet is the paper's network)"
)
_ZOO = "https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/validated/vision"
# The file wants values of 0 to 255 with these means taken off, here in the order red, green, blue.
_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)

CARDS = (
    Card(
        "zfnet512",
        "ZFNet-512",
        2013,
        _PAPER,
        "Drew what each filter of AlexNet had learned, and mended what the drawings showed.",
        # Hash and size as in the zoo's ONNX_HUB_MANIFEST.json, accuracy as on the model's page.
        Weights(
            f"{_ZOO}/classification/zfnet-512/model/zfnet512-12.onnx",
            file="zfnet512-12.onnx",
            sha256="c975ca6a24c0a2e1584c6f82667e0ac9c06084fc7769d267f71b4a154d1f1c72",
            bytes=349_005_501,
            top1=55.97,
            top5=79.41,
            licence="Weights from the ONNX Model Zoo (Apache-2.0; this model's page says MIT), "
            "trained on ImageNet, whose terms allow non-commercial research and teaching.",
        ),
        _CONTEST,
        "conv5",
        preprocessing=Preprocessing(mean=_MEAN, std=(1 / 255,) * 3),
    ),
    Card(
        "zfnet",
        "ZFNet as in the paper (starts from scratch)",
        2013,
        _PAPER,
        "The network of the paper itself; nobody published its weights, so it knows nothing yet.",
        None,
        _CONTEST,
        "conv5",
    ),
)


def build(name: str) -> nn.Module:
    """Build the layers that learn, with random weights, as a `ModuleDict`."""
    from torch.nn import Conv2d, Linear, ModuleDict
    from torch.nn.init import kaiming_normal_, zeros_

    if name == "zfnet512":
        wide, fc7, padding = (512, 512, 512), 1024, 0
    else:
        wide, fc7, padding = (384, 384, 256), 4096, 1
    layers: dict[str, Conv2d | Linear] = {
        "conv1": Conv2d(3, 96, 7, 2, padding),
        "conv2": Conv2d(96, 256, 5, 2),
        "conv3": Conv2d(256, wide[0], 3, 1, 1),
        "conv4": Conv2d(wide[0], wide[1], 3, 1, 1),
        "conv5": Conv2d(wide[1], wide[2], 3, 1, 1),
        "fc6": Linear(wide[2] * 6 * 6, 4096),
        "fc7": Linear(4096, fc7),
        "fc8": Linear(fc7, 1000),
    }
    for layer in layers.values():
        # With the paper's 0.01 the signal fades from layer to layer; He et al.'s scale keeps it.
        kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            zeros_(layer.bias)
    return ModuleDict(layers)


def assemble(network: Any, classes: int | None) -> Chain:
    """Put pooling and normalisation between the layers; `classes` fits a new head.

    The paper normalises after pooling, Caffe2's network before, with other constants.
    """
    from torch.nn import (
        AdaptiveAvgPool2d,
        Dropout,
        Flatten,
        LocalResponseNorm,
        MaxPool2d,
        ReLU,
        Sequential,
    )

    from tl_core.backbones.chain import Chain, linear_head

    def convolution(name: str, *after: nn.Module) -> nn.Module:
        return Sequential(network[name], ReLU(inplace=True), *after)

    def dense(name: str) -> tuple[nn.Module, ...]:
        return network[name], ReLU(inplace=True), Dropout(0.5)

    def between() -> nn.Module:
        if is_512:
            return Sequential(LocalResponseNorm(5, alpha=5e-4, k=2.0), MaxPool2d(3, 2))
        return Sequential(MaxPool2d(3, 2, 1), LocalResponseNorm(5, alpha=1e-4, k=2.0))

    is_512 = network["conv3"].out_channels == 512
    stages = {
        "conv1": convolution("conv1", between()),
        "conv2": convolution("conv2", between()),
        "conv3": convolution("conv3"),
        "conv4": convolution("conv4"),
        "conv5": convolution("conv5", MaxPool2d(2 if is_512 else 3, 2)),
        # At 224 pixels the map is 6 x 6 already and the average changes nothing.
        "fc6": Sequential(AdaptiveAvgPool2d(6), Flatten(1), *dense("fc6")),
        "fc7": Sequential(*dense("fc7")),
    }
    fc8 = network["fc8"]
    return Chain(stages, fc8 if classes is None else linear_head(fc8.in_features, classes))


def read_published(path: Path) -> dict[str, Tensor]:
    """Read the zoo's ONNX file into tensors by our names.

    The file's network wants blue, green, red; turning round the first convolution's inputs lets
    it see pictures in our order.

    Raises:
        UserError: the optional package `onnx` is missing.
    """
    import torch

    try:
        import onnx
        from onnx.numpy_helper import to_array
    except ImportError as error:
        raise UserError(
            "ZFNet's weights are an ONNX file and the package that reads it is not installed; "
            "run: pip install -r requirements-zfnet.txt"
        ) from error
    kinds = {"w": "weight", "b": "bias"}
    state = {}
    for tensor in onnx.load(path).graph.initializer:
        layer, _, rest = tensor.name.removeprefix("gpu_0/").partition("_")
        if rest in ("w_0", "b_0"):
            state[f"{layer}.{kinds[rest[0]]}"] = torch.from_numpy(to_array(tensor).copy())
    if "conv1.weight" in state:
        state["conv1.weight"] = state["conv1.weight"].flip(1)
    return state
