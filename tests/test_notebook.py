"""The same in Python: what the README shows for notebooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tl_core
from tl_core.errors import UserError
from tl_core.workspace import Workspace


@pytest.mark.usefixtures("one_thread")
def test_from_a_folder_to_a_prediction(
    workspace: Workspace, photo_folder: Callable[..., Path]
) -> None:
    folder = photo_folder({"red": 10, "blue": 10})
    dataset = tl_core.load_dataset(folder, "Colours")
    assert tl_core.load_dataset("Colours") == dataset
    result = tl_core.train(dataset, "small", epochs=3, device="cpu")
    assert result.epochs == 3
    assert Path(result.bundle).is_relative_to(workspace.runs)
    picture = next(folder.rglob("*.png"))
    (prediction,) = tl_core.load_model(result.bundle).predict([picture])
    assert set(prediction.probabilities) == {"red", "blue"}


@pytest.mark.usefixtures("workspace")
def test_what_is_not_there_is_said_in_a_sentence() -> None:
    with pytest.raises(UserError, match="no dataset called"):
        tl_core.load_dataset("nothing")
    with pytest.raises(UserError, match="no file"):
        tl_core.load_model("gone.headstart")


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError):
        tl_core.no_such_thing  # noqa: B018
