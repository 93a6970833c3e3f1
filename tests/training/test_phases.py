"""From settings to phases: pure arithmetic, so every backbone and recipe is asked."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.backbones.catalog import catalogue, find_card
from tl_core.config import AUGMENTS, RECIPES, RunConfig
from tl_core.errors import UserError
from tl_core.training.phases import choose_recipe, default_cut, plan, share
from tl_core.training.views import BUDGET, VIEWS, choose_views, view_bytes

RESNET = find_card("resnet18")


def config(backbone: str = "resnet18", **changes: object) -> RunConfig:
    return RunConfig("dataset", backbone, **changes)


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    """Any setting that a person could make and that does not contradict itself."""
    card = draw(st.sampled_from(list(catalogue().values())))
    recipe = draw(st.sampled_from(RECIPES)) if card.weights else "scratch"
    stages = [*card.stage_names, "all", "none"]
    if recipe == "feature-extraction":
        stages = ["all", card.convolutions or "all"]
    freeze = draw(st.none() | st.sampled_from(stages))
    return config(
        card.name,
        recipe=recipe,
        freeze=None if recipe == "scratch" else freeze,
        epochs=draw(st.none() | st.integers(1, 500)),
        batch_size=draw(st.none() | st.integers(1, 4096)),
        lr=draw(st.none() | st.floats(1e-6, 10)),
        augment=draw(st.none() | st.sampled_from(AUGMENTS)),
        cache=draw(st.booleans()),
    )


@settings(deadline=None)
@given(configs(), st.integers(1, 100_000), st.sampled_from(["cpu", "cuda", "mps"]))
def test_every_plan_makes_sense(chosen: RunConfig, examples: int, device: str) -> None:
    card = find_card(chosen.backbone)
    made = plan(chosen, card, examples, device)
    cuts = [phase.cut for phase in made.phases]

    assert cuts == sorted(cuts, reverse=True), "the cut only moves back"
    assert len(set(cuts)) == len(cuts)
    assert cuts[-1] == made.cut
    assert made.epochs == sum(phase.epochs for phase in made.phases)
    for phase in made.phases:
        assert phase.epochs >= 1
        assert phase.patience >= 4
        assert 0 < phase.stage_lr <= phase.head_lr <= 10
        assert phase.name
        assert 0 <= phase.views <= VIEWS[phase.augment]
        if phase.views:
            assert phase.views * view_bytes(card.stages[: phase.cut], examples) <= BUDGET
            assert phase.views >= min(phase.epochs, 1 if phase.augment == "none" else 2)
            assert chosen.cache
    if chosen.epochs is not None:
        assert made.epochs == chosen.epochs
    if chosen.batch_size is not None:
        assert {phase.batch_size for phase in made.phases} == {chosen.batch_size}
    if chosen.lr is not None:
        assert {phase.head_lr for phase in made.phases} == {chosen.lr}
    if chosen.augment is not None:
        assert {phase.augment for phase in made.phases} == {chosen.augment}


@pytest.mark.parametrize(
    ("backbone", "recipe", "learns_from"),
    [
        ("resnet18", "fine-tune", "layer4"),
        ("resnet50", "fine-tune", "layer4"),
        ("mobilenet_v2", "fine-tune", "block5"),
        ("alexnet", "fine-tune", "conv5"),
        ("vgg16", "fine-tune", "block5"),
        ("vit_b_16", "fine-tune", "block10"),
        ("mini", "fine-tune", "stem"),
        ("resnet18", "gradual", "layer3"),
        ("vit_b_16", "gradual", "block7"),
        ("resnet18", "scratch", "stem"),
        ("small", "scratch", "stem"),
        ("resnet18", "feature-extraction", None),
        ("vgg16", "feature-extraction", None),
    ],
)
def test_default_cuts(backbone: str, recipe: str, learns_from: str | None) -> None:
    card = find_card(backbone)
    learning = card.stage_names[default_cut(card, recipe) :]
    assert (learning[0] if learning else None) == learns_from


@pytest.mark.parametrize(
    ("recipe", "cuts"),
    [
        ("feature-extraction", [5]),
        ("fine-tune", [5, 4]),
        ("gradual", [5, 4, 3]),
        ("scratch", [0]),
    ],
)
def test_the_phases_of_a_recipe(recipe: str, cuts: list[int]) -> None:
    made = plan(config(recipe=recipe), RESNET, 200, "cpu")
    assert [phase.cut for phase in made.phases] == cuts
    assert made.recipe == recipe


def test_a_backbone_says_how_fast_it_fine_tunes() -> None:
    last, usual = (
        plan(config(name, recipe="fine-tune"), find_card(name), 200, "cpu").phases[-1]
        for name in ("mini", "resnet18")
    )
    assert last.name == "then every stage with it"
    assert last.stage_lr == find_card("mini").fine_tuning.stage_ratio * last.head_lr
    assert last.head_lr > usual.head_lr
    told = plan(
        config("mini", recipe="fine-tune", freeze="layer3", lr=1e-3), find_card("mini"), 9, "cpu"
    )
    assert (told.cut, told.phases[-1].head_lr) == (4, 1e-3)
    assert told.phases[-1].name == "then the last stages with it"


@pytest.mark.parametrize("recipe", ["feature-extraction", "fine-tune", "gradual", "scratch"])
def test_what_was_learned_before_is_the_beginning(recipe: str) -> None:
    made = plan(config(recipe=recipe, more=(3,)), RESNET, 200, "cpu").phases
    head_alone = [phase.cut == 5 for phase in made[:-1]]
    assert [phase.solve for phase in made] == [*head_alone, False]
    learning = [phase.cut < 5 and recipe != "scratch" for phase in made]
    assert [phase.fixed_statistics for phase in made] == learning


def test_a_backbone_may_let_its_statistics_move() -> None:
    made = plan(config("mini", recipe="fine-tune"), find_card("mini"), 200, "cpu")
    assert not any(phase.fixed_statistics for phase in made.phases)


def test_gradual_unfreezing_is_ulmfits() -> None:
    head, *later = plan(config(recipe="gradual", freeze="stem"), RESNET, 200, "cpu").phases
    assert head.cut == 5
    assert [phase.cut for phase in later] == [4, 3, 2, 1]
    for phase in later:
        assert phase.schedule == "slanted"
        assert phase.stage_decay == pytest.approx(1 / 2.6)


def test_from_scratch_everything_learns_at_one_pace() -> None:
    (phase,) = plan(config(recipe="scratch"), RESNET, 200, "cpu").phases
    assert phase.stage_lr == phase.head_lr
    assert phase.stage_decay == 1
    assert phase.augment == "light"
    assert phase.views == 0


# --- which recipe, which cut ------------------------------------------------------------------


def test_the_recipe_that_is_chosen_for_you() -> None:
    assert choose_recipe(RESNET, config()) == "fine-tune"
    assert choose_recipe(RESNET, config(freeze="layer2")) == "fine-tune"
    assert choose_recipe(RESNET, config(freeze="all")) == "feature-extraction"
    assert choose_recipe(RESNET, config(freeze="all", recipe="gradual")) == "gradual"
    small = find_card("small")
    assert choose_recipe(small, config("small")) == "scratch"
    assert choose_recipe(small, config("small", weights="mine.safetensors")) == "fine-tune"


@pytest.mark.parametrize(
    ("freeze", "cut"), [("layer2", 3), ("2", 2), ("none", 0), ("stem", 1), ("0", 0), ("4", 4)]
)
def test_freezing_up_to_where_you_say(freeze: str, cut: int) -> None:
    made = plan(config(freeze=freeze), RESNET, 200, "cpu")
    assert made.cut == made.phases[-1].cut == cut
    assert made.phases[0].cut == 5, "the head learns first, alone"


@pytest.mark.parametrize("recipe", RECIPES[:3])
def test_freezing_all_leaves_the_head(recipe: str) -> None:
    made = plan(config(freeze="all", recipe=recipe), RESNET, 200, "cpu")
    assert [phase.cut for phase in made.phases] == [5]


def test_convolutions_only() -> None:
    (phase,) = plan(config("vgg16", recipe="feature-extraction", freeze="block5"),
                    find_card("vgg16"), 200, "cpu").phases  # fmt: skip
    assert phase.cut == 5
    assert phase.augment == "light", "dense stages learn, so the pictures vary"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": "scratch", "freeze": "layer2"}, ["random weights", "--freeze"]),
        ({"recipe": "scratch", "freeze": "all"}, ["random weights", "--freeze"]),
        ({"recipe": "scratch", "weights": "w.safetensors"}, ["random weights", "--weights"]),
        ({"recipe": "feature-extraction", "freeze": "layer2"}, ["every stage", "fine-tune"]),
        ({"recipe": "feature-extraction", "freeze": "none"}, ["every stage", "fine-tune"]),
        ({"freeze": "layer9"}, ["'layer9'", "layer4"]),
        ({"freeze": "6"}, ["'6'", "0 to 5"]),
        ({"backbone": "small", "recipe": "feature-extraction"}, ["no pre-trained weights"]),
        ({"backbone": "small", "recipe": "fine-tune"}, ["--recipe scratch"]),
        ({"backbone": "zfnet", "recipe": "gradual"}, ["--recipe scratch"]),
    ],
)
def test_contradictions_are_a_sentence(changes: dict[str, str], words: list[str]) -> None:
    chosen = config(**changes)
    with pytest.raises(UserError) as caught:
        plan(chosen, find_card(chosen.backbone), 200, "cpu")
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    for word in words:
        assert word in message


# --- what is kept at the cut ------------------------------------------------------------------


def test_one_view_is_kept_where_nothing_varies() -> None:
    (phase,) = plan(config(recipe="feature-extraction"), RESNET, 200, "cpu").phases
    assert (phase.augment, phase.views) == ("none", 1)


def test_several_views_are_kept_where_pictures_vary() -> None:
    head, stages = plan(config(recipe="fine-tune"), RESNET, 200, "cpu").phases
    assert (head.augment, head.views) == ("none", 1)
    assert (stages.augment, stages.views) == ("light", VIEWS["light"])
    strong = plan(config(recipe="feature-extraction", augment="strong"), RESNET, 200, "cpu")
    assert strong.phases[0].views == VIEWS["strong"]


def test_no_more_views_than_epochs() -> None:
    made = plan(config(recipe="feature-extraction", augment="strong", epochs=3), RESNET, 200, "cpu")
    assert made.phases[0].views == 3


def test_no_cache_keeps_nothing() -> None:
    made = plan(config(recipe="gradual", cache=False), RESNET, 200, "cpu")
    assert {phase.views for phase in made.phases} == {0}


def test_what_exceeds_the_budget_is_not_kept() -> None:
    layer3 = 2 * math.prod(RESNET.stages[3].shape)
    fits = BUDGET // layer3
    # A single variation would be none, so it is rather varied anew in every epoch.
    for examples, views in ((fits // 4, 4), (fits // 3, 3), (fits // 2, 2), (fits, 0)):
        last = plan(config(recipe="fine-tune"), RESNET, examples, "cpu").phases[-1]
        assert (last.cut, last.views) == (4, views), examples
    for examples, views in ((fits, 1), (fits + 1, 0)):
        last = plan(config(recipe="fine-tune", augment="none"), RESNET, examples, "cpu").phases[-1]
        assert (last.cut, last.views) == (4, views), examples


def test_what_is_quicker_to_compute_than_to_read_is_not_kept() -> None:
    stem = RESNET.stages[:1]
    assert choose_views(stem, "light", 10, 200, "cpu") == VIEWS["light"]
    assert choose_views(stem, "light", 10, 200, "cuda") == 0
    for device in ("cpu", "cuda", "mps"):
        assert choose_views(RESNET.stages, "none", 10, 200, device) == 1
        assert choose_views(RESNET.stages[:4], "strong", 10, 200, device) == VIEWS["strong"]
        assert choose_views((), "light", 10, 200, device) == 0


# --- reasons ----------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_number_comes_with_a_plain_reason(recipe: str) -> None:
    reasons = plan(config(recipe=recipe), RESNET, 200, "cpu").reasons
    assert [reason.setting for reason in reasons] == [
        "Pictures per step",
        "Epochs at most",
        "Learning rate",
        "Variation of the pictures",
        *(["Variations kept"] if recipe != "scratch" else []),
    ]
    for reason in reasons:
        assert reason.value
        assert len(reason.why) > 20, "a reason, not a label"
        words = f"{reason.setting} {reason.value} {reason.why}"
        assert not re.search(r"_|\bNone\b|\blr\b|BatchNorm|AdamW|dropout", words), words


def test_what_you_set_is_said_to_be_yours() -> None:
    mine = config(
        recipe="fine-tune", epochs=7, batch_size=5, lr=0.25, augment="strong", cache=False
    )
    reasons = plan(mine, RESNET, 200, "cpu").reasons
    assert {reason.why for reason in reasons} == {"you set it"}
    assert [reason.value for reason in reasons] == [
        "5", "4, then 3", "0.25", "strong", "none"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "examples", "device", "value", "words"),
    [
        ({"recipe": "feature-extraction"}, 245, "cpu", "1 of each picture", "502 kB once"),
        ({}, 245, "cpu", "1 of each picture, then 4 of each picture", "98 MB in turn later runs"),
        ({"recipe": "gradual", "epochs": 12}, 245, "cpu", "", "later runs"),
        ({"augment": "light"}, 10**5, "cpu", "4 of each picture, then none", "10 GB 2.1"),
        ({"freeze": "stem"}, 99, "cuda", "1 of each picture, then none", "quicker than reading"),
    ],
)
def test_why_so_many_variations_are_kept(
    changes: dict[str, Any], examples: int, device: str, value: str, words: str
) -> None:
    reason = plan(config(**({"recipe": "fine-tune"} | changes)), RESNET, examples, device).reasons[
        -1
    ]
    assert reason.setting == "Variations kept"
    assert reason.value == value or not value
    for word in words.split():
        assert word in reason.why


def test_the_batch_grows_with_the_pictures_and_the_machine() -> None:
    def size(examples: int, device: str = "cpu") -> int:
        return plan(config(), RESNET, examples, device).phases[0].batch_size

    assert [size(n) for n in (2, 20, 100, 244, 100_000)] == [8, 8, 8, 32, 32]
    assert size(100_000, "cuda") == 64


# --- epochs -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 10_000), st.lists(st.integers(1, 100), min_size=1, max_size=20))
def test_shared_epochs_add_up(total: int, wanted: list[int]) -> None:
    parts = share(total, wanted)
    assert sum(parts) == total
    assert len(parts) == len(wanted)
    trained = [part for part in parts if part]
    assert parts == [0] * (len(parts) - len(trained)) + trained, "the last phases come first"
    assert len(trained) == min(total, len(wanted))


@settings(deadline=None)
@given(st.integers(100, 10_000), st.lists(st.integers(5, 50), min_size=2, max_size=6))
def test_shared_epochs_are_in_proportion(total: int, wanted: list[int]) -> None:
    parts = share(total, wanted)
    for part, want in zip(parts, wanted, strict=True):
        assert abs(part - total * want / sum(wanted)) <= len(wanted)


def test_one_epoch_goes_to_the_last_phase() -> None:
    made = plan(config(recipe="gradual", epochs=1), RESNET, 200, "cpu")
    assert [(phase.cut, phase.epochs) for phase in made.phases] == [(3, 1)]


def test_a_plan_needs_no_torch() -> None:
    """Pages show the plan, and a page process never imports torch."""
    code = (
        "import sys; from tl_core.training.phases import plan; "
        "from tl_core.backbones.catalog import find_card; from tl_core.config import RunConfig; "
        "plan(RunConfig('d', 'resnet18'), find_card('resnet18'), 9, 'cpu'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
