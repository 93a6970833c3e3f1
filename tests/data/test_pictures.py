"""Pictures as a source of examples: where they live, and what names them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tl_core.backbones.card import Preprocessing  # noqa: E402
from tl_core.data import pictures as module  # noqa: E402
from tl_core.data import residence  # noqa: E402
from tl_core.data.augment import augment, normalise, to_input  # noqa: E402
from tl_core.data.pictures import Pictures  # noqa: E402
from tl_core.data.pixels import Pixels  # noqa: E402
from tl_core.data.residence import free_memory  # noqa: E402
from tl_core.data.streamed import Streamed  # noqa: E402

SMALL = Preprocessing(12, 12)
CPU = torch.device("cpu")


@pytest.fixture
def array():
    return np.random.default_rng(0).integers(0, 256, (9, 12, 12, 3), np.uint8)


def pictures(pixels, preprocessing=SMALL, strength="none", seed=0):
    return Pictures(pixels, [0] * 9, preprocessing, CPU, strength, seed)


@pytest.fixture(params=["array", "streamed", "resident"])
def source(request, array, monkeypatch):
    """The same pictures in each place where they may live."""
    if request.param == "resident":
        monkeypatch.setattr(module, "free_memory", lambda _: 1 << 30)
        monkeypatch.setattr(module, "_BLOCK", 4)
    if request.param == "streamed":
        array = Pixels("key", Streamed(array.shape, array.__getitem__))
    made = pictures(array, strength="strong", seed=3)
    assert (made._held._whole is not None) == (request.param == "resident")
    return made


def test_wherever_they_live_batches_are_the_same(source, array):
    indices = torch.tensor([4, 8, 0, 4])
    chosen = torch.from_numpy(array)[indices]
    assert torch.equal(source.batch(indices, None), to_input(chosen, SMALL.mean, SMALL.std))
    varied = augment(chosen, indices, epoch=2, seed=3, strength="strong")
    assert torch.equal(source.batch(indices, 2), normalise(varied, SMALL.mean, SMALL.std))


def test_let_go_of_they_are_sent_again_when_asked_for(source):
    indices = torch.tensor([4, 8])
    before = source.batch(indices, 2)
    source.varied("none").let_go()
    assert "_whole" not in vars(source._held)
    assert torch.equal(source.batch(indices, 2), before)


def test_a_processor_has_no_memory_apart(array):
    assert free_memory(CPU) == 0
    assert pictures(array)._held._whole is None


@pytest.mark.gpu
def test_on_a_gpu_batches_are_those_of_the_processor(array, monkeypatch):
    device, indices = torch.device("cuda"), torch.tensor([4, 8, 0])
    expected = pictures(array).batch(indices, None)
    resident = Pictures(array, [0] * 9, SMALL, device)
    assert resident._held._whole is not None
    monkeypatch.setattr(residence, "SHARE", 0)
    sent = Pictures(array, [0] * 9, SMALL, device)
    assert sent._held._whole is None
    for source in (resident, sent):
        for where in (indices, indices.to(device)):
            torch.testing.assert_close(source.batch(where, None).cpu(), expected)


def test_the_key_names_all_that_a_batch_depends_on(array):
    other = array.copy()
    other[0, 0, 0, 0] ^= 1
    keys = [
        pictures(array).key,
        pictures(other).key,
        pictures(Pixels("key", array)).key,
        pictures(array, replace(SMALL, mean=(0.5,) * 3)).key,
        pictures(array, replace(SMALL, std=(0.5,) * 3)).key,
        pictures(array, strength="light").key,
        pictures(array, strength="strong").key,
        pictures(array, strength="strong", seed=1).key,
    ]
    assert len(set(keys)) == len(keys)


def test_the_key_names_nothing_else(array):
    assert pictures(array, seed=1).key == pictures(array.copy(), seed=2).key
    labelled = Pictures(array, list(range(9)), SMALL, CPU)
    assert labelled.key == pictures(array).key
    found = Pixels("key", array)
    assert pictures(found).key == pictures(Pixels("key", found.rows, "a note")).key


def test_another_way_to_vary_is_another_key(array, monkeypatch):
    before = pictures(array).key, pictures(array, strength="light").key
    monkeypatch.setattr(module, "VARIATION", "next")
    assert pictures(array).key == before[0]
    assert pictures(array, strength="light").key != before[1]


def test_varied_pictures_are_the_same_as_made_anew_and_share_their_memory(array):
    plain = pictures(array, seed=4)
    varied, anew = plain.varied("strong"), pictures(array, strength="strong", seed=4)
    indices = torch.arange(9)
    assert varied.key == anew.key != plain.key
    assert torch.equal(varied.batch(indices, 1), anew.batch(indices, 1))
    assert varied._held is plain._held
    assert plain.strength == "none"
