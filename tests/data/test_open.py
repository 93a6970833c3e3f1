"""What a person names: a dataset that is here, a sample, a public set, a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tl_core.data import open as module
from tl_core.data.dataset import list_datasets
from tl_core.data.open import import_any, open_dataset, ready_names
from tl_core.errors import UserError
from tl_core.workspace import Workspace


def test_a_sample_by_its_name(workspace: Workspace) -> None:
    dataset = import_any(workspace, "sample:digits")
    assert dataset.name == "Handwritten digits"
    assert open_dataset(workspace, "sample:digits") == dataset
    assert open_dataset(workspace, "Handwritten digits") == dataset
    assert open_dataset(workspace, dataset.id) == dataset
    assert list_datasets(workspace) == [dataset]


def test_a_public_set_by_its_name(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(module, "public_set", lambda _, key, **__: asked.append(key))
    import_any(workspace, "public:eurosat")
    open_dataset(workspace, "public:pets")
    assert asked == ["eurosat", "pets"]


def test_a_folder(workspace: Workspace, photo_folder: Callable[..., Path]) -> None:
    folder = photo_folder({"red": 4, "blue": 4})
    dataset = open_dataset(workspace, folder, "colours")
    assert open_dataset(workspace, "colours") == dataset


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("sample:phone", "no sample called 'phone'; the nearest are phones"),
        ("public:euro", "no public set called 'euro'; the nearest are eurosat"),
        ("colour", "no dataset called 'colour'"),
    ],
)
def test_what_is_not_there_is_said(name: str, sentence: str, workspace: Workspace) -> None:
    with pytest.raises(UserError, match=sentence):
        open_dataset(workspace, name)


def test_a_ready_set_keeps_its_name(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="has a name of its own"):
        import_any(workspace, "sample:phones", "mine")


def test_every_ready_name_is_one_word() -> None:
    assert all(name.split() == [name] for name in ready_names())
    assert len(set(ready_names())) == len(ready_names())
