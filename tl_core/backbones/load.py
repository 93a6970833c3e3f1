"""From a name to a chain that is ready to train."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from tl_core.backbones.catalog import Family, family_of, find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.state import check_floats, check_numbers, fitting
from tl_core.backbones.weights import check_fit, find_weights, read_weights
from tl_core.download import Progress


def load_backbone(
    name: str,
    classes: int | None = None,
    *,
    weights: str | Path | None = None,
    pretrained: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Chain:
    """Build a backbone with its published weights.

    Args:
        name: in the catalogue, e.g. "resnet18".
        classes: outputs of a new head; `None` keeps the head that the weights came with.
        weights: a `.safetensors` file instead of the published weights.
        pretrained: `False` starts from random weights.
        seed: of everything random, the new head included.
        progress: of a download, in bytes done and in all.

    Raises:
        UserError: no such backbone, or the weights cannot be had or do not fit.
    """
    card, family = find_card(name), family_of(name)
    if not pretrained or (card.weights is None and weights is None):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return family.assemble(family.build(name), classes)
    path = Path(weights) if weights is not None else find_weights(card, progress)
    state = read_weights(path, card)
    return from_state(family, name, state, classes, seed)


def from_state(
    family: Family, name: str, state: dict[str, Tensor], classes: int | None, seed: int = 0
) -> Chain:
    """Assemble a chain from tensors by their published names.

    The network is first built without memory (on torch's meta device) and then takes over the
    tensors as they are, so that no random weights are computed to be thrown away.

    Raises:
        UserError: names, shapes or kinds are not this backbone's, or a value is no number.
    """
    with torch.device("meta"):
        network = family.build(name)
    rename = getattr(family, "rename", str)
    optional = head_names(network, family) if classes is not None else set()
    expected, title = network.state_dict(), find_card(name).title
    needed = [key for key in expected if key not in optional and "num_batches" not in key]
    state = fitting(state, needed, rename)
    check_fit(expected, state, optional, title)
    state = {k: v for k, v in state.items() if k in expected and v.shape == expected[k].shape}
    check_floats(expected, state, title)
    check_numbers(state, f"these weights of {title}")
    for key, value in expected.items():
        # Files older than PyTorch 0.4.1 have no batch counter; nothing here reads it.
        if key not in state and key.endswith("num_batches_tracked"):
            state[key] = torch.zeros(value.shape, dtype=value.dtype)
    # Updated in place, because what a state dict says of its version is asked for by MNASNet.
    expected.update({k: v.to(expected[k].dtype).clone() for k, v in state.items()})
    network.load_state_dict(expected, assign=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return family.assemble(network, classes)


def head_names(network: nn.Module, family: Family) -> set[str]:
    """Name the tensors of a network's own head, which a new head replaces."""
    head = {id(parameter) for parameter in family.assemble(network, None).head.parameters()}
    return {name for name, tensor in network.named_parameters() if id(tensor) in head}
