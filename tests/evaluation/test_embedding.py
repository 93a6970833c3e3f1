"""Maps of many pictures: the directions of largest difference, and neighbours that stay so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from tl_core.evaluation.embedding import choose_evenly, neighbours_alike, pca, tsne


def clouds(count: int = 20, features: int = 16) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], count)
    centres = random.normal(0, 5, (3, features))
    return (centres[labels] + random.normal(0, 1, (3 * count, features))).astype("f4"), labels


def test_principal_components_are_those_of_scikit_learn() -> None:
    features, _ = clouds()
    points, share = pca(features, 3)
    reference = PCA(3).fit(features)
    expected = reference.transform(features)
    signs = np.sign((points * expected).sum(0))
    np.testing.assert_allclose(points, expected * signs, atol=1e-3)
    assert share == pytest.approx(reference.explained_variance_ratio_.sum(), abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 5), (2, 5), (3, 1), (4, 2)])
@pytest.mark.parametrize("same", [True, False])
def test_few_or_equal_pictures_have_a_map(shape: tuple[int, int], same: bool) -> None:
    features = np.ones(shape, "f4") if same else np.random.default_rng(1).normal(size=shape)
    for points in (pca(features.astype("f4"))[0], tsne(features.astype("f4"))):
        assert points.shape == (shape[0], 2)
        assert np.isfinite(points).all()
    assert 0 <= pca(features.astype("f4"))[1] <= 1


def test_the_sign_of_a_direction_does_not_depend_on_the_order_of_pictures() -> None:
    features, _ = clouds()
    np.testing.assert_allclose(pca(features)[0][::-1], pca(features[::-1])[0], atol=1e-4)


def test_neighbours_stay_neighbours_and_the_map_is_the_same_twice() -> None:
    features, labels = clouds()
    points = tsne(features)
    assert np.array_equal(points, tsne(features))
    assert neighbours_alike(features, labels) == 1
    distances = ((points[:, None] - points[None]) ** 2).sum(2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).mean() > 0.95


def test_neighbours_of_mixed_classes_are_counted() -> None:
    features = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], "f4")
    assert neighbours_alike(features, np.array([0, 0, 1, 1])) == 1
    assert neighbours_alike(features, np.array([0, 1, 0, 1])) == 0
    assert neighbours_alike(features[:1], np.array([0])) == 0
    assert 0 <= neighbours_alike(np.zeros((3, 2), "f4"), np.array([0, 0, 1])) <= 1


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(0, 40))
def test_every_class_gets_its_share(labels: list[int], most: int) -> None:
    chosen = choose_evenly(labels, most)
    assert len(chosen) == min(most, len(labels))
    assert chosen == sorted(set(chosen))
    counts = {label: sum(labels[i] == label for i in chosen) for label in set(labels)}
    full = {label: labels.count(label) for label in counts}
    for label, count in counts.items():
        assert count == full[label] or count >= max(counts.values()) - 1
