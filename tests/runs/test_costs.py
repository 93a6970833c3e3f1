"""What a run would cost is said before it, and what it has cost after it, and which of the two."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from tl_core.backbones.catalog import find_card
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.runs.costs import Costs, costs
from tl_core.runs.queue import claim, register
from tl_core.runs.store import Store
from tl_core.training.events import CacheRead, EpochEnded, Event
from tl_core.training.phases import plan

CARD = find_card("mini")


@pytest.fixture
def config(dataset: Dataset) -> RunConfig:
    return RunConfig(dataset.id, "mini", recipe="fine-tune", freeze="layer2")


def ended(store: Store, dataset: Dataset, config: RunConfig, seconds: float, **facts: Any) -> str:
    """Store a run as a worker leaves it; the epochs of its last phase took `seconds`."""
    card, examples = find_card(config.backbone), len(dataset.of("train"))
    run = store.create(config)
    kind = facts.get("device_kind", "cpu")
    register(store, kind, [kind, "auto"], "token", 1)
    claim(store, "token")
    told: list[Event] = []
    known: dict[str, Any] = {}
    if config.work == "train":
        todo = plan(config, card, examples, kind)
        shares = [card.frozen_share(phase.cut) for phase in todo.phases]
        for index, share in enumerate(shares):
            if share == 1:
                told.append(CacheRead(index, 1, 100, reused=False, spent=1, one_pass=seconds))
            told += [
                EpochEnded(index, n, 1, 0.5, 1, 0.5, 1e-3, seconds * (share < 1), examples)
                for n in (1, 2, 3)
            ]
        known = {
            "recipe": todo.recipe,
            "phases": [
                asdict(phase) | {"frozen_share": share}
                for phase, share in zip(todo.phases, shares, strict=True)
            ],
        }
    store.append(run, told)
    known |= {"device_kind": kind, "bundle": "there", "memory": 900 << 20} | facts
    store.end(run, "finished", **known)
    return run


def now(store: Store, config: RunConfig, dataset: Dataset, backbone: str = "mini") -> Costs:
    return costs(store, config.with_(backbone=backbone), find_card(backbone), dataset)


def test_before_anything_was_trained_it_is_a_rough_estimate(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    found = now(store, config, dataset)
    assert found.trainable == CARD.trainable_parameters(3, 2)
    assert not found.epoch.is_measured
    assert "nothing was trained here yet" in found.epoch.said
    earlier = now(store, config.with_(freeze="none"), dataset)
    assert earlier.epoch.value > found.epoch.value
    assert earlier.memory.value > found.memory.value, "nothing frozen, more is kept for the step"


def test_after_a_run_with_this_setting_it_is_measured(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    run = ended(store, dataset, config, 4.0)
    found = now(store, config, dataset)
    assert (found.epoch.value, found.memory.value) == (4.0, 900 << 20)
    assert found.epoch.said == found.memory.said == f"measured in run {run[:6]}"
    assert found.epoch.is_measured
    assert found.memory.is_measured


def test_a_run_on_another_device_measures_nothing(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    rough = now(store, config, dataset).epoch
    store.learn(ended(store, dataset, config, 4.0), device_kind="cuda")
    assert now(store, config.with_(device="cpu"), dataset).epoch == rough


@pytest.mark.parametrize(
    "change",
    [
        {"freeze": "stem"},
        {"recipe": "gradual"},
        {"augment": "none"},
        {"batch_size": 4},
        {"cache": False},
    ],
)
def test_another_setting_is_estimated_from_that_run(
    store: Store, dataset: Dataset, config: RunConfig, change: dict[str, Any]
) -> None:
    run = ended(store, dataset, config, 4.0)
    found = now(store, config.with_(**change), dataset)
    assert not found.epoch.is_measured
    assert not found.memory.is_measured
    assert found.epoch.said == f"estimated from run {run[:6]}"


def test_an_estimate_from_a_run_finds_what_another_cut_would_have_cost(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    """Where every pass takes two seconds, whatever is frozen, the estimate says so."""
    train, validation = len(dataset.of("train")), len(dataset.of("validation"))
    one_pass, share = 2.0, CARD.frozen_share(1)
    # Nothing frozen: every epoch is a step (three passes) and one pass for validation, by our split
    ended(store, dataset, config.with_(freeze="none"), one_pass * 3.2)
    found = now(store, config.with_(freeze="stem"), dataset)
    phase = plan(config.with_(freeze="stem"), CARD, train, "cpu").phases[-1]
    each = (1 - share) * (3 + validation / train)
    each += 0 if phase.views else share * (1 + validation / train)
    assert found.epoch.value == pytest.approx(one_pass * each, rel=0.01)


def test_a_head_that_learned_alone_tells_by_what_was_passed_before(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    ended(store, dataset, config.with_(freeze="all", recipe="feature-extraction"), 2.4)
    found = now(store, config.with_(freeze="none"), dataset)
    validation = len(dataset.of("validation")) / len(dataset.of("train"))
    assert found.epoch.value == pytest.approx(2.4 / 1.2 * (3 + validation), rel=0.01)


def test_a_study_that_took_a_step_tells_too(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    footprint = {"seconds": 0.3, "saved": [1, 1, 1, 1, 1]}
    ended(store, dataset, config.with_(work="probe", freeze=None), 0, footprint=footprint)
    train, validation = len(dataset.of("train")), len(dataset.of("validation"))
    found = now(store, config.with_(freeze="none"), dataset)
    assert found.epoch.value == pytest.approx(0.1 * (3 * train + validation), rel=0.01)


def test_another_backbone_is_estimated_by_its_work_and_says_whose_run_it_was(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    run = ended(store, dataset, config.with_(freeze="none"), 1.0)
    whole = config.with_(freeze="none")
    found = now(store, whole, dataset, "resnet18")
    assert found.epoch.said == f"estimated from run {run[:6]} (Mini), so roughly"
    ratio = find_card("resnet18").gmac / CARD.gmac
    assert found.epoch.value == pytest.approx(1.0 * ratio, rel=0.05)


def test_runs_that_ended_badly_or_learned_from_fewer_pictures_measure_nothing(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    ended(store, dataset, config.with_(per_class=1), 4.0)
    failed = store.create(config)
    store.ask_to_stop(failed)  # before it began: it has neither a plan nor an epoch
    found = now(store, config, dataset)
    assert not found.epoch.is_measured


def test_a_gpu_counts_its_tensors(store: Store, dataset: Dataset, config: RunConfig) -> None:
    before = now(store, config.with_(freeze="none"), dataset)
    ended(store, dataset, config.with_(freeze="stem"), 4.0, device_kind="cuda")
    after = now(store, config.with_(freeze="none", batch_size=8), dataset)
    assert after.memory.value < before.memory.value - (500 << 20), "PyTorch itself lies elsewhere"


def test_the_estimate_is_for_the_device_that_the_worker_serves(
    store: Store, dataset: Dataset, config: RunConfig
) -> None:
    before = now(store, config, dataset)
    register(store, "cuda", ["cuda", "auto"], "token", 1)
    assert now(store, config, dataset).memory.value < before.memory.value - (500 << 20)
    assert now(store, config.with_(device="cpu"), dataset) == before
