"""Where to cut: how well a linear probe tells the classes apart after every stage.

Early stages see edges and colours that serve any picture; late ones see what the network was
trained for. Where the curve stops rising, what follows no longer helps with these pictures
(Yosinski et al., "How transferable are features in deep neural networks?", 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.backbones.card import Card
from tl_core.backbones.catalog import find_card
from tl_core.runs.devices import trained_on
from tl_core.runs.store import Run, Store
from tl_core.studies.needs import with_head_start
from tl_core.studies.study import Asked, Part, Plan, Reading, Study
from tl_core.training.cost import Cost, Footprint, cost_of
from tl_core.training.phases import default_cut
from tl_core.training.phases import plan as plan_training
from tl_core.workspace import Workspace

NAME, TITLE = "where-to-cut", "Where to cut?"
QUESTION = "How much of the backbone should stay frozen for your pictures?"

NOTHING = "nothing"
ENOUGH = 0.95  # right answers from a frozen network, from where fine-tuning has little to gain


@dataclass(frozen=True)
class Stage:
    """One stage, and what it would mean to freeze everything up to it.

    Attributes:
        stage: its name; "nothing" before the first.
        frozen: how many stages would be frozen.
        accuracy: of a linear probe on what it hands over; `None` for nothing.
        error: the standard error of that.
        trainable: parameters that would learn.
        epoch_seconds: estimate of an epoch on the device that was asked.
        memory: estimate of the bytes that a training step needs.
        suggested: whether this is the cut to choose.
    """

    stage: str
    frozen: int
    accuracy: float | None
    error: float | None
    trainable: int
    epoch_seconds: float
    memory: int
    suggested: bool = False


def plan(asked: Asked) -> Plan:
    """Probe every stage of the backbone, in one run.

    Raises:
        UserError: its weights are not at hand.
    """
    card = with_head_start(asked)
    return Plan((Part(card.title, asked.config(card.name, work="probe")),))


def read(study: Study, store: Store, workspace: Workspace) -> Reading[Stage]:  # noqa: ARG001
    """Read the curve, and say where to cut and why."""
    run = study.runs[0][1]
    if run.state != "finished":
        return Reading("", "", ())
    card = find_card(run.config.backbone)
    probed = [(stage["accuracy"], stage["error"]) for stage in run.facts["stages"]]
    cut, why = suggest(card, probed)
    rows = tuple(
        Stage(stage, k, accuracy, error, cost.trainable, cost.epoch, cost.memory, k == cut)
        for k, (stage, (accuracy, error), cost) in enumerate(
            zip(
                (NOTHING, *card.stage_names),
                ((None, None), *probed),
                costs(card, run),
                strict=True,
            )
        )
    )
    freeze = "all" if cut == len(card.stages) else card.stage_names[cut - 1] if cut else "none"
    recipe = "feature-extraction" if freeze == "all" else "fine-tune"
    return Reading(
        _headline(card, cut), why, rows,
        {"backbone": card.name, "freeze": freeze, "recipe": recipe},
    )  # fmt: skip


def costs(card: Card, run: Run) -> list[Cost]:
    """Return what training costs with 0, 1, 2 … stages frozen, from the step that was measured."""
    facts = run.facts
    footprint = Footprint(facts["footprint"]["seconds"], tuple(facts["footprint"]["saved"]))
    examples, classes = facts["training"], len(facts["classes"])
    config = run.config.with_(work="train")
    batch = plan_training(config, card, examples, trained_on(run)).phases[0].batch_size
    return [
        cost_of(
            footprint,
            parameters=card.parameters,
            trainable=card.trainable_parameters(cut, classes),
            frozen_share=card.frozen_share(cut),
            cut=cut,
            examples=examples,
            batch=batch,
        )
        for cut in range(len(card.stages) + 1)
    ]


def suggest(card: Card, probed: Sequence[tuple[float, float]]) -> tuple[int, str]:
    """Return how many stages to freeze, and why.

    Args:
        card: of the backbone.
        probed: accuracy and its standard error after each stage.
    """
    last = len(probed)
    accuracy, error = probed[-1]
    top, top_error = max(probed)
    peak = next(k for k, (share, _) in enumerate(probed, 1) if share >= top - top_error)
    if accuracy >= ENOUGH:
        return last, (
            f"A new head alone tells {accuracy:.0%} of the pictures apart after the last stage, so "
            "letting stages learn has little left to gain, and without it an epoch takes next to "
            "no time."
        )
    usual = default_cut(card, "fine-tune")
    if accuracy < top - top_error - error and peak < usual:
        return peak, (
            f"The curve is at its best after {card.stage_names[peak - 1]} ({top:.0%}) and falls to "
            f"{accuracy:.0%}: what comes later knows what the network was trained for, not your "
            "pictures, so it should learn anew."
        )
    return usual, (
        f"Even the last stage tells only {accuracy:.0%} of the pictures apart with a new head "
        "alone, so there is something to gain from letting stages learn."
    )


def _headline(card: Card, cut: int) -> str:
    if cut == len(card.stages):
        return f"Freeze all of {card.title} and train a new head alone."
    if not cut:
        return f"Let every stage of {card.title} learn."
    return f"Freeze {card.title} up to {card.stage_names[cut - 1]} and let the rest learn."
