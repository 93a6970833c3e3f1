"""Stored pictures are what was imported, are named where they are not, and are put right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tl_core.backbones.card import Preprocessing
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.data.pixels import decode_pixels
from tl_core.data.stored import damaged_items, original_name, restore
from tl_core.errors import UserError
from tl_core.workspace import Workspace

SMALL = Preprocessing(size=16, resize=16)


@pytest.fixture
def source(tree, picture) -> Path:
    return tree({f"{name}/{n}.bmp": picture(n + 9 * at, (20, 20), "BMP")
                 for at, name in enumerate(("ant", "bee")) for n in range(4)})  # fmt: skip


@pytest.fixture
def dataset(workspace: Workspace, source: Path) -> Dataset:
    return import_source(workspace, source)


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:  # a value of a pixel, which no reader notices
        path.write_bytes(data[:-5] + bytes([data[-5] ^ 0x40]) + data[-4:])


def decoded(dataset: Dataset, workspace: Workspace) -> np.ndarray:
    return decode_pixels([dataset.path(i) for i in dataset.items], SMALL, workspace.cache)[:]


@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_a_damaged_picture_is_named_and_importing_again_puts_it_right(
    workspace: Workspace, dataset: Dataset, source: Path, how: str
) -> None:
    clean = decoded(dataset, Workspace(workspace.root / "elsewhere"))
    item = dataset.items[3]
    damage(dataset.path(item), how)
    assert damaged_items(dataset) == [item]
    assert original_name(dataset.path(item)) == item.name
    with pytest.raises(UserError, match=f"{item.name}.*import the same pictures again"):
        decoded(dataset, workspace)
    again = import_source(workspace, source)
    assert (again.id, damaged_items(again)) == (dataset.id, [])
    assert np.array_equal(decoded(again, workspace), clean)


def test_other_sets_that_hold_the_same_picture_are_put_right_too(
    workspace: Workspace, dataset: Dataset, source: Path, picture
) -> None:
    damage(dataset.path(dataset.items[0]), "flipped")
    (source / "ant" / "more.bmp").write_bytes(picture(77, (20, 20), "BMP"))
    larger = import_source(workspace, source)
    assert larger.id != dataset.id
    assert damaged_items(dataset) == damaged_items(larger) == []
    assert restore([dataset, larger], larger) == 0, "what is whole is left alone"
