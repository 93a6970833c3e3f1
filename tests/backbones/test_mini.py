"""The backbone that comes with the app: its file is there, whole, small, and loads."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tl_core.backbones import weights
from tl_core.backbones.card import Card
from tl_core.backbones.catalog import catalogue, find_card
from tl_core.backbones.load import load_backbone
from tl_core.errors import UserError

ASSETS = Path(__file__).parents[2] / "assets"


@pytest.fixture
def card() -> Card:
    return find_card("mini")


@pytest.fixture(autouse=True)
def _no_internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(weights, "download", lambda *_, **__: pytest.fail("asked the internet"))


def test_the_file_is_the_one_on_the_card(card: Card) -> None:
    assert card.weights
    file = ASSETS / card.weights.file
    data = file.read_bytes()
    assert hashlib.sha256(data).hexdigest() == card.weights.sha256
    assert len(data) == card.weights.bytes <= 8_000_000
    assert weights.find_weights(card) == file.resolve()
    assert weights.works_offline(card)


def test_it_is_stored_in_half_precision_and_computes_in_full(card: Card) -> None:
    path = weights.find_weights(card)
    with safe_open(path, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    chain = load_backbone("mini", 3, seed=1).eval()
    assert {t.dtype for t in stored.values() if t.is_floating_point()} == {torch.float16}
    assert {p.dtype for p in chain.parameters()} == {torch.float32}
    assert torch.equal(chain.stages["stem"][0].weight, stored["stem.0.weight"].float())
    body = {name for name in chain.state_dict() if not name.startswith("head.")}
    assert len(body) == len(stored), "nothing but the stages is in the file"


def test_only_the_head_depends_on_the_seed() -> None:
    one, other = (load_backbone("mini", 3, seed=seed).state_dict() for seed in (1, 2))
    differ = {name for name in one if not torch.equal(one[name], other[name])}
    assert differ == {"head.linear.weight", "head.linear.bias"}


def test_a_changed_or_missing_file_is_refused_in_a_sentence(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert card.weights
    for wrong in (
        replace(card.weights, sha256="0" * 64),
        replace(card.weights, source="assets/nowhere.safetensors"),
    ):
        monkeypatch.setitem(catalogue(), "mini", replace(card, weights=wrong))
        with pytest.raises(UserError, match="not the file that belongs to this version"):
            load_backbone("mini", 3)
    assert not weights.works_offline(find_card("mini"))


def test_the_terms_and_the_card_lie_beside_the_file(card: Card) -> None:
    assert card.weights
    assert "non-commercial" in card.weights.licence
    licence = (ASSETS / "LICENSE").read_text(encoding="utf-8")
    assert "mini.safetensors" in licence
    assert "non-commercial" in licence
    story = (ASSETS / "mini-card.md").read_text(encoding="utf-8")
    assert card.weights.sha256 in story
    assert "python -m tl_core.pretrain" in story
