"""`measured.json` is what the networks and torchvision say now, and what is known of them."""

from __future__ import annotations

import pytest

from tl_core.backbones.catalog import MEASURED, catalogue, find_card
from tl_core.backbones.measure import measure_all, render
from tl_core.backbones.published import published


def test_the_file_is_up_to_date() -> None:
    assert MEASURED.read_text(encoding="utf-8") == render(measure_all()), (
        "run: python -m tl_core.backbones.measure"
    )


def test_preprocessing_is_that_of_the_published_weights() -> None:
    compared = 0
    for card in catalogue().values():
        if card.weights and card.weights.source.endswith("IMAGENET1K_V1"):
            assert card.preprocessing == published(card.weights.source).preprocessing, card.name
            compared += 1
    assert compared >= len(catalogue()) - 4  # all but both ZFNets, mini and the small network


@pytest.mark.parametrize(
    ("name", "top1", "top5", "millions", "gmac", "megabytes"),
    [
        ("alexnet", 56.5, 79.1, 61.1, 0.71, 233),
        ("squeezenet1_1", 58.2, 80.6, 1.24, 0.35, 4.7),
        ("shufflenet_v2_x0_5", 60.6, 81.7, 1.4, 0.04, 5.3),
        ("vgg16", 71.6, 90.4, 138.4, 15.5, 528),
        ("googlenet", 69.8, 89.5, 6.6, 1.5, 50),
        ("resnet18", 69.8, 89.1, 11.7, 1.8, 45),
        ("resnet50", 76.1, 92.9, 25.6, 4.1, 98),
        ("resnet152", 78.3, 94.0, 60.2, 11.5, 230),
        ("mobilenet_v3_small", 67.7, 87.4, 2.5, 0.06, 9.8),
        ("efficientnet_b0", 77.7, 93.5, 5.3, 0.39, 20),
        ("convnext_tiny", 82.5, 96.1, 28.6, 4.5, 109),
        ("vit_b_16", 81.1, 95.3, 86.6, 17.6, 330),
    ],
)
def test_published_figures(
    name: str, top1: float, top5: float, millions: float, gmac: float, megabytes: float
) -> None:
    """Figures of the torchvision documentation, which counts the head for 1000 classes."""
    card = find_card(name)
    assert card.weights
    assert card.weights.top1 == pytest.approx(top1, abs=0.06)
    assert card.weights.top5 == pytest.approx(top5, abs=0.06)
    assert card.weights.bytes / 2**20 == pytest.approx(megabytes, rel=0.03)
    assert card.trainable_parameters(0, 1000) / 1e6 == pytest.approx(millions, rel=0.02, abs=0.05)
    head = card.features * 1000 / 1e9
    if name == "squeezenet1_1":  # its published head is a convolution over a map of 13 x 13
        head *= 13 * 13
    assert card.gmac + head == pytest.approx(gmac, rel=0.02, abs=0.005)


def test_cached_shares_of_work() -> None:
    """What facts.md computed for the cost of a cut."""
    shares = {
        ("resnet18", "layer2"): 0.55,
        ("resnet18", "layer3"): 0.77,
        ("resnet50", "layer3"): 0.80,
        ("vgg16", "block4"): 0.90,
        ("vgg16", "block5"): 0.99,
        ("alexnet", "conv5"): 0.92,
        ("googlenet", "inception4"): 0.92,
    }
    for (name, stage), share in shares.items():
        card = find_card(name)
        cut = card.stage_names.index(stage) + 1
        assert card.frozen_share(cut) == pytest.approx(share, abs=0.015), (name, stage)
