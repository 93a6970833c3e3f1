"""The catalogue as a whole: complete, honest, and readable without torch."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch

from tl_core.backbones.card import Card
from tl_core.backbones.catalog import catalogue, families_by_name, family_of, find_card
from tl_core.errors import UserError

CARDS = list(catalogue().values())
BY_NAME = {"ids": lambda card: card.name}


def test_reading_the_catalogue_imports_no_torch() -> None:
    code = (
        "import sys; from tl_core.backbones.catalog import catalogue; catalogue();"
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_family_is_in_the_catalogue() -> None:
    assert set(catalogue()) == set(families_by_name())


def test_the_historic_line_is_whole() -> None:
    line = "alexnet zfnet512 vgg16 googlenet resnet18 resnet34 resnet50 resnet101 resnet152"
    years = [find_card(name).year for name in line.split()]
    assert years == [2012, 2013, 2014, 2014, 2015, 2015, 2015, 2015, 2015]


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("alexnet", "16.42 %"),
        ("zfnet", "11.74 %"),
        ("zfnet512", "11.74 %"),
        ("vgg16", "7.3 %"),
        ("googlenet", "6.67 %"),
        ("resnet152", "3.57 %"),
    ],
)
def test_contest_figures_are_the_official_ones(name: str, figure: str) -> None:
    assert str(find_card(name).contest).startswith(f"{figure} top-5 error")


@pytest.mark.parametrize("card", CARDS, **BY_NAME)
def test_a_card_reads_well(card: Card) -> None:
    assert re.fullmatch(r"[A-Z].+: .+ \((\d{4})\)", card.paper), card.paper
    assert str(card.year) in card.paper
    assert re.fullmatch(r"[^.!?]*(\d\.\d[^.!?]*)*\.", card.story), card.story
    assert not re.search(r"\b(easy|easily|simply|just)\b", card.story)
    assert len(card.story) < 110


def test_titles_differ() -> None:
    assert len({card.title for card in CARDS}) == len(CARDS)


@pytest.mark.parametrize("card", CARDS, **BY_NAME)
def test_weights_are_named_in_full(card: Card) -> None:
    if card.weights is None:
        assert "from scratch" in card.title
        return
    assert card.weights.file
    assert re.fullmatch(r"[0-9a-f]{8,64}", card.weights.sha256)
    assert card.weights.bytes > 10**6
    assert "ImageNet" in card.weights.licence
    if card.weights.bundled:
        return
    assert card.weights.top1 is not None
    # Version 1 everywhere: frozen features of the later recipes transfer worse.
    assert card.weights.source.endswith((".IMAGENET1K_V1", ".onnx"))


@pytest.mark.parametrize("card", CARDS, **BY_NAME)
def test_dense_stages_follow_the_named_convolution(card: Card) -> None:
    dense = [stage for stage in card.stage_names if stage.startswith("fc")]
    if dense:
        assert card.convolutions == card.stage_names[-len(dense) - 1]
    else:
        assert card.convolutions is None


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small"])
def test_the_card_counts_what_the_chain_holds(name: str) -> None:
    card, family = find_card(name), family_of(name)
    with torch.device("meta"):
        chain = family.assemble(family.build(name), 7)
    assert chain.names == card.stage_names
    for cut in range(len(card.stages) + 1):
        learning = sum(p.numel() for p in chain.freeze(cut).parameters() if p.requires_grad)
        assert learning == card.trainable_parameters(cut, 7)


def test_an_unknown_backbone_hears_the_nearest_names() -> None:
    for find in (find_card, family_of):
        with pytest.raises(UserError, match=r"no backbone called 'resnet19'.*resnet18"):
            find("resnet19")
