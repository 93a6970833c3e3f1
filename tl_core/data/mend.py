"""Carry out mends: each is a change of the dataset, and together they make one new version."""

from __future__ import annotations

from collections.abc import Iterable

from tl_core.data.dataset import Dataset
from tl_core.data.edit import merged, without
from tl_core.data.finding import Mend
from tl_core.data.versions import save_version
from tl_core.workspace import Workspace


def mend(workspace: Workspace, dataset: Dataset, mends: Iterable[Mend]) -> Dataset:
    """Carry out mends together and return the new dataset, or one that is there already.

    Raises:
        UserError: a class would be left without pictures to learn from or to check with, or the
            disk is full.
    """
    mends = list(mends)
    mended = without(dataset, {item for one in mends for item in one.items})
    for one in mends:
        if one.action == "merge":
            mended = merged(mended, one.source, one.target)
    return save_version(workspace, dataset, mended)
