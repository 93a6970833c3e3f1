"""The linear probe: leave-one-out by one decomposition is leaving out each one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.errors import UserError
from tl_core.training import probe as module
from tl_core.training.probe import Probed, probe


def clouds(count: int, width: int, apart: float, seed: int = 0) -> tuple[np.ndarray, list[int]]:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    middles = random.normal(0, apart, (3, width))
    return middles[labels] + random.normal(0, 1, (count, width)), labels.tolist()


def left_out(features: np.ndarray, labels: list[int]) -> list[bool]:
    """Fit ridge regression once for every example, on all the others."""
    values = module._standardised(features)
    targets = np.where(np.eye(3)[labels] == 1, 1.0, -1.0)
    right = []
    for left in range(len(labels)):
        rest = np.arange(len(labels)) != left
        one = np.column_stack([values[rest], np.ones(rest.sum())])
        held = module._PENALTY * values.shape[1] * np.diag([1.0] * values.shape[1] + [0.0])
        weights = np.linalg.solve(one.T @ one + held, one.T @ targets[rest])
        right.append(bool((np.append(values[left], 1) @ weights).argmax() == labels[left]))
    return right


@pytest.mark.parametrize(("count", "width"), [(18, 40), (40, 6)], ids=["wide", "tall"])
def test_it_is_leaving_out_each_one(count: int, width: int) -> None:
    features, labels = clouds(count, width, apart=0.7)
    found = probe(features, labels).right.tolist()
    assert found == left_out(features, labels)
    assert 0 < sum(found) < count, "not a task that everything solves"


def test_it_does_not_depend_on_the_features_size_or_place() -> None:
    features, labels = clouds(60, 20, apart=0.5)
    found = probe(features, labels).right
    assert (probe(features * 1000 + 7, labels).right == found).all()


def test_noise_is_answered_by_chance_and_clear_classes_always() -> None:
    random = np.random.default_rng(0)
    noise = probe(random.normal(size=(300, 50)), [k % 3 for k in range(300)])
    assert abs(noise.accuracy - 1 / 3) < 3 * noise.error
    assert probe(*clouds(60, 20, apart=9)).accuracy == 1


def test_the_labels_may_be_any_numbers_and_silent_features_are_no_trouble() -> None:
    features, labels = clouds(30, 5, apart=9)
    features[:, 2] = 4.0
    assert probe(features, [10 + 7 * label for label in labels]).accuracy == 1
    assert probe(np.zeros((6, 4)), [0, 0, 0, 1, 1, 1]).accuracy <= 0.5


@given(right=st.lists(st.booleans(), min_size=1, max_size=200))
@settings(max_examples=30, deadline=None)
def test_the_error_is_a_share_and_never_nothing(right: list[bool]) -> None:
    assert 0 < Probed(np.array(right)).error < 0.5


@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [0, 0, 0, 0]])
def test_what_cannot_be_probed_is_one_sentence(labels: list[int]) -> None:
    with pytest.raises(UserError, match="at least 2 pictures"):
        probe(np.eye(4), labels)
