"""Datasets that come along."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tl_core.data import samples
from tl_core.data.dataset import list_datasets
from tl_core.data.decode import open_image
from tl_core.data.samples import SAMPLES, examples, find_sample, sample
from tl_core.errors import UserError


def test_digits(workspace):
    dataset = sample(workspace, "digits")
    assert dataset.name == "Handwritten digits"
    assert dataset.counts() == {str(digit): 60 for digit in range(10)}
    assert dataset.split_counts() == {"train": 420, "validation": 90, "test": 90}
    assert dataset.skipped == ()
    picture = np.asarray(open_image(dataset.path(dataset.items[0])))
    assert picture.shape == (64, 64, 3)
    assert np.median(picture) > 150, "most of it is white paper"
    assert picture.min() < 60, "ink is dark"


def test_phones_and_laptops(workspace, monkeypatch):
    told = []
    dataset = sample(workspace, "phones", lambda done, total: told.append((done, total)))
    assert dataset.name == "Phones and laptops"
    assert dataset.counts() == {"laptops": 100, "phones": 100}
    assert dataset.skipped == (), "every picture is another one"
    assert told[-1] == (200, 200)

    def no_more(*_):
        raise AssertionError("the second time nothing is made")

    known = replace(find_sample("phones"), picture=no_more)
    monkeypatch.setattr(samples, "SAMPLES", (known,))
    assert sample(workspace, "phones") == dataset
    assert list_datasets(workspace) == [dataset]


@pytest.mark.parametrize("entry", SAMPLES, ids=lambda entry: entry.key)
def test_every_sample_says_where_it_comes_from_and_can_be_looked_at(entry):
    assert all((entry.key, entry.title, entry.about, entry.source, entry.licence))
    assert len(entry.classes) > 1
    files = examples(entry, 6)
    assert len(set(files)) == 6
    assert files == examples(entry, 6)
    for name, count in entry.classes.items():
        last = entry.picture(name, count - 1)
        assert len(last) < samples._LARGEST / 2
        open_image(last)


def test_unknown_sample(workspace):
    with pytest.raises(UserError, match="'digit'; the nearest are digits"):
        sample(workspace, "digit")
