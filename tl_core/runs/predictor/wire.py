"""Messages between a page server and its predictor: a line of JSON, then the arrays as they lie.

Nothing is unpickled at either end: the predictor reads what strangers send, so that not even what
it answers is trusted. Kinds and sizes of arrays are checked before anything is allocated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

KINDS = ("uint8", "int64", "float32")
MOST_LINE, MOST_BYTES = 64 << 20, 256 << 20

Message = dict[str, Any]
"""Names to JSON values and, at the top level alone, to numpy arrays."""


class BrokenMessageError(Exception):
    """What came is not a message."""


def send(stream: BinaryIO, message: Mapping[str, Any]) -> None:
    """Write a message.

    Args:
        stream: to write to.
        message: JSON values, and arrays of a kind in `KINDS`.
    """
    arrays = {name: value for name, value in message.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in message.items() if name not in arrays}
    described = [[name, array.dtype.name, array.shape] for name, array in arrays.items()]
    stream.write(json.dumps([plain, described]).encode() + b"\n")
    for array in arrays.values():
        stream.write(np.ascontiguousarray(array).tobytes())
    stream.flush()


def receive(stream: BinaryIO) -> Message | None:
    """Read a message; `None` at the end of the stream.

    Raises:
        BrokenMessageError: what comes is no message, or larger than one may be.
    """
    line = stream.readline(MOST_LINE)
    if not line:
        return None
    try:
        plain, described = json.loads(line)
        message = dict(plain)
        shapes = [(str(name), _kind(kind), _shape(shape)) for name, kind, shape in described]
    except (ValueError, TypeError, RecursionError) as error:
        raise BrokenMessageError(str(error)) from error
    if sum(math.prod(shape) * kind.itemsize for _, kind, shape in shapes) > MOST_BYTES:
        raise BrokenMessageError("its arrays are larger than they may be")
    for name, kind, shape in shapes:
        message[name] = _array(stream, kind, shape)
    return message


def _kind(name: object) -> np.dtype[Any]:
    if name not in KINDS:
        raise ValueError(f"arrays of {name!r} are not sent")
    return np.dtype(str(name))


def _shape(sides: object) -> tuple[int, ...]:
    if not isinstance(sides, list) or not all(type(side) is int and side >= 0 for side in sides):
        raise ValueError("not a shape")
    return tuple(sides)


def _array(stream: BinaryIO, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    array = np.empty(shape, kind)
    wanted = array.nbytes
    data = stream.read(wanted) if wanted else b""
    if len(data) < wanted:
        raise BrokenMessageError("it ends in the middle of an array")
    array.reshape(-1).view(np.uint8)[:] = np.frombuffer(data, np.uint8)
    return array
