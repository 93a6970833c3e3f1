"""Where a backbone's published weights are found, and how a file becomes tensors.

In order: a file that the person names (safetensors only), the file that comes with the app,
torchvision's download cache, a download with progress and hash check, which resumes. The only
pickles ever read are torchvision's own files, whose hash the catalogue knows, and the one named to
`convert-weights`; both with `weights_only=True`.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.backbones.card import Card
from tl_core.backbones.catalog import catalogue, family_of
from tl_core.backbones.published import published
from tl_core.backbones.weights_file import check_file
from tl_core.download import Progress, Source, UnreachableError, download
from tl_core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]


def download_folder() -> Path:
    """Return torchvision's cache folder, found as `torch.hub` finds it but without torch."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def bundled_file(card: Card) -> Path | None:
    """Return the file that comes with the app, or `None` for weights from elsewhere."""
    if card.weights is None or not card.weights.bundled:
        return None
    return ROOT / card.weights.source


def cached_file(card: Card) -> Path | None:
    """Return the downloaded file of a card's weights, or `None` when it is not there."""
    if card.weights is None:
        return None
    path = download_folder() / card.weights.file
    return path if path.is_file() else None


def works_offline(card: Card) -> bool:
    """Tell whether a backbone can be used on this machine without a download."""
    file = bundled_file(card) or cached_file(card)
    return card.weights is None or (file is not None and file.is_file())


def find_weights(card: Card, progress: Progress | None = None) -> Path:
    """Return the file of a card's weights, downloading it when needed.

    Args:
        card: of the backbone; it has weights.
        progress: called with bytes done and bytes in all.

    Raises:
        UserError: offline, the disk is full, what arrived is not what was published, or a file of
            the app's own is missing or was changed.
    """
    own = bundled_file(card)
    if own is not None:
        if not own.is_file() or not _has_hash(own, card):
            raise UserError(
                f"{own} is missing or not the file that belongs to this version of Headstart; get "
                "Headstart again, or choose another backbone."
            )
        return own
    found = cached_file(card)
    return found if found is not None else _download(card, progress)


def _download(card: Card, progress: Progress | None) -> Path:
    assert card.weights is not None  # noqa: S101 (callers have asked)
    weights = card.weights
    address = weights.source
    source = Source(
        url=address if address.startswith("https://") else published(address).url,
        file=weights.file,
        bytes=weights.bytes,
        digest=f"sha256:{weights.sha256}",
        title=f"{card.title}'s weights",
    )
    try:
        return download(source, download_folder(), progress)
    except UnreachableError as error:
        raise UserError(_unreachable(card, str(error))) from error


def _unreachable(card: Card, why: str) -> str:
    ready = [other.title for other in catalogue().values() if works_offline(other)]
    file = card.weights.file if card.weights else ""
    return (
        f"The weights of {card.title} could not be downloaded, {why}; choose a backbone that "
        f"needs no download ({', '.join(ready)}), bring the weights as a .safetensors file, or put "
        f"{file} into {download_folder()}."
    )


def read_weights(path: Path, card: Card) -> dict[str, Tensor]:
    """Read a weights file into tensors by their published names.

    Args:
        path: a `.safetensors` file from anyone, or the file that `find_weights` returned.
        card: of the backbone that the weights are for.

    Raises:
        UserError: not a weights file, damaged, or of a kind that is not read from strangers.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    trusted = cached_file(card)
    if trusted is None or path.resolve() != trusted.resolve():
        mend = f"convert it with: python -m tl_core convert-weights {path.name} {path.stem}"
        if card.weights is not None and path.name == card.weights.file:
            mend = f"put this published file into {download_folder()} or {mend}"
        raise UserError(
            f"{path.name} is not a .safetensors file, the only kind that is read because it "
            f"cannot run code; {mend}.safetensors"
        )
    verify(path, card)
    reader: Callable[[Path], dict[str, Tensor]]
    reader = getattr(family_of(card.name), "read_published", read_pickle)
    return reader(path)


def verify(path: Path, card: Card) -> None:
    """Check a downloaded file against the hash in the catalogue.

    Raises:
        UserError: the file is not the published one.
    """
    if not _has_hash(path, card):
        raise UserError(
            f"{path} is not the published file (its hash differs); delete it and it will be "
            "downloaded again."
        )


def _has_hash(path: Path, card: Card) -> bool:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return card.weights is not None and digest.startswith(card.weights.sha256)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    check_file(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(
            f"{path.name} cannot be read as safetensors ({error}); it may be damaged or of "
            "another kind: fetch it again, or convert a .pth file with convert-weights."
        ) from error


def read_pickle(path: Path) -> dict[str, Tensor]:
    """Read a PyTorch state dict without running anything in it.

    Raises:
        UserError: the file holds something else than named tensors, or two of one name.
    """
    import torch

    from tl_core.backbones.state import by_name, find_state

    check_file(path)
    try:
        with warnings.catch_warnings():  # of tensor kinds that are refused below
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except EOFError as error:
        raise UserError(
            f"{path.name} is not a plain PyTorch weights file because it is cut off; fetch it "
            "again."
        ) from error
    except Exception as error:  # the unpickler raises whatever the file provokes
        raise UserError(
            f"{path.name} is not a plain PyTorch weights file (it may be damaged), and anything "
            "else in it is not loaded because it could run code; save `model.state_dict()` and "
            "convert that."
        ) from error
    state = find_state(content)
    if state is None:
        raise UserError(
            f"{path.name} holds no state dict (tensors by name); save `model.state_dict()` and "
            "convert that."
        )
    return by_name(state, path.name)


def convert(source: Path, target: Path) -> int:
    """Write a `.pth` file's tensors as safetensors and return how many there are.

    Raises:
        UserError: `source` is no state dict of plain numbers, or `target` has another ending or
            cannot be written.
    """
    from safetensors.torch import save

    from tl_core.backbones.state import check_numbers, check_plain
    from tl_core.workspace import require_space, write_atomic

    if target.suffix != ".safetensors":
        raise UserError(f"The file to write must end in .safetensors, and {target.name} does not.")
    state = read_pickle(source)
    check_plain(state, source.name)
    check_numbers(state, source.name)
    require_space(target.parent, sum(t.numel() * t.element_size() for t in state.values()))
    # Two names may share one tensor's memory, and safetensors stores each apart.
    tensors = {name: tensor.clone().contiguous() for name, tensor in state.items()}
    write_atomic(target, save(tensors))
    return len(tensors)


def check_fit(
    expected: Mapping[str, Any], given: Mapping[str, Any], optional: set[str], title: str
) -> None:
    """Compare tensor names and shapes before anything is loaded.

    Args:
        expected: the network's own tensors by name.
        given: the file's tensors by name.
        optional: names that may be absent or of another shape: the old head's.
        title: of the backbone, for the message.

    Raises:
        UserError: the file is of another network; the message names the first differences.
    """

    def few(found: list[str]) -> str:
        # The names in a stranger's file are text of any length.
        return ", ".join(ascii(name)[1:-1][:60] for name in found[:3])

    names = [name for name in expected if name not in optional and "num_batches" not in name]
    missing = [name for name in names if name not in given]
    extra = [name for name in given if name not in expected and "num_batches" not in name]
    shapes = [
        f"{name} is {tuple(given[name].shape)} and should be {tuple(expected[name].shape)}"
        for name in names
        if name in given and given[name].shape != expected[name].shape
    ]
    if not (missing or shapes):
        return
    parts = [f"missing: {few(missing)}"] if missing else []
    parts += [f"not expected: {few(extra)}"] if extra else []
    parts += ["; ".join(shapes[:3])] if shapes else []
    raise UserError(
        f"These weights are not {title}'s, their first differences are: {'; '.join(parts)}; "
        "choose the backbone that they belong to, or another file."
    )
