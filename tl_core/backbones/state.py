"""Tensors by name, as people have them in files: wrapped, nested, beside an optimizer's state.

Wrappers put a word before every name: DataParallel `module.`, `torch.compile` `_orig_mod.`, most
Lightning modules `model.`. It goes where what is left fits; what cannot be told is refused, and
nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from tl_core.errors import UserError

PARALLEL = ("module.", "_orig_mod.")
WRAPPERS = (*PARALLEL, "model.", "net.", "network.", "backbone.")
_PARTS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
_DEEPEST = 3
_SMALL = 1 << 20  # bytes; so much may be made of less
LARGEST = 8 << 30  # bytes that one file's tensors may take
COMPUTED_WITH = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def shown(name: object) -> str:
    """Return a name of a stranger's file, text of any length, as a message shows it."""
    return ascii(str(name))[1:-1][:60]


def find_state(content: Any, depth: int = 0) -> Mapping[Any, Tensor] | None:
    """Return the tensors by name that a checkpoint holds, or `None` where it holds none.

    What is called as state dicts are called wins; else it has to be the only one.
    """
    if not isinstance(content, Mapping) or not content or depth > _DEEPEST:
        return None
    if all(torch.is_tensor(value) for value in content.values()):
        return content
    for part in _PARTS:
        if (found := find_state(content.get(part), depth + 1)) is not None:
            return found
    others = [found for v in content.values() if (found := find_state(v, depth + 1)) is not None]
    return others[0] if len(others) == 1 else None


def by_name(state: Mapping[Any, Tensor], file: str) -> dict[str, Tensor]:
    """Return tensors by their names without the wrappers that all of them have.

    Raises:
        UserError: two of the names would be the same one.
    """
    check_apart({key: _unwrapped(str(key), PARALLEL) for key in state}, file)
    named = {str(key): tensor for key, tensor in state.items()}
    while wrapper := next((w for w in WRAPPERS if all(n.startswith(w) for n in named)), ""):
        named = {name.removeprefix(wrapper): tensor for name, tensor in named.items()}
    return named


def _unwrapped(name: str, wrappers: tuple[str, ...]) -> str:
    while wrapper := next((w for w in wrappers if name.startswith(w)), ""):
        name = name.removeprefix(wrapper)
    return name


def fitting(
    state: Mapping[str, Tensor], needed: Iterable[str], rename: Callable[[str], str]
) -> dict[str, Tensor]:
    """Return tensors by the network's own names: a prefix goes where the rest is what is needed.

    Where no prefix helps, they are returned as they are, and `check_fit` says what differs.

    Args:
        state: the file's tensors by name.
        needed: names that the network cannot do without.
        rename: from names of older files to those of today.

    Raises:
        UserError: two networks in the file fit, or two names are the same one.
    """
    needed = list(needed)
    last = needed[-1] if needed else ""
    prefixes = {k.removesuffix(last) for k in state if k == last or k.endswith(f".{last}")}
    fits = [p for p in sorted(prefixes | {""}) if _fits(p, state, needed, rename)]
    rivals = [p for p in fits if "" not in fits or not p or not _unwrapped(p, PARALLEL)]
    if len(rivals) > 1:
        named = " and ".join(shown(f"{p}{last}") for p in rivals[:3])
        raise UserError(
            f"This file holds {len(rivals)} networks that fit ({named} are both there), and "
            "nothing says which one is meant; save the state dict of one of them alone."
        )
    prefix = fits[0] if fits else ""
    found = {k: rename(k.removeprefix(prefix)) for k in state if k.startswith(prefix)}
    check_apart(found, "This file")
    return {found[key]: state[key] for key in found}


def _fits(
    prefix: str, state: Mapping[str, Tensor], needed: list[str], rename: Callable[[str], str]
) -> bool:
    part = {rename(k.removeprefix(prefix)) for k in state if k.startswith(prefix)}
    return part.issuperset(needed)


def check_apart(names: Mapping[Any, str], file: str) -> None:
    """Refuse tensors whose names would be the same one; one of them would be lost.

    Raises:
        UserError: two are.
    """
    first: dict[str, Any] = {}
    for key, name in names.items():
        if name in first:
            raise UserError(
                f"{file} holds two tensors that would both be called {shown(name)} "
                f"({ascii(first[name])[:60]} and {ascii(key)[:60]}), and nothing says which one is "
                "meant; save the state dict of one network alone."
            )
        first[name] = key


def check_plain(state: Mapping[str, Tensor], file: str) -> None:
    """Refuse tensors that cannot be written as they are, before memory is taken for any.

    Raises:
        UserError: one is sparse, quantised, nested, without values, or larger than it is kept.
    """
    for name, tensor in state.items():
        if what := _odd(tensor):
            raise UserError(
                f"The tensor {shown(name)} in {file} is {what}, and a network's weights are plain "
                "numbers; save `model.state_dict()` of the ordinary model and convert that."
            )
    total = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    if total > LARGEST:
        raise UserError(
            f"The tensors in {file} would take {total:,} bytes, and at most {LARGEST:,} are "
            "converted; save `model.state_dict()` of one network alone and convert that."
        )


def _odd(tensor: Tensor) -> str:
    if tensor.is_nested:
        return "nested (of uneven rows)"
    if tensor.is_quantized:
        return "quantised"
    if tensor.layout != torch.strided:
        return "sparse"
    if tensor.device.type == "meta":
        return "without values (on the meta device)"
    if tensor.numel() * tensor.element_size() > max(tensor.untyped_storage().nbytes(), _SMALL):
        return "one small piece of memory repeated many times"
    return ""


def check_numbers(state: Mapping[str, Tensor], file: str) -> None:
    """Refuse weights that are no numbers: whatever is computed with them is none either.

    Raises:
        UserError: a tensor holds NaN or infinity; the message names it.
    """
    for name, tensor in state.items():
        if not (tensor.is_floating_point() or tensor.is_complex()) or not tensor.numel():
            continue
        if not _is_finite(tensor):
            raise UserError(
                f"The tensor {shown(name)} in {file} holds values that are no numbers (NaN or "
                "infinity), as a training that went wrong leaves them; use weights saved earlier, "
                "or fetch the file again."
            )


def _is_finite(tensor: Tensor) -> bool:
    if tensor.dtype not in COMPUTED_WITH:  # complex, or of 8 bits: rare, and no matter of speed
        tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor.float()
    low, high = tensor.aminmax()  # both are NaN where one value is; and no copy is made
    return bool(torch.isfinite(low) & torch.isfinite(high))


def check_floats(expected: Mapping[str, Tensor], given: Mapping[str, Tensor], title: str) -> None:
    """Refuse tensors of a kind that no weights are of; other precisions are converted.

    Raises:
        UserError: whole numbers, truth values, complex or 8-bit numbers stand for weights.
    """
    for name, tensor in given.items():
        if expected[name].is_floating_point() and tensor.dtype not in COMPUTED_WITH:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise UserError(
                f"The tensor {shown(name)} of these weights is {kind}, and {title} computes with "
                "floating-point numbers (float32, float16, bfloat16 or float64); save the model "
                "before it is quantised or converted."
            )
