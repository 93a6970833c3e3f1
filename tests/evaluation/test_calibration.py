"""Calibration against scikit-learn and scipy, and what a threshold costs and brings."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve

from tl_core.evaluation.calibration import (
    COLDEST,
    HOTTEST,
    confidences,
    coverage_accuracy,
    cross_fitted,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    threshold_for,
)

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

Answers = tuple[NDArray[np.float64], NDArray[np.int64]]


def told(seed: int, count: int = 400, classes: int = 4, temperature: float = 1.0) -> Answers:
    """Labels drawn from the model's own shares, and logits that are `temperature` times theirs."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, classes))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (shares.cumsum(1) < random.random((count, 1))).sum(1)
    return logits * temperature, labels


def test_reliability_equals_scikit_learns() -> None:
    random = np.random.default_rng(3)
    sure, right = random.random(300), random.random(300) < 0.7
    found = reliability(sure, right, bins=12)
    accuracy, confidence = calibration_curve(right, sure, n_bins=12)
    np.testing.assert_allclose(found.accuracy[found.count > 0], accuracy)
    np.testing.assert_allclose(found.confidence[found.count > 0], confidence)
    gaps = np.abs(accuracy - confidence) * found.count[found.count > 0]
    assert found.ece == pytest.approx(gaps.sum() / 300)


def test_reliability_of_nothing_and_at_the_bounds() -> None:
    assert reliability([], []).ece == 0
    found = reliability([0.0, 0.5, 1.0], [True, True, True], bins=2)
    assert found.count.tolist() == [2, 1]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found_again(temperature: float) -> None:
    logits, labels = told(0, 20_000, temperature=temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.3, 4))
def test_temperature_is_where_scipy_finds_it(seed: int, temperature: float) -> None:
    logits, labels = told(seed, 60, temperature=temperature)
    found = fit_temperature(logits, labels)
    best = minimize_scalar(
        lambda log: negative_log_likelihood(logits, labels, np.exp(log)),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert negative_log_likelihood(logits, labels, found) <= best.fun + 1e-9


def test_temperature_stays_within_bounds() -> None:
    sure = np.array([[9.0, 0.0], [0.0, 9.0]])
    assert fit_temperature(sure, [0, 1]) == pytest.approx(COLDEST)
    assert fit_temperature(sure, [1, 0]) == pytest.approx(HOTTEST)
    assert fit_temperature(sure[:0], []) == 1


def test_a_temperature_keeps_every_answer() -> None:
    logits, labels = told(1)
    scaled = cross_fitted(logits, labels)
    assert (scaled.argmax(1) == logits.argmax(1)).all()


def test_cross_fitting_tells_what_scaling_is_worth() -> None:
    logits, labels = told(2, 1000, temperature=3)
    right = logits.argmax(1) == labels
    before = reliability(confidences(logits), right).ece
    after = reliability(confidences(cross_fitted(logits, labels)), right).ece
    assert before > 0.15
    assert after < 0.05


def test_confidences_fall_with_the_temperature() -> None:
    logits, _ = told(4)
    assert (confidences(logits, 2.0) < confidences(logits)).all()
    np.testing.assert_allclose(confidences(logits * 2, 2.0), confidences(logits))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.3, 0.5, 0.6, 0.9, 1.0]), st.booleans()),
        min_size=1,
        max_size=40,
    ),
    st.floats(0, 1),
)
def test_coverage_counts_what_a_threshold_lets_through(
    answers: list[tuple[float, bool]], threshold: float
) -> None:
    curve = coverage_accuracy([sure for sure, _ in answers], [right for _, right in answers])
    given_ = [right for sure, right in answers if sure >= threshold]
    assert curve.at(threshold) == (len(given_), sum(given_))
    assert curve.given[-1] == curve.count == len(answers)
    assert curve.coverage[-1] == 1
    goal = 0.8
    found = threshold_for(curve, goal)
    for other in curve.threshold:
        count, right = curve.at(other)
        if right / count >= goal:
            assert found is not None
            assert curve.at(found)[0] >= count


def test_a_goal_that_no_threshold_reaches() -> None:
    assert threshold_for(coverage_accuracy([0.9, 0.5], [False, True]), 0.9) is None
    assert threshold_for(coverage_accuracy([], []), 0.9) is None
