"""Recipes that read kept activations: rule 3, and what phases and runs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tl_core.backbones.chain import Chain
from tl_core.training import cutcache
from tl_core.training.device import Device
from tl_core.training.events import CacheRead, EpochEnded, Event, Preparing
from tl_core.training.fit import fit
from tl_core.training.keeping import Keeping
from tl_core.training.phases import Phase, Plan


# A bias in front of BatchNorm has no gradient but rounding noise, which AdamW makes steps of: with
# it two runs that differ in a bit drift apart, kept or not. So the stages have none; and for fp16
# no BatchNorm, which over a few rounded values differs by more than they do.
@pytest.mark.parametrize(
    ("small", "norm", "bound"),
    [(1 << 20, True, 1e-5), (1 << 20, False, 1e-5), (0, False, 1e-3)],
    ids=["fp32", "fp32 without BatchNorm", "fp16"],
)
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_kept_activations_train_as_computed_ones_do(
    cut: int,
    small: int,
    norm: bool,
    bound: float,
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cutcache, "_SMALL", small)

    def losses(views: int) -> list[float]:
        chain = toy(norm=norm, bias=False)
        plan = planned(cut, views=views, epochs=8)
        events = list(fit(chain, source_of, plan, cpu, keeping=keeping(chain)))
        ended = [event for event in events if isinstance(event, EpochEnded)]
        assert views == sum(isinstance(event, CacheRead) for event in events)
        return [loss for e in ended for loss in (e.train_loss, e.validation_loss)]

    computed = losses(0)
    assert computed[0] != computed[-2], "it learns"
    assert losses(1) == pytest.approx(computed, rel=bound)
    assert losses(1) == losses(1), "read again, they are the same to the bit"


def test_keeping_is_announced_and_computes_the_body_once(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    vectors: Callable[..., Any],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
) -> None:
    plan = planned(3, views=1, epochs=6)

    def run(**changes: Any) -> tuple[dict[str, Any], list[Event]]:
        sources = {"train": vectors(60), "validation": vectors(30)}
        chain, todo = toy(), replace(plan, phases=(replace(plan.phases[0], **changes),))
        told = fit(chain, lambda split, _: sources[split], todo, cpu, keeping=keeping(chain))
        return sources, list(told)

    sources, events = run()
    preparing = [
        event
        for event in events
        if isinstance(event, Preparing) and event.what.startswith("Passing")
    ]
    assert [(event.done, event.total) for event in preparing if event.done == event.total] == [
        (60, 60), (30, 30)
    ]  # fmt: skip
    for source in sources.values():
        assert sum(len(indices) for indices, _ in source.asked) == len(source.labels)
    (first,) = (event for event in events if isinstance(event, CacheRead))
    assert (first.phase, first.views, first.bytes) == (0, 1, 4 * 8 * 90)
    assert not first.reused
    assert first.spent > first.one_pass > 0

    for changes in ({"head_lr": 0.3}, {"epochs": 9}, {"batch_size": 5}, {"schedule": "slanted"}):
        sources, events = run(**changes)
        assert not any(source.asked for source in sources.values()), "another run reads it"
        (again,) = (event for event in events if isinstance(event, CacheRead))
        assert (again.reused, again.spent, again.one_pass) == (True, 0.0, first.one_pass)


def test_variations_are_kept_for_training_and_never_for_validation(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    vectors: Callable[..., Any],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
) -> None:
    sources = {"train": vectors(20), "validation": vectors(10)}
    plan, chain = planned(2, views=3, augment="light"), toy()
    list(fit(chain, lambda split, _: sources[split], plan, cpu, keeping=keeping(chain)))
    assert {view for _, view in sources["train"].asked} == {0, 1, 2}
    assert {view for _, view in sources["validation"].asked} == {None}


def test_without_a_cache_the_same_variations_are_computed_in_turn(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    vectors: Callable[..., Any],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
) -> None:
    def losses(kept: bool) -> list[float]:
        sources = {"train": vectors(20, varied=True), "validation": vectors(10)}
        plan, chain = planned(2, views=3, augment="light"), toy()
        events = fit(chain, lambda split, _: sources[split], plan, cpu,
                     keeping=keeping(chain) if kept else None)  # fmt: skip
        return [event.train_loss for event in events if isinstance(event, EpochEnded)]

    assert losses(kept=True) == pytest.approx(losses(kept=False), rel=1e-5)


def test_the_phases_of_a_recipe_share_one_pass(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    vectors: Callable[..., Any],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
) -> None:
    """Gradual unfreezing: the head on plain examples, then stage after stage on varied ones."""
    sources = {
        ("train", "none"): vectors(20),
        ("train", "light"): vectors(20, varied=True),
        ("validation", "none"): vectors(10),
    }
    head, *rest = planned(3, 2, 1, views=2, augment="light", epochs=2).phases
    plan = Plan("gradual", 1, (replace(head, augment="none", views=1), *rest), ())
    chain = toy()
    passed = dict.fromkeys(chain.names, 0)
    for name, stage in chain.stages.items():

        def count(module: Any, inputs: Any, name: str = name) -> None:
            passed[name] += len(inputs[0]) * (not module.training)

        stage.register_forward_pre_hook(count)

    def source_of(split: str, phase: Phase) -> Any:
        return sources[split, phase.augment if split == "train" else "none"]

    events = fit(chain, source_of, plan, cpu, keeping=keeping(chain))
    computed = [event.spent > 0 for event in events if isinstance(event, CacheRead)]
    asked = {key: sum(len(i) for i, _ in source.asked) for key, source in sources.items()}
    assert asked == {
        ("train", "none"): 20, ("train", "light"): 2 * 20, ("validation", "none"): 10
    }  # fmt: skip
    assert computed == [True, True, False], "the last finds all that it needs"
    assert passed["first"] == 20 + 2 * 20 + 10


def test_only_the_same_examples_are_shared(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    vectors: Callable[..., Any],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
) -> None:
    sources = {"light": vectors(20), "strong": vectors(20, varied=True), "none": vectors(10)}
    first, second = planned(3, 2, views=2, augment="light", epochs=1).phases
    plan = Plan("fine-tune", 2, (first, replace(second, augment="strong")), ())
    keeps = keeping(chain := toy())
    events = fit(
        chain, lambda split, phase: sources[phase.augment if split == "train" else "none"], plan,
        cpu, keeping=keeps,
    )  # fmt: skip
    assert [event.spent > 0 for event in events if isinstance(event, CacheRead)] == [True, True]
    assert keeps.cache is not None
    assert len(list(keeps.cache.folder.iterdir())) == 2 + 2 + 2, "nothing that nobody reads"


def test_trained_stages_are_never_taken_for_those_that_were_loaded(
    toy: Callable[..., Chain],
    planned: Callable[..., Plan],
    source_of: Callable[[str, Phase], Any],
    keeping: Callable[[Chain], Keeping],
    cpu: Device,
) -> None:
    """Nothing but the content of the stages names an entry: cut forward, they have changed."""

    def losses(kept: bool) -> list[float]:
        chain = toy(bias=False)
        events = fit(chain, source_of, planned(1, 3, views=int(kept)), cpu, keeping=keeping(chain))
        return [event.train_loss for event in events if isinstance(event, EpochEnded)]

    untrained = toy(bias=False)
    list(fit(untrained, source_of, planned(3, views=1), cpu, keeping=keeping(untrained)))
    assert losses(kept=True) == pytest.approx(losses(kept=False), rel=1e-5)
