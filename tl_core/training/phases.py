"""From a recipe to phases: which cut, how long, how fast, and why.

Pure arithmetic without torch, so that a page can show the plan before anything is trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tl_core.backbones.card import Card, resolve_cut
from tl_core.config import Augment, Recipe, RunConfig
from tl_core.errors import UserError
from tl_core.training.views import choose_views, explain_views

Schedule = Literal["cosine", "slanted"]
# A head that learns alone begins solved (see `ridge`). Before stages learn with it, it moves
# little: what it learns by heart there, their beginning would throw away.
_HEAD_LR, _FIRST_HEAD_LR = 1e-3, 3e-4


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one cut, one optimizer, one schedule.

    Attributes:
        name: for people.
        cut: number of frozen stages.
        epochs: at most.
        batch_size: examples per optimizer step.
        head_lr: peak learning rate of the head.
        stage_lr: peak learning rate of the last stage.
        stage_decay: factor from each stage to the one before it.
        schedule: "cosine" (warm-up, then half a cosine) or "slanted" (triangle, ULMFiT).
        augment: how much the examples are varied.
        views: variations of each example whose activations at the cut are kept and used in turn;
            0 keeps none and varies anew in every epoch.
        patience: epochs without improvement before the phase ends.
        weight_decay: of AdamW, on weights of more than one dimension.
        solve: whether a linear head that learns alone begins with its solution in closed form.
        fixed_statistics: whether BatchNorm of the stages that learn keeps its running statistics.
    """

    name: str
    cut: int
    epochs: int
    batch_size: int
    head_lr: float
    stage_lr: float
    stage_decay: float
    schedule: Schedule
    augment: Augment
    views: int
    patience: int
    weight_decay: float = 0.01
    solve: bool = False
    fixed_statistics: bool = False


@dataclass(frozen=True)
class Reason:
    """One setting that was chosen, its value and why, in plain words."""

    setting: str
    value: str
    why: str


@dataclass(frozen=True)
class Plan:
    """A recipe made definite for one backbone, one dataset and one device."""

    recipe: Recipe
    cut: int
    phases: tuple[Phase, ...]
    reasons: tuple[Reason, ...]

    @property
    def epochs(self) -> int:
        """Epochs over all phases, at most."""
        return sum(phase.epochs for phase in self.phases)


@dataclass(frozen=True)
class _Draft:
    """A phase before the numbers that all phases share are known."""

    name: str
    cut: int
    steps: int
    least: int
    most: int
    schedule: Schedule = "cosine"
    head_lr: float = 1e-3
    stage_ratio: float = 0.2
    stage_decay: float = 0.7


def choose_recipe(card: Card, config: RunConfig) -> Recipe:
    """Return the recipe of a run that may leave it open.

    Raises:
        UserError: the recipe needs weights and the backbone has none.
    """
    has_weights = card.weights is not None or config.weights is not None
    if config.recipe is None:
        if not has_weights:
            return "scratch"
        return "feature-extraction" if config.freeze == "all" else "fine-tune"
    if config.recipe == "scratch" and config.weights is not None:
        raise UserError(
            "Training from scratch starts with random weights, so a weights file would not be "
            "read; leave out --weights, or choose another recipe."
        )
    if config.recipe != "scratch" and not has_weights:
        raise UserError(
            f"{card.title} has no pre-trained weights, so there is nothing to freeze or "
            "fine-tune; use --recipe scratch, or choose a backbone with weights."
        )
    return config.recipe


def default_cut(card: Card, recipe: Recipe) -> int:
    """Return the number of stages that a recipe freezes unless told otherwise.

    Gradual unfreezing ends with the last half of the stages; for fine-tuning see `FineTuning`.
    """
    count = len(card.stages)
    if recipe == "scratch":
        return 0
    if recipe == "feature-extraction":
        return count
    if recipe == "gradual":
        return count - max(1, count // 2)
    if card.fine_tuning.freeze:
        return resolve_cut(card.stage_names, card.fine_tuning.freeze)
    if card.convolutions is not None:
        return resolve_cut(card.stage_names, card.convolutions) - 1
    return count - max(1, round(count / 4))


def choose_cut(card: Card, config: RunConfig, recipe: Recipe) -> int:
    """Return the number of stages that stay frozen to the end.

    Raises:
        UserError: no such stage, or a freeze that contradicts the recipe.
    """
    if config.freeze is None:
        return default_cut(card, recipe)
    cut = resolve_cut(card.stage_names, config.freeze)
    if recipe == "feature-extraction" and cut not in _feature_cuts(card):
        raise UserError(
            "Feature extraction keeps every stage frozen"
            + (f" (or all up to {card.convolutions})" if card.convolutions else "")
            + "; leave out --freeze, or use --recipe fine-tune to let stages learn."
        )
    if recipe == "scratch" and cut > 0:
        raise UserError(
            "Training from scratch starts with random weights, and frozen random weights learn "
            "nothing; leave out --freeze, or choose another recipe."
        )
    return cut


def _feature_cuts(card: Card) -> set[int]:
    convolutions = card.convolutions or "all"
    return {len(card.stages), resolve_cut(card.stage_names, convolutions)}


def plan(config: RunConfig, card: Card, examples: int, device: str) -> Plan:
    """Turn a run's settings into phases, and say why each number was chosen.

    Args:
        config: what the person set; everything else is chosen here.
        card: of the backbone.
        examples: in the training split.
        device: "cpu", "cuda" or "mps"; never "auto", which says nothing of the machine.

    Raises:
        UserError: settings that contradict each other or the backbone.
    """
    recipe = choose_recipe(card, config)
    cut = choose_cut(card, config, recipe)
    drafts = _drafts(recipe, cut, card)
    batch = config.batch_size or _batch_size(examples, device)
    steps = max(1, math.ceil(examples / batch))
    wanted = [min(max(math.ceil(d.steps / steps), d.least), d.most) for d in drafts]
    epochs = wanted if config.epochs is None else share(config.epochs, wanted)
    phases = tuple(
        _phase(config, card, recipe, draft, count, batch, examples, device)
        for draft, count in zip(drafts, epochs, strict=True)
        if count
    )
    phases += tuple(
        _more(config, card, phases[-1], count, examples, device) for count in config.more
    )
    planned = phases[: len(phases) - len(config.more)]
    reasons = _reasons(config, card, recipe, planned, examples, batch)
    kept = _kept(config, card, phases, examples, device)
    return Plan(recipe, cut, phases, (*reasons, *kept, *_asked_for(config)))


def _drafts(recipe: Recipe, cut: int, card: Card) -> list[_Draft]:
    stages = len(card.stages)
    if recipe == "scratch":
        return [_Draft("everything, from random weights", 0, 300, 15, 40, stage_ratio=1.0,
                       stage_decay=1.0)]  # fmt: skip
    head = _Draft("the new head", stages, 200, 10, 25, head_lr=_HEAD_LR)
    if recipe == "feature-extraction":
        # Above the convolutions, "feature extraction" leaves dense stages to learn with the head.
        return [head if cut == stages else _Draft("the dense stages and the head", cut, 160, 6, 20)]
    if cut == stages:
        return [head]
    head = _Draft("first the new head alone", stages, 50, 5, 10, head_lr=_FIRST_HEAD_LR)
    if recipe == "fine-tune":
        how = card.fine_tuning
        name = "then the last stages with it" if cut else "then every stage with it"
        return [
            head,
            _Draft(name, cut, 160, 6, 20, head_lr=how.head_lr, stage_ratio=how.stage_ratio),
        ]
    # ULMFiT divides the rate by 2.6 from each layer to the one before it.
    return [head] + [
        _Draft(f"then {stages - k} of {stages} stages", k, 48, 3, 6, "slanted", 5e-4, 0.38, 1 / 2.6)
        for k in range(stages - 1, cut - 1, -1)
    ]


def _phase(
    config: RunConfig,
    card: Card,
    recipe: Recipe,
    draft: _Draft,
    epochs: int,
    batch: int,
    examples: int,
    device: str,
) -> Phase:
    frozen = draft.cut == len(card.stages)
    augment: Augment = config.augment or ("none" if frozen else "light")
    lr = draft.head_lr if config.lr is None else config.lr
    stages = card.stages[: draft.cut]
    views = choose_views(stages, augment, epochs, examples, device) if config.cache else 0
    return Phase(
        name=draft.name,
        cut=draft.cut,
        epochs=epochs,
        batch_size=batch,
        head_lr=lr,
        stage_lr=lr * draft.stage_ratio,
        stage_decay=draft.stage_decay,
        schedule=draft.schedule,
        augment=augment,
        views=views,
        patience=_patience(epochs),
        solve=frozen,
        fixed_statistics=not frozen and recipe != "scratch" and card.fine_tuning.fixed_statistics,
    )


def _more(
    config: RunConfig, card: Card, last: Phase, epochs: int, examples: int, device: str
) -> Phase:
    """Return a phase that goes on where a plan has ended, from its best epoch.

    A schedule of its own rises over a tenth of the steps and falls to zero, as after a warm restart
    (Loshchilov and Hutter, 2017), to half the last phase's rates: what was learned is to be
    improved upon and not learned anew.
    """
    stages = card.stages[: last.cut]
    views = choose_views(stages, last.augment, epochs, examples, device) if config.cache else 0
    return replace(
        last,
        name="some more",
        epochs=epochs,
        head_lr=last.head_lr / 2,
        stage_lr=last.stage_lr / 2,
        schedule="cosine",
        views=views,
        patience=_patience(epochs),
        solve=False,
    )


def _patience(epochs: int) -> int:
    return max(4, epochs // 3)


def _batch_size(examples: int, device: str) -> int:
    most = 64 if device == "cuda" else 32
    return min(max(1 << round(math.log2(max(examples, 1) / 10 + 1)), 8), most)


def share(total: int, wanted: Sequence[int]) -> list[int]:
    """Share `total` epochs among phases in proportion, at least one each, the last ones first.

    >>> share(10, [25, 20])
    [6, 4]
    >>> share(1, [25, 20])
    [0, 1]
    """
    parts = [0] * len(wanted)
    chosen = range(max(0, len(wanted) - total), len(wanted))
    weight = sum(wanted[i] for i in chosen)
    for i in chosen:
        parts[i] = max(1, total * wanted[i] // weight)
    for i in chosen:  # what rounding left over, or took too much, evens out from the front
        parts[i] = max(1, parts[i] + total - sum(parts))
    return parts


def _reasons(
    config: RunConfig,
    card: Card,
    recipe: Recipe,
    phases: Sequence[Phase],
    examples: int,
    batch: int,
) -> list[Reason]:
    told = "you set it"
    last = phases[-1]
    only_head = last.cut == len(card.stages)
    lr_why = {
        "feature-extraction": "only a new head learns, and it begins with a solution that is "
        "computed at once",
        "fine-tune": "the head learns quickly; earlier stages move less, so that they keep what "
        "they know",
        "gradual": "each stage further back moves 2.6 times less (ULMFiT, 2018)",
        "scratch": "everything starts from nothing and learns at one pace",
    }["feature-extraction" if only_head else recipe]
    epochs = ", then ".join(f"{phase.epochs}" for phase in phases)
    return [
        Reason(
            "Pictures per step",
            f"{batch}",
            told
            if config.batch_size
            else f"about a tenth of your {examples} training pictures, "
            "between 8 and what the machine takes well",
        ),
        Reason(
            "Epochs at most",
            epochs,
            told
            if config.epochs
            else "enough steps for this many pictures; training stops "
            f"earlier after {last.patience} epochs without progress and keeps the best",
        ),
        Reason("Learning rate", f"{last.head_lr:g}", told if config.lr else lr_why),
        Reason(
            "Variation of the pictures",
            last.augment,
            told
            if config.augment
            else "pictures are flipped and cropped a little while stages "
            "learn, so that they do not learn them by heart"
            if last.augment != "none"
            else "the frozen stages see each picture once, which is what makes this quick",
        ),
    ]


def _asked_for(config: RunConfig) -> list[Reason]:
    if not config.more:
        return []
    epochs = ", then ".join(map(str, config.more))
    why = "from the best epoch, at half the learning rate, because you asked for it"
    return [Reason("Epochs more, at most", epochs, why)]


def _kept(
    config: RunConfig, card: Card, phases: Sequence[Phase], examples: int, device: str
) -> list[Reason]:
    frozen = [phase for phase in phases if phase.cut]
    if not frozen:
        return []
    counts = [f"{phase.views} of each picture" if phase.views else "none" for phase in frozen]
    value = ", then ".join(dict.fromkeys(counts))
    last = frozen[-1]
    why = explain_views(card.stages[: last.cut], last.views, last.augment, examples, device)
    return [Reason("Variations kept", value, why if config.cache else "you set it")]
