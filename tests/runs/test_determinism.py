"""Rule 10: the same configuration and seed give the same run, bit for bit."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tl_core.bundles.bundle import WEIGHTS
from tl_core.runs.store import Run, Store
from tl_core.runs.summary import result
from tl_core.training.events import EpochEnded

MAY_DIFFER = {"run_id", "bundle", "seconds", "images_per_second"}


def summary(run: Run) -> dict[str, Any]:
    assert run.state == "finished"
    return {name: value for name, value in result(run).items() if name not in MAY_DIFFER}


def weights(run: Run) -> str:
    with zipfile.ZipFile(Path(run.facts["bundle"])) as bundle:
        return hashlib.sha256(bundle.read(WEIGHTS)).hexdigest()


def epochs(store: Store, run: Run) -> list[dict[str, Any]]:
    said = [told.event for told in store.events(run.id)]
    return [asdict(e) | {"seconds": 0} for e in said if isinstance(e, EpochEnded)]


@pytest.mark.parametrize("augment", ["light", "strong"])
def test_the_same_run_twice(augment: str, trained: Callable[..., Run], store: Store) -> None:
    one, two, other = (trained(augment=augment, epochs=3, seed=seed) for seed in (4, 4, 5))
    assert one.id != two.id
    assert summary(one) == summary(two)
    assert epochs(store, one) == epochs(store, two)
    assert weights(one) == weights(two)
    assert weights(one) != weights(other), "a seed matters"
    assert epochs(store, one) != epochs(store, other)
    for fact in ("phases", "reasons", "versions", "device_kind", "cut"):
        assert one.facts[fact] == two.facts[fact], "whatever was chosen is written down"
