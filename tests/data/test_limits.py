"""The limits are what an installation says, or what is stated."""

from __future__ import annotations

from dataclasses import fields

import pytest

from tl_core.data.layout import arrange
from tl_core.data.limits import Limits, limits
from tl_core.errors import UserError


@pytest.mark.parametrize("field", [field.name for field in fields(Limits)])
def test_each_can_be_changed(field, monkeypatch):
    assert limits() == Limits()
    monkeypatch.setenv(f"HEADSTART_MAX_{field.upper()}", "7")
    assert getattr(limits(), field) == 7
    assert limits() == Limits(**{field: 7})


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "²"])
def test_what_is_no_number_is_one_sentence(value, monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_RATIO", value)
    with pytest.raises(UserError, match=r"HEADSTART_MAX_RATIO is .*leave it out for 200"):
        limits()


def test_more_classes_than_are_taken_are_refused_by_number(monkeypatch):
    monkeypatch.setenv("HEADSTART_MAX_CLASSES", "3")
    names = [f"{label}/{n}.jpg" for label in "abcd" for n in range(2)]
    with pytest.raises(UserError, match=r"4 classes in it and at most 3.*HEADSTART_MAX_CLASSES"):
        arrange(names, "it")
    assert len(arrange(names[2:], "it").classes) == 3
