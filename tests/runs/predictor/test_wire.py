"""Messages between processes: what comes back is what was sent, and nothing hostile is obeyed."""

from __future__ import annotations

import io
import json
import pickle
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tl_core.runs.predictor import wire
from tl_core.runs.predictor.wire import KINDS, BrokenMessageError, receive, send

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
array = st.sampled_from(KINDS).flatmap(
    lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, min_side=0, max_side=4))
)


@given(st.lists(st.dictionaries(st.text(), plain | array, max_size=4), max_size=3))
def test_messages_arrive_as_they_were_sent(messages: list[dict]) -> None:
    stream = io.BytesIO()
    for message in messages:
        send(stream, message)
    stream.seek(0)
    for message in messages:
        arrived = receive(stream)
        assert arrived is not None
        assert arrived.keys() == message.keys()
        for name, value in message.items():
            if isinstance(value, np.ndarray):
                assert arrived[name].dtype == value.dtype
                np.testing.assert_array_equal(arrived[name], value)
            else:
                assert arrived[name] == value
    assert receive(stream) is None


def line(described: object, plain: object = None) -> bytes:
    return json.dumps([plain or {}, described]).encode() + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"no json\n",
        b"{}\n",
        b"[1, 2]\n",
        b"[" * 100_000 + b"\n",
        pickle.dumps({"a": 1}) + b"\n",
        line([["a", "object", [1]]]) + b"12345678",
        line([["a", "float32", [-1, 4]]]),
        line([["a", "float32", [2.5]]]),
        line([["a", "float32", [True]]]),
        line([["a", "float32", "12"]]),
        line([["a", "uint8", [3]]]) + b"ab",
        line([["a", "uint8", [1 << 40]]]),
        line([["a", "uint8", [200 << 20]], ["b", "uint8", [200 << 20]]]),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenMessageError):
        receive(io.BytesIO(data))


def test_a_line_without_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_LINE", 100)
    stream = io.BytesIO(b"[" + b" " * 10_000)
    with pytest.raises(BrokenMessageError):
        receive(stream)
    assert stream.tell() == 100


@given(st.binary(max_size=60), st.integers(0, 80))
def test_any_bytes_are_a_message_or_refused(noise: bytes, place: int) -> None:
    stream = io.BytesIO()
    send(stream, {"n": 1, "a": np.arange(6, dtype=np.float32)})
    data = stream.getvalue()
    with_noise = io.BytesIO(data[:place] + noise + data[place + len(noise) :])
    with suppress(BrokenMessageError):
        receive(with_noise)
