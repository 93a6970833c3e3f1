"""Events travel as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.training.events import KINDS, Event, from_dict, to_dict

VALUES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(0, 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),  # JSON has no word for those
    str: st.text(),
    bool: st.booleans(),
}


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(list(KINDS.values())))
    fields = {}
    for name, hint in get_type_hints(kind).items():
        allowed = [VALUES.get(part, st.none()) for part in get_args(hint) or (hint,)]
        fields[name] = draw(st.one_of(allowed))
    return kind(**fields)


@settings(deadline=None)
@given(events())
def test_an_event_survives_the_way_through_json(event: Event) -> None:
    text = json.dumps(to_dict(event), allow_nan=False)
    assert from_dict(type(event).__name__, json.loads(text)) == event


def test_every_kind_has_its_own_name() -> None:
    assert {kind.__name__ for kind in KINDS.values()} == set(KINDS)
    with pytest.raises(AttributeError):
        KINDS["Notice"]("said").text = "unsaid"


def test_events_need_no_torch() -> None:
    code = "import sys; import tl_core.training.events; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
