"""A small copy that cannot be kept is shown all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import small
from tl_core.data.dataset import Dataset
from tl_core.errors import UnreadableImageError, UserError


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), UserError("The disk is full.")]
)
def test_a_copy_that_cannot_be_kept(
    open_page: Callable[..., AppTest], dataset: Dataset, monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:  # fmt: skip
    shown = []

    def refuse(*_args: object) -> None:
        raise error

    monkeypatch.setattr(small, "thumbnail", refuse)
    monkeypatch.setattr(small.st, "image", lambda image, **_: shown.append(image))
    open_page("data", data=dataset.id)
    assert shown
    assert all(image[:4] == b"RIFF" for image in shown if isinstance(image, bytes))
    assert any(isinstance(image, bytes) for image in shown)


def test_a_picture_that_cannot_be_read_is_told_by_its_name(
    open_page: Callable[..., AppTest], dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise UnreadableImageError("the picture was erased")

    monkeypatch.setattr(small, "thumbnail", refuse)
    app = open_page("data", data=dataset.id)
    assert any("the picture was erased" in caption.value for caption in app.caption)
