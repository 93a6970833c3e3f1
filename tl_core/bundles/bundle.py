"""The `.headstart` file: a zip of `manifest.json` and `weights.safetensors`.

Reading one trusts nothing: sizes are bounded before anything is allocated, the weights' hash and
every tensor's shape are checked, and neither JSON nor safetensors can run code.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load, save

from tl_core.backbones.card import Preprocessing
from tl_core.backbones.catalog import catalogue, family_of, find_card
from tl_core.backbones.chain import Chain
from tl_core.errors import UserError
from tl_core.workspace import disk_errors, new_id, require_space, sync_folder

SCHEMA = 1
MANIFEST, WEIGHTS = "manifest.json", "weights.safetensors"
MOST_MANIFEST, MOST_WEIGHTS, MOST_CLASSES = 16 << 20, 8 << 30, 20_000


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        backbone: name in the catalogue.
        classes: in the order of the logits.
        preprocessing: how a picture becomes the network's input.
        opener: version of the image opener that training used.
        recipe: how it was trained.
        frozen_stages: names of the stages that were frozen to the end.
        dataset: id, which is a fingerprint of its pictures, classes and split.
        versions: of the libraries that trained it.
        licence: terms of the weights that training started from; empty where it started from none.
        schema: version of this format.
        weights_sha256: of the weights inside; filled in when written.
    """

    backbone: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    opener: str
    recipe: str
    frozen_stages: tuple[str, ...]
    dataset: str
    versions: dict[str, str] = field(default_factory=dict)
    licence: str = ""
    schema: int = SCHEMA
    weights_sha256: str = ""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read a manifest written by someone else.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or of the wrong kind.
        """
        p = values["preprocessing"]
        size, resize = int(p["size"]), int(p["resize"])
        mean, std = tuple(map(float, p["mean"])), tuple(map(float, p["std"]))
        classes = tuple(values["classes"])
        if not all(isinstance(name, str) and name.encode() for name in classes):
            raise ValueError("its class names are no text")
        if not 1 < len(set(classes)) == len(classes) <= MOST_CLASSES:
            raise ValueError("its number of classes is out of bounds")
        if not 8 <= size <= resize <= 4096 or size > 2048 or len(mean) != 3 or len(std) != 3:
            raise ValueError("its preprocessing is out of bounds")
        if not all(map(math.isfinite, mean + std)) or min(std) <= 0:
            raise ValueError("its preprocessing is out of bounds")
        if p["interpolation"] not in ("bilinear", "bicubic"):
            raise ValueError("its preprocessing is unknown")
        return cls(
            backbone=str(values["backbone"]),
            classes=classes,
            preprocessing=Preprocessing(size, resize, p["interpolation"], mean, std),
            opener=str(values["opener"]),
            recipe=str(values["recipe"]),
            frozen_stages=tuple(map(str, values["frozen_stages"])),
            dataset=str(values["dataset"]),
            versions={str(k): str(v) for k, v in values["versions"].items()},
            licence=str(values.get("licence", "")),  # bundles of version 0.1 have none
            schema=int(values["schema"]),
            weights_sha256=str(values["weights_sha256"]),
        )


def write_bundle(path: Path, chain: Chain, manifest: Manifest) -> None:
    """Write a trained chain so that a reader sees all of it or nothing.

    Raises:
        UserError: the disk is full.
    """
    # safetensors refuses channels_last tensors.
    tensors = {name: t.detach().cpu().contiguous() for name, t in chain.state_dict().items()}
    weights = save(tensors)
    require_space(path.parent, len(weights))
    values = asdict(manifest) | {"weights_sha256": hashlib.sha256(weights).hexdigest()}
    part = path.with_name(f".{new_id()}.part")
    try:
        with disk_errors(path.name), part.open("wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(MANIFEST, json.dumps(values, indent=1, ensure_ascii=False))
                archive.writestr(WEIGHTS, weights)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def read_bundle(path: Path) -> tuple[Manifest, Chain]:
    """Read a bundle into a chain in evaluation mode, on the processor.

    Raises:
        UserError: no bundle, damaged, from a newer version, or not what it says it is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            most = path.stat().st_size
            values = json.loads(_member(archive, MANIFEST, min(most, MOST_MANIFEST)))
            if int(values.get("schema", 0)) > SCHEMA:
                raise UserError(
                    f"{path.name} was made by a newer Headstart; update Headstart to open it."
                )
            manifest = Manifest.from_dict(values)
            weights = _member(archive, WEIGHTS, min(most, MOST_WEIGHTS))
        if hashlib.sha256(weights).hexdigest() != manifest.weights_sha256:
            raise ValueError("the weights do not have the hash that the manifest states")
        return manifest, _assemble(manifest, load(weights))
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}; check the name.") from error
    except UserError:
        raise
    except Exception as error:  # zipfile, json and torch raise almost anything on hostile bytes
        raise UserError(
            f"{path.name} is not a whole Headstart bundle ({_reason(error)}); ask for it again, or "
            "export it once more from the run."
        ) from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or not info.compress_size == info.file_size <= most:
        raise ValueError(f"{name} is compressed or larger than it can be")
    return archive.read(info)


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
