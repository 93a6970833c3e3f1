"""What training costs at each cut, from one step that was measured. Pure arithmetic, no torch."""

from __future__ import annotations

from dataclasses import dataclass

_WEIGHT, _LEARNING = 4, 12  # bytes of a number; and of its gradient and AdamW's two means


@dataclass(frozen=True)
class Footprint:
    """A training step of the whole network, for each example.

    Attributes:
        seconds: that a step takes.
        saved: bytes that the backward pass needs of each stage.
    """

    seconds: float
    saved: tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """What training costs with so many stages frozen.

    Attributes:
        trainable: parameters that learn, the head's among them.
        epoch: seconds of an epoch where the frozen part is read and not computed.
        memory: bytes of a step: the network, what learns, and what the backward pass needs.
    """

    trainable: int
    epoch: float
    memory: int


def cost_of(
    footprint: Footprint,
    *,
    parameters: int,
    trainable: int,
    frozen_share: float,
    cut: int,
    examples: int,
    batch: int,
) -> Cost:
    """Estimate what training costs at a cut.

    Args:
        footprint: of the network on this machine.
        parameters: of the whole network.
        trainable: of the stages after the cut and the head.
        frozen_share: of the forward work before the cut.
        cut: number of frozen stages.
        examples: of an epoch.
        batch: examples of a step.
    """
    epoch = examples * footprint.seconds * (1 - frozen_share)
    memory = step_memory(parameters, trainable, batch * sum(footprint.saved[cut:]))
    return Cost(trainable, epoch, memory)


def step_memory(parameters: int, trainable: int, saved: int) -> int:
    """Return the bytes of a step in fp32: the network, what learns, and what is kept.

    Args:
        parameters: of the whole network.
        trainable: those of them that learn.
        saved: bytes that the backward pass needs of the whole batch.
    """
    return _WEIGHT * parameters + _LEARNING * trainable + saved
