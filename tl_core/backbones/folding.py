"""A frozen copy of stages, and BatchNorm folded into the convolution before it.

In evaluation mode BatchNorm multiplies each channel and adds to it; the convolution before it can
do both with other weights (Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", 2017, section 3.2).
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def frozen_copy(stages: nn.Sequential) -> nn.Sequential:
    """Return stages of their own in evaluation mode, which share every tensor with the given ones.

    Layers may be replaced in the copy; the given stages stay as they are, their mode included.
    Only a convolution whose weights do not lie in channels_last gets weights of its own.
    """
    tensors = [*stages.parameters(), *stages.buffers()]
    copy = deepcopy(stages, {id(tensor): tensor for tensor in tensors}).eval()
    for layer in copy.modules():
        if isinstance(layer, nn.Conv2d):
            weight = layer.weight.detach().contiguous(memory_format=torch.channels_last)
            layer.weight = nn.Parameter(weight, requires_grad=False)
    return copy


def trace(stage: nn.Module) -> fx.GraphModule | None:
    """Return the graph of a stage's layers, or `None` where its code depends on what it is given.

    Functions that `stage` calls are taken as in evaluation mode, so it must be in it.
    """
    try:
        return fx.symbolic_trace(nn.Sequential(stage))
    except Exception:  # whatever the stage's own code raises when it is given no numbers
        return None


@torch.no_grad()
def fold(graph: fx.GraphModule) -> fx.GraphModule:
    """Fold BatchNorm into convolutions, in place; layers that are replaced are left untouched."""
    layers = dict(graph.named_modules())
    calls = [node.target for node in graph.graph.nodes if node.op == "call_module"]
    for node in list(graph.graph.nodes):
        before = node.args[0] if node.args else None
        if not (isinstance(before, fx.Node) and node.op == before.op == "call_module"):
            continue
        convolution, norm = layers[str(before.target)], layers[str(node.target)]
        alone = len(before.users) == 1 == calls.count(before.target)
        if alone and type(convolution) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
            graph.add_submodule(str(before.target), _fused(convolution, norm))
            node.replace_all_uses_with(before)
            graph.graph.erase_node(node)
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


def _fused(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None  # noqa: S101, PT018 (else it has no eval mode)
    weight, bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, mean, variance, norm.eps, norm.weight, norm.bias
    )
    fused = deepcopy(convolution, {id(convolution.weight): weight, id(convolution.bias): None})
    fused.weight, fused.bias = weight, bias
    return fused.requires_grad_(False)
