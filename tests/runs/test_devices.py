"""What a run will be trained on, as far as it is known without asking PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tl_core.config import RunConfig
from tl_core.runs.devices import expected_device
from tl_core.runs.queue import lock_file, register
from tl_core.runs.store import Store

AUTO = RunConfig("dataset", "small")


@pytest.fixture
def trained_on(store: Store) -> Callable[..., None]:
    """Store a run that was told `settings` and was trained on a kind of device."""

    def keep(kind: str, **settings: Any) -> None:
        run = store.create(AUTO.with_(**settings))
        store.end(run, "finished", device_kind=kind)

    return keep


def test_on_a_new_machine_it_is_the_processor(store: Store) -> None:
    assert expected_device(store, AUTO) == "cpu"
    store.create(AUTO)
    assert expected_device(store, AUTO) == "cpu", "a run that waits tells nothing"


def test_what_was_asked_for_goes_before_all_else(
    store: Store, trained_on: Callable[..., None]
) -> None:
    trained_on("cuda")
    register(store, "cuda", ["cuda", "auto"], "token", 1)
    for device in ("cpu", "mps", "cuda"):
        assert expected_device(store, AUTO.with_(device=device)) == device


def test_the_worker_that_serves_auto_goes_before_runs(
    store: Store, trained_on: Callable[..., None]
) -> None:
    register(store, "cpu", ["cpu"], "asked for by name", 1)
    register(store, "cuda", ["cuda", "auto"], "token", 2)
    trained_on("cpu")
    assert expected_device(store, AUTO) == "cuda"


def test_a_worker_that_does_not_know_yet_or_is_dead_leaves_it_to_the_runs(
    store: Store, trained_on: Callable[..., None]
) -> None:
    register(store, "mps", ["mps", "auto"], "dead", 1)
    lock_file(store, "dead").parent.mkdir()
    lock_file(store, "dead").touch()  # and nobody holds it
    assert expected_device(store, AUTO) == "cpu"
    register(store, "auto", ["auto"], "begins", 2)
    assert expected_device(store, AUTO) == "cpu"
    trained_on("cuda")
    assert expected_device(store, AUTO) == "cuda"


def test_the_newest_run_that_was_free_to_leave_the_processor_tells(
    store: Store, trained_on: Callable[..., None]
) -> None:
    trained_on("mps")
    trained_on("cuda", device="cuda")
    trained_on("cpu", device="cpu")
    trained_on("cpu", work="handmade")
    assert expected_device(store, AUTO) == "cuda"
