"""A trained chain into a `.headstart` file and out of it.

Reading one trusts nothing: see `archive`. Every tensor's name, shape and kind is checked, and
neither JSON nor safetensors can run code.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load, save

from tl_core.backbones.catalog import catalogue, family_of, find_card
from tl_core.backbones.chain import Chain
from tl_core.bundles.archive import FAMILIAR, open_bundle, write_bundle_file
from tl_core.bundles.manifest import WEIGHTS, Manifest
from tl_core.evaluation.familiar import Familiar


def write_bundle(path: Path, chain: Chain, manifest: Manifest) -> Manifest:
    """Write a trained chain so that a reader sees all of it or nothing; return what it then says.

    Raises:
        UserError: the disk is full.
    """
    # safetensors refuses channels_last tensors.
    tensors = {name: t.detach().cpu().contiguous() for name, t in chain.state_dict().items()}
    return write_bundle_file(path, manifest, {WEIGHTS: save(tensors)})


def read_bundle(path: Path) -> tuple[Manifest, Chain]:
    """Read a bundle into a chain in evaluation mode, on the processor.

    Raises:
        UserError: no bundle, damaged, from a newer version, or not what it says it is.
    """
    with open_bundle(path) as (manifest, read):
        return manifest, _assemble(manifest, load(read(WEIGHTS)))


def read_familiar(path: Path) -> Familiar | None:
    """Read what a bundle's model has seen, or return `None` where it does not say.

    Raises:
        UserError: see `read_bundle`.
    """
    with open_bundle(path) as (manifest, read):
        if FAMILIAR not in manifest.members:
            return None
        return Familiar.from_bytes(read(FAMILIAR), find_card(manifest.backbone).features)


def _assemble(manifest: Manifest, state: dict[str, torch.Tensor]) -> Chain:
    if manifest.backbone not in catalogue():
        raise ValueError(f"there is no backbone called {manifest.backbone[:40]!r}")
    card, family = find_card(manifest.backbone), family_of(manifest.backbone)
    size = manifest.preprocessing.size
    with torch.device("meta"), torch.no_grad():
        chain = family.assemble(family.build(card.name), len(manifest.classes)).eval()
        # Whether the network takes pictures of another size than its own: half a second, without
        # memory.
        if size != card.preprocessing.size:
            chain(torch.empty(1, 3, size, size))
    if manifest.frozen_stages != chain.names[: len(manifest.frozen_stages)]:
        raise ValueError("its frozen stages are not the backbone's first")
    expected = chain.state_dict()
    if state.keys() != expected.keys() or any(
        (state[name].shape, state[name].dtype) != (tensor.shape, tensor.dtype)
        for name, tensor in expected.items()
    ):
        raise ValueError(f"its weights are not {card.title}'s with a head for these classes")
    chain.load_state_dict(state, assign=True)
    return chain.freeze(len(manifest.frozen_stages)).eval()
