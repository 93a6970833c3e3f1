"""Which pictures are like what a model was taught."""

from __future__ import annotations

import numpy as np
import pytest

from tl_core.evaluation.familiar import FEWEST, MOST, NEIGHBOUR, PERCENTILE, Familiar, _spread


def cloud(direction: int, count: int, seed: int, features: int = 16) -> np.ndarray:
    """Return features `(count, features)` that point one way, as those of one class do."""
    dice = np.random.default_rng((direction, seed))
    centre = np.eye(features)[direction] * 4
    return (centre + dice.normal(0, 0.4, (count, features))).astype(np.float32)


@pytest.fixture(scope="module")
def familiar() -> Familiar:
    learned = np.concatenate([cloud(0, 60, 1), cloud(1, 40, 1)])
    labels = np.repeat([0, 1], [60, 40])
    return Familiar.learn(learned, labels, np.concatenate([cloud(0, 50, 2), cloud(1, 50, 2)]))


def test_what_was_taught_is_known_and_what_was_not_is_strange(familiar: Familiar) -> None:
    fresh = np.concatenate([cloud(0, 200, 3), cloud(1, 200, 3)])
    assert familiar.is_strange(fresh).mean() < 0.15
    assert familiar.is_strange(cloud(5, 200, 3)).mean() > 0.95
    assert familiar.is_strange(-cloud(0, 20, 3)).all()


def test_the_limit_is_the_stated_share_of_the_held_out_pictures(familiar: Familiar) -> None:
    held_out = np.concatenate([cloud(0, 50, 2), cloud(1, 50, 2)])
    assert familiar.is_strange(held_out).sum() in (100 - PERCENTILE - 1, 100 - PERCENTILE)


def test_distance_is_the_cosine_to_the_fifth_nearest(familiar: Familiar) -> None:
    picture = cloud(0, 1, 9)
    rows = familiar.rows.astype(np.float64)
    cosines = sorted(rows @ picture[0] / np.linalg.norm(picture[0]) / np.linalg.norm(rows, axis=1))
    assert familiar.distances(picture)[0] == pytest.approx(1 - cosines[-NEIGHBOUR], abs=2e-3)
    assert familiar.distances(7 * picture) == pytest.approx(familiar.distances(picture), abs=1e-6)


def test_few_pictures_and_pictures_without_features_are_no_error() -> None:
    few = Familiar.learn(cloud(0, 2, 1), np.array([0, 1]), cloud(0, 1, 2))
    assert len(few.rows) == 2
    assert not few.is_strange(cloud(0, 1, 2)).any()
    learned, labels = cloud(0, 20, 1), np.zeros(20, np.int64)
    for count in (FEWEST - 1, FEWEST):
        known = Familiar.learn(learned, labels, cloud(0, count, 2))
        assert known.is_strange(cloud(5, 20, 3)).any() == (count == FEWEST)
    assert few.distances(np.zeros((1, 16), np.float32)) == pytest.approx(1)
    assert few.distances(np.empty((0, 16), np.float32)).shape == (0,)


def test_of_many_pictures_some_of_every_class_are_kept() -> None:
    labels = np.repeat([0, 1, 2], [5000, 300, 20])
    kept = labels[_spread(labels)]
    assert len(kept) == MOST
    assert np.bincount(kept).tolist() == [680, 300, 20]
    assert _spread(np.array([1, 0, 1])).tolist() == [0, 1, 2]


def test_what_is_written_is_read(familiar: Familiar) -> None:
    read = Familiar.from_bytes(familiar.to_bytes(), 16)
    assert np.array_equal(read.rows, familiar.rows)
    assert read.limit == pytest.approx(familiar.limit)
    with pytest.raises(ValueError, match="network"):
        Familiar.from_bytes(familiar.to_bytes(), 17)
    for broken in (
        Familiar(familiar.rows, float("nan")),
        Familiar(familiar.rows, 3.0),
        Familiar(familiar.rows[:0], 0.5),
        Familiar(familiar.rows * np.float16(np.nan), 0.5),
        Familiar(familiar.rows.astype(np.float32), 0.5),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="its "):
            Familiar.from_bytes(broken.to_bytes(), 16)
