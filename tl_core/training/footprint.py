"""What a training step costs on this machine: seconds, and the memory that each stage needs.

One step is really taken, on a few examples. What the backward pass needs of each stage is counted
as it is saved, so the memory at every cut is known from one step and on every kind of device.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tl_core.backbones.chain import Chain
from tl_core.backbones.saved import Saved
from tl_core.errors import UserError
from tl_core.training.cost import Footprint
from tl_core.training.device import Device, is_out_of_memory, release_memory
from tl_core.training.sources import Source

EXAMPLES = 8
_FEWEST = 2  # BatchNorm cannot learn from one
_TOO_SMALL = (
    "The device's memory is too small for a training step of this whole network, so what it costs "
    "cannot be measured; close what else uses that memory, choose a smaller backbone, or measure "
    "on the processor."
)


def measure_step(
    chain: Chain, source: Source, device: Device, examples: int = EXAMPLES
) -> Footprint:
    """Take a step with everything learning, on a few examples; nothing changes.

    Args:
        chain: on the device.
        source: of its inputs.
        device: to compute on.
        examples: at most, fewer where the memory asks for it.

    Raises:
        UserError: two examples exceed the memory.
    """
    count = min(examples, len(source.labels))
    frozen, training = chain.frozen, chain.training
    state = {name: value.clone() for name, value in chain.state_dict().items()}
    chain.freeze("none").train()
    try:
        while True:
            try:
                return _measure(chain, source, count, device)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if count <= _FEWEST:
                    raise UserError(_TOO_SMALL) from error
                count = max(_FEWEST, count // 2)
            # Not in the handler: its exception keeps what the failed attempt had computed.
            chain.zero_grad(set_to_none=True)
            release_memory(device.kind)
    finally:
        chain.zero_grad(set_to_none=True)
        chain.load_state_dict(state)  # BatchNorm has counted along
        chain.freeze(frozen).train(training)
        release_memory(device.kind)


def _measure(chain: Chain, source: Source, count: int, device: Device) -> Footprint:
    indices = torch.arange(count, device=source.labels.device)
    inputs, labels = source.batch(indices, None), source.labels[indices]
    saved = [0] * len(chain.names)
    _step(chain, inputs, labels, device, saved)  # the first one also prepares things
    began = time.perf_counter()
    _step(chain, inputs, labels, device, [0] * len(saved))
    if device.kind == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    return Footprint(seconds / count, tuple(size // count for size in saved))


def _step(chain: Chain, x: Tensor, labels: Tensor, device: Device, saved: list[int]) -> None:
    counting = Saved(chain)
    with device.autocast():
        for index, stage in enumerate(chain.stages.values()):
            x, saved[index] = counting.through(stage, x)
        logits = chain.head(x)
    cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
