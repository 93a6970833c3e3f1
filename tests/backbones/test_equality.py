"""Every chain computes what torchvision's own network computes.

The reference is built the way torchvision builds it for its published weights, which changes
more than the weights: GoogLeNet then also transforms its input.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import WeightsEnum, get_weight

from tests.backbones.conftest import each
from tl_core.backbones.card import Card
from tl_core.backbones.catalog import catalogue, family_of, find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import from_state, load_backbone

TORCHVISION = [
    card.name
    for card in catalogue().values()
    if card.weights and card.weights.source.endswith("IMAGENET1K_V1")
]
# 64 pixels are enough for most: the last map is then 2 x 2.
SIZES = {"inception_v3": 128, "maxvit_t": 224, "vit_b_16": 224, "vit_b_32": 224}
TOLERANCE = 1e-5
CLASSES = 5


def reference(name: str, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """Build torchvision's network as with its weights, which stay random here."""
    weights = find_card(name).weights
    assert weights
    with monkeypatch.context() as patch:
        patch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: {})
        patch.setattr(nn.Module, "load_state_dict", lambda *_, **__: None)
        network: nn.Module = getattr(models, name)(weights=get_weight(weights.source))
    return randomise(network, x).eval()


@torch.no_grad()
def randomise(network: nn.Module, x: Tensor) -> nn.Module:
    """Move every tensor that starts out constant, so that leaving it out would be seen.

    Among them are normalisation's weights and running statistics, ViT's head (zeros) and
    ConvNeXt's layer scales (1e-6, which would hide whole blocks).
    """
    for tensor in network.parameters():
        start = tensor.flatten()[:1000]
        if start.min() == start.max():
            tensor += torch.empty_like(tensor).uniform_(-0.3, 0.3)
    normalised = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    network.eval()
    for module in normalised:
        module.momentum = None  # take the statistics of what comes next, whole
        module.train()
    if normalised:
        network(x)
    for module in normalised:
        assert module.running_mean is not None
        assert module.running_var is not None
        deviation = module.running_var.sqrt()
        module.running_mean += deviation * torch.empty_like(deviation).uniform_(-0.3, 0.3)
        module.running_var *= torch.empty_like(deviation).uniform_(0.5, 1.5)
    return network


def assert_same_logits(given: Tensor, expected: Tensor) -> None:
    largest = expected.abs().max()
    # Two pictures must differ by far more than the tolerance, or agreement would mean nothing.
    assert (expected[0] - expected[1]).abs().max() > 100 * TOLERANCE * largest
    assert (given - expected).abs().max() <= TOLERANCE * largest


def assert_new_head_fits(chain: Chain, card: Card, x: Tensor) -> None:
    features = chain.body(len(chain.names))(x)
    assert features.shape == (len(x), card.features)
    assert chain.head(features).shape == (len(x), CLASSES)
    (linear,) = (m for m in chain.head.modules() if isinstance(m, nn.Linear))
    assert linear.in_features == card.features


@pytest.mark.usefixtures("quick_weights")
@pytest.mark.parametrize("name", each(TORCHVISION))
def test_logits_equal_torchvisions_and_a_new_head_fits(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = SIZES.get(name, 64)
    x = torch.randn(2, 3, size, size)
    network, family = reference(name, x, monkeypatch), family_of(name)
    with torch.no_grad():
        expected = network(x)
        assert_new_head_fits(family.assemble(network, CLASSES).eval(), find_card(name), x[:1])
        state = network.state_dict()
        del network
        chain = from_state(family, name, state, classes=None).eval()
        del state
        assert not any(tensor.is_meta for tensor in chain.state_dict().values())
        assert_same_logits(chain(x), expected)


@pytest.mark.parametrize("name", sorted(set(catalogue()) - set(TORCHVISION)))
def test_a_new_head_fits_where_torchvision_has_no_such_network(name: str) -> None:
    card, family = find_card(name), family_of(name)
    with torch.device("meta"):
        size = card.preprocessing.size
        chain = family.assemble(family.build(name), CLASSES)
        assert_new_head_fits(chain, card, torch.empty(2, 3, size, size))


def old_densenet_name(name: str) -> str:
    for kind in ("norm", "conv"):
        for number in "12":
            name = name.replace(f".{kind}{number}.", f".{kind}.{number}.")
    return name


def old_vit_name(name: str) -> str:
    return name.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2.")


@pytest.mark.parametrize(
    ("name", "size", "old_name"),
    [("densenet121", 64, old_densenet_name), ("vit_b_32", 224, old_vit_name)],
)
def test_the_older_tensor_names_of_published_files_are_understood(
    name: str, size: int, old_name: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It renames them itself while loading, so torchvision is the witness that these are they."""
    weights = find_card(name).weights
    assert weights
    x = torch.randn(2, 3, size, size)
    state = {old_name(key): t for key, t in reference(name, x, monkeypatch).state_dict().items()}
    # Files of that age hold no batch counters.
    state = {key: tensor for key, tensor in state.items() if "num_batches" not in key}
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: dict(state))
    with torch.no_grad():
        expected = getattr(models, name)(weights=get_weight(weights.source)).eval()(x)
        assert_same_logits(from_state(family_of(name), name, state, None).eval()(x), expected)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_classifiers_in_the_file_are_left_unread(name: str) -> None:
    published = getattr(models, name)(weights=None, aux_logits=True, init_weights=False)
    state = published.state_dict()
    assert any("aux" in key.lower() for key in state)
    chain = from_state(family_of(name), name, state, classes=3)
    count = sum(p.numel() for p in chain.parameters())
    assert count == find_card(name).trainable_parameters(0, 3)


@pytest.mark.parametrize("name", ["small", "squeezenet1_1", "regnet_y_400mf"])
def test_from_scratch_is_the_seeds_and_leaves_other_random_numbers_alone(name: str) -> None:
    before = torch.get_rng_state()
    one, two, other = (
        next(load_backbone(name, 3, pretrained=False, seed=seed).parameters()) for seed in (1, 1, 2)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
