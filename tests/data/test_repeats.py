"""One picture in very many classes is one finding, found and kept in a moment."""

from __future__ import annotations

import time
from dataclasses import replace

from tl_core.data.dataset import Item
from tl_core.data.finding import described
from tl_core.data.repeats import _CHOICES, _conflict
from tl_core.data.scan import _keep, kept_findings


def test_one_picture_in_thousands_of_classes(workspace, tree, picture):
    from tl_core.data.intake import import_source

    root = tree({f"{label}/{n}.png": picture(n) for n, label in enumerate("abab")})
    dataset = import_source(workspace, root)
    count = 4000
    items = tuple(Item(f"{n:064x}", f"{n}.png", n, "train") for n in range(count))
    dataset = replace(dataset, classes=tuple(map(str, range(count))), items=items)
    start = time.perf_counter()
    found = _conflict(items, dataset, True)
    _keep(workspace, dataset, [found])
    assert described(found, dataset)["kind"] == "conflict"
    assert kept_findings(workspace, dataset) == [found]
    assert time.perf_counter() - start < 5, "each class listed all others"
    assert len(found.mends) == 1
    assert len(_conflict(items[:_CHOICES], dataset, True).mends) == 1 + _CHOICES
