"""Datasets that come along."""

from __future__ import annotations

import numpy as np
import pytest

from tl_core.data import samples
from tl_core.data.dataset import list_datasets
from tl_core.data.decode import open_image
from tl_core.data.samples import SAMPLES, make_digits, sample
from tl_core.errors import UserError


def test_digits(workspace, monkeypatch):
    dataset = make_digits(workspace)
    assert dataset.name == "Handwritten digits"
    assert dataset.counts() == {str(digit): 60 for digit in range(10)}
    assert dataset.split_counts() == {"train": 420, "validation": 90, "test": 90}
    assert dataset.skipped == ()
    picture = np.asarray(open_image(dataset.path(dataset.items[0])))
    assert picture.shape == (64, 64, 3)
    assert np.median(picture) > 150, "most of it is white paper"
    assert picture.min() < 60, "ink is dark"

    monkeypatch.setattr(samples, "_entries", None)
    assert make_digits(workspace) == dataset, "the second time nothing is made"
    assert sample(workspace, "digits") == dataset
    assert list_datasets(workspace) == [dataset]


def test_unknown_sample(workspace):
    with pytest.raises(UserError, match="'digit'; the nearest are digits"):
        sample(workspace, "digit")


def test_every_sample_says_where_it_comes_from():
    for entry in SAMPLES:
        assert all((entry.key, entry.title, entry.about, entry.source, entry.licence))
