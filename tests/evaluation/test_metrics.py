"""Metrics equal scikit-learn's, on random answers and on answers where something is missing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from tl_core.evaluation.metrics import (
    accuracy,
    class_figures,
    confusion_matrix,
    log_softmax,
    macro,
    most_confused,
    worst_mistakes,
)

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

# Its advice on answers of a single class; ours are told all classes.
pytestmark = pytest.mark.filterwarnings("ignore:A single label was found")

Case = tuple[int, list[int], list[int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Labels and answers drawn from some of the classes only, so that classes go missing."""
    classes = draw(st.integers(1, 7))
    has = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=classes))
    says = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=classes))
    pairs = st.tuples(st.sampled_from(has), st.sampled_from(says))
    found = draw(st.lists(pairs, min_size=1, max_size=60))
    return classes, [a for a, _ in found], [b for _, b in found]


def check(case: Case) -> None:
    classes, labels, answers = case
    known = list(range(classes))
    matrix = confusion_matrix(labels, answers, classes)
    np.testing.assert_array_equal(matrix, reference.confusion_matrix(labels, answers, labels=known))
    assert accuracy(matrix) == pytest.approx(reference.accuracy_score(labels, answers))
    figures = class_figures(matrix)
    expected = reference.precision_recall_fscore_support(
        labels, answers, labels=known, zero_division=np.nan
    )
    for mine, theirs in zip(
        (figures.precision, figures.recall, figures.f1, figures.support), expected, strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    averages = reference.precision_recall_fscore_support(
        labels, answers, labels=known, zero_division=np.nan, average="macro"
    )
    for mine, theirs in zip(
        (figures.precision, figures.recall, figures.f1), averages, strict=False
    ):
        np.testing.assert_allclose(macro(mine), theirs, rtol=1e-12)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_equal_to_scikit_learn(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    "case",
    [
        (3, [0, 0, 1], [0, 1, 1]),  # a class that is neither there nor answered
        (3, [0, 1, 2], [1, 1, 1]),  # all one answer
        (2, [0, 0, 0], [0, 0, 0]),  # one class only, all right
        (2, [0, 0], [1, 1]),  # nothing right
        (4, [3], [0]),  # a single picture
    ],
)
def test_equal_to_scikit_learn_where_something_is_missing(case: Case) -> None:
    check(case)


def test_without_answers_there_are_no_figures() -> None:
    matrix = confusion_matrix([], [], 2)
    assert matrix.tolist() == [[0, 0], [0, 0]]
    assert np.isnan([accuracy(matrix), macro(class_figures(matrix).f1)]).all()
    assert most_confused(matrix) == []


@pytest.mark.parametrize(("labels", "answers"), [([0], [2]), ([-1], [0]), ([0, 1], [0])])
def test_what_does_not_fit_is_refused(labels: list[int], answers: list[int]) -> None:
    with pytest.raises(ValueError, match=r"classes|belong"):
        confusion_matrix(labels, answers, 2)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_confused_pairs_account_for_every_mistake(case: Case) -> None:
    classes, labels, answers = case
    matrix = confusion_matrix(labels, answers, classes)
    pairs = most_confused(matrix, classes**2)
    counts = [pair.there + pair.back for pair in pairs]
    assert sum(counts) == matrix.sum() - np.trace(matrix)
    assert counts == sorted(counts, reverse=True)
    assert all(pair.first < pair.second for pair in pairs)
    assert most_confused(matrix, 2) == pairs[:2]


def test_the_surest_mistake_comes_first() -> None:
    logits = np.array([[0.0, 200.0], [0.0, 900.0], [5.0, 0.0], [0.0, 900.0]])
    assert worst_mistakes(logits, [0, 0, 0, 0]).tolist() == [1, 3, 0], "ties keep their order"


def test_shares_add_up_whatever_the_logits() -> None:
    shares = np.exp(log_softmax(np.array([[1e4, -1e4, 0.0], [0.0, 0.0, 0.0]], np.float32)))
    np.testing.assert_allclose(shares.sum(1), 1.0)
    np.testing.assert_allclose(
        -log_softmax([[2.0, 1.0]])[0, 0],
        reference.log_loss([0], [[1 / (1 + np.exp(-1)), 1 / (1 + np.e)]], labels=[0, 1]),
    )
