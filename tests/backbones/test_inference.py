"""Frozen stages as inference: the same outputs by every path, and the stages left as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.backbones.conftest import each
from tl_core.backbones import inference
from tl_core.backbones.catalog import catalogue, family_of
from tl_core.backbones.chain import Chain
from tl_core.backbones.inference import (
    OnnxBody,
    TorchBody,
    choose_path,
    inference_body,
    is_close,
)
from tl_core.config import BODY_PATHS, BodyPath

pytestmark = pytest.mark.usefixtures("quick_weights")

CPU = torch.device("cpu")
# 64 pixels are enough for most; the input size of these is built in, or asked for by a pooling.
SIZES = {
    "inception_v3": 96,
    "efficientnet_v2_s": 128,
    "maxvit_t": 224,
    "vit_b_16": 224,
    "vit_b_32": 224,
    "alexnet": 224,
}
ATTENTION = ("vit_", "swin_", "maxvit_", "convnext_")

needs_onnx = pytest.mark.skipif(
    not inference._has_onnx(),
    reason="onnx and onnxruntime are not installed, or not for this processor",
)


def size_of(name: str) -> int:
    return 224 if name.startswith("vgg") else SIZES.get(name, 64)


@torch.no_grad()
def randomise(network: nn.Module, x: Tensor | None = None) -> nn.Module:
    """Move what starts out constant, so that a norm which is folded wrongly is seen.

    With an input, the norms' statistics are about those of the network, as after training: a deep
    network with others multiplies every rounding until two ways to add differ visibly.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in network.modules():
        for name, scale in layer.named_parameters(recurse=False):
            if name == "layer_scale":  # ConvNeXt's start near nought
                scale.uniform_(0.5, 1.5)
    for norm in norms:
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.uniform_(-0.3, 0.3)
        norm.momentum = 1.0
    if x is not None:
        network.train()(x)
    for norm in norms:
        spread = norm.running_var.sqrt()
        norm.running_mean.add_(spread * torch.empty_like(spread).uniform_(-0.3, 0.3))
        norm.running_var.mul_(torch.empty_like(spread).uniform_(0.7, 1.4))
    return network.eval()


@pytest.fixture
def chain(name: str, give_memory_back: Callable[[], None]) -> Chain:
    give_memory_back()
    torch.manual_seed(0)
    family, size = family_of(name), size_of(name)
    whole = family.assemble(family.build(name), 3)
    for layer in whole.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    randomise(whole, torch.randn(4, 3, size, size))
    return whole.eval()


def snapshot(stages: nn.Module) -> dict[str, Any]:
    tensors = {name: (t, t.data_ptr(), t.stride()) for name, t in stages.state_dict().items()}
    modes = [(layer.training, type(layer)) for layer in stages.modules()]
    gradients = [p.requires_grad for p in stages.parameters()]
    values = {name: t.clone() for name, t in stages.state_dict().items()}
    return {"tensors": tensors, "modes": modes, "gradients": gradients, "values": values}


def assert_untouched(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert before["modes"] == after["modes"]
    assert before["gradients"] == after["gradients"]
    assert before["values"].keys() == after["values"].keys()
    for name, (_, place, strides) in before["tensors"].items():
        assert (place, strides) == after["tensors"][name][1:], name
        assert torch.equal(before["values"][name], after["values"][name]), name


@pytest.mark.parametrize("name", each(catalogue()))
def test_every_path_computes_what_the_stages_compute_and_leaves_them_alone(
    name: str, chain: Chain
) -> None:
    # Stage by stage: all the layers of a deep network that was never trained multiply any rounding.
    size, count = size_of(name), len(chain.names)
    x = torch.randn(3, 3, size, size)
    before = snapshot(chain)
    for stage in range(count):
        stages, shape = chain.body(count)[stage : stage + 1], tuple(x.shape[1:])
        with torch.no_grad():
            expected = stages(x)
        given_as = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
        for path in BODY_PATHS:
            body = inference_body(stages, path, CPU, shape)
            given = body(given_as)
            assert is_close(given, expected), (chain.names[stage], path)
            assert not given.requires_grad
            if path == choose_path(stages, "cpu"):
                assert body.path == path, "a rule that cannot be kept"
        x = expected
    assert_untouched(before, snapshot(chain))


@pytest.mark.parametrize("name", ["small"])
@pytest.mark.parametrize("path", BODY_PATHS)
def test_stages_in_training_mode_are_computed_as_in_evaluation_mode(
    chain: Chain, path: BodyPath
) -> None:
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = chain.body(3)(x)
    chain.train()
    before = snapshot(chain)
    assert is_close(inference_body(chain.body(3), path, CPU, (3, 64, 64))(x), expected)
    assert_untouched(before, snapshot(chain))


@pytest.mark.parametrize("name", catalogue())
def test_the_rule_goes_by_the_kind_of_layer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        chain = family_of(name).assemble(family_of(name).build(name), 3)
    stages = chain.body(len(chain.names))
    has_norm = any(isinstance(layer, nn.BatchNorm2d) for layer in stages.modules())
    without = "folded" if has_norm else "eager"
    for installed in (True, False):
        monkeypatch.setattr(inference, "_has_onnx", lambda there=installed: there)
        convolutional = not name.startswith(ATTENTION)
        chosen = "onnxruntime" if installed and convolutional else without
        assert choose_path(stages, "cpu") == chosen
        assert choose_path(stages, "cuda") == choose_path(stages, "mps") == without


def test_the_rule_asks_for_both_packages_and_a_processor_that_was_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"onnx": True, "onnxruntime": True}
    monkeypatch.setattr(inference, "find_spec", lambda name: found[name] or None)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert inference._has_onnx()
    for missing in found:
        monkeypatch.setitem(found, missing, False)
        assert not inference._has_onnx()
        monkeypatch.setitem(found, missing, True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert not inference._has_onnx()


def stages_of(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers).eval()


def test_a_recorded_path_that_cannot_be_taken_any_more_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inference, "_has_onnx", lambda: False)
    norm = stages_of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    plain = stages_of(nn.Conv2d(3, 4, 3))
    for stages, path in ((norm, "folded"), (plain, "eager")):
        body = inference_body(stages, "onnxruntime", CPU, (3, 8, 8))
        assert (type(body), body.path) == (TorchBody, path)


@needs_onnx
def test_onnxruntime_is_left_alone_where_it_computes_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stages, x = stages_of(nn.Conv2d(3, 4, 3)), torch.randn(2, 3, 8, 8)
    assert isinstance(inference_body(stages, "onnxruntime", CPU, (3, 8, 8)), OnnxBody)
    compute = OnnxBody.__call__
    monkeypatch.setattr(OnnxBody, "__call__", lambda self, x: compute(self, x) * 1.001)
    body = inference_body(stages, "onnxruntime", CPU, (3, 8, 8))
    assert body.path == "eager"
    with torch.no_grad():
        assert torch.allclose(body(x), stages(x), atol=1e-6)


class Undecided(nn.Module):
    """Cannot be traced: what it does depends on the numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize("path", BODY_PATHS)
def test_a_stage_that_cannot_be_traced_is_computed_as_it_is(path: BodyPath) -> None:
    norm = randomise(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    stages, x = stages_of(norm, Undecided()), torch.randn(2, 3, 8, 8)
    body = inference_body(stages, path, CPU, (3, 8, 8))
    for sign in (1, -1):
        with torch.no_grad():
            assert is_close(body(sign * x), stages(sign * x))
    if path == "folded":
        assert not any(isinstance(layer, nn.BatchNorm2d) for layer in body.stages.modules())


def test_a_norm_is_folded_only_where_the_convolution_feeds_nothing_else() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
            self.used_again = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return self.norm(y) + y + self.used_again(x) + self.used_again[0](y)

    stages, x = stages_of(randomise(Twice())), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert is_close(inference_body(stages, "folded", CPU, (3, 8, 8))(x), stages(x))


def test_words_pass_as_pictures_do() -> None:
    stages = stages_of(nn.Embedding(9, 4), nn.Linear(4, 2))
    x = torch.randint(0, 9, (5, 3))
    assert choose_path(stages, "cpu") == "eager"
    for path in ("eager", "folded"):
        with torch.no_grad():
            assert torch.equal(inference_body(stages, path, CPU, (3,))(x), stages(x))


@needs_onnx
@pytest.mark.parametrize("name", ["small", "googlenet", "shufflenet_v2_x0_5"])
def test_onnxruntime_gives_the_same_bits_for_any_number_of_inputs_and_twice(chain: Chain) -> None:
    stages, x = chain.body(len(chain.names)), torch.randn(7, 3, 64, 64)
    body = inference_body(stages, "onnxruntime", CPU, (3, 64, 64))
    again = inference_body(stages, "onnxruntime", CPU, (3, 64, 64))
    assert body.path == "onnxruntime"
    whole = body(x)
    assert torch.equal(whole, again(x))
    for size in (1, 2, 3):
        assert torch.equal(whole, torch.cat([body(part) for part in x.split(size)]))
