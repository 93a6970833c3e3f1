"""Words for people: the glossary, the recipes, and how curves are read."""

from __future__ import annotations

from collections.abc import Sequence

from tl_core.training.events import EpochEnded

GLOSSARY = {
    "backbone": "A network that somebody already trained on more than a million photos. It has "
    "learned to see edges, textures, parts and objects, and you build on that.",
    "stage": "A group of layers. Early stages see edges and colours, later ones parts and objects.",
    "head": "The last, small layer. It turns what the backbone sees into your classes, and it is "
    "always new.",
    "freeze": "Keeps what it knows: the numbers in it do not change while you train.",
    "epoch": "One pass over all your training pictures.",
    "loss": "How wrong the network is, as one number. Lower is better.",
    "validation": "Pictures that the network does not learn from. They tell whether it understands "
    "or only remembers.",
    "test": "Pictures that were kept aside until training had ended, and were used once.",
    "parameters": "The numbers inside the network that learning can change.",
}

RECIPES = {
    "feature-extraction": (
        "Feature extraction",
        "Every stage of the backbone stays frozen and only the new head learns. The quickest way, "
        "and often the best with few pictures.",
    ),
    "fine-tune": (
        "Fine-tuning",
        "First the new head learns, then the last stages learn with it. Better when your pictures "
        "look unlike ordinary photos, or when you have many.",
    ),
    "gradual": (
        "Gradual unfreezing",
        "Like fine-tuning, but one stage after another is allowed to learn, from the last towards "
        "the first.",
    ),
    "scratch": (
        "From scratch",
        "No head start: all numbers begin at random. Slow and hungry for pictures; good for seeing "
        "what the head start is worth.",
    ),
}

STATES = {
    "queued": "Waiting for its turn",
    "running": "Training",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Did not work",
    "interrupted": "Interrupted",
}

PLACES = {
    "auto": "chosen for you",
    "cpu": "the processor",
    "cuda": "an NVIDIA GPU",
    "mps": "an Apple GPU",
}


def read_curves(epochs: Sequence[EpochEnded]) -> str:
    """Say in one plain sentence what the curves show and what to do about it."""
    if len(epochs) < 4:
        return "The curves need a few more epochs before they tell something."
    first, last = epochs[0], epochs[-1]
    best = max(epochs, key=lambda event: (event.validation_accuracy, -event.validation_loss))
    gap = last.train_accuracy - last.validation_accuracy
    if last.train_loss > 0.9 * first.train_loss:
        return (
            "The training loss hardly falls: the network is stuck. Let more stages learn, or look "
            "whether the classes can be told apart at all."
        )
    if gap > 0.15:
        return (
            f"Training pictures are right {last.train_accuracy:.0%} of the time and validation "
            f"pictures {last.validation_accuracy:.0%}: the network remembers pictures more than it "
            "understands them. More pictures or more frozen stages help."
        )
    return (
        f"Both curves went the right way: the network is learning. The best epoch was "
        f"{best.epoch}, and that one is kept."
    )
