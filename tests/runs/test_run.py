"""Wishes: what changes in a run when somebody asks for it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tl_core.config import RunConfig
from tl_core.errors import UserError
from tl_core.runs.run import ENDED, STATES, Run, State, extending, pausing, resuming, stopping

CONFIG = RunConfig("dataset", "small")
RUN = Run("one", "me", 1.0, "queued", CONFIG)


def in_state(state: State, **fields: object) -> Run:
    return replace(RUN, state=state, **fields)  # type: ignore[arg-type]


def test_a_run_travels_as_json() -> None:
    run = in_state("paused", again=3.0, facts={"a": [1]}, config=CONFIG.with_(more=(5, 2)))
    values = json.loads(json.dumps(run.to_dict()))
    assert Run.from_dict(values | {"of a later version": 1}) == run
    with pytest.raises(ValueError, match="no state"):
        Run.from_dict(values | {"state": "asleep"})


@pytest.mark.parametrize("state", STATES)
def test_pausing(state: State) -> None:
    run = in_state(state)
    if state in ENDED:
        with pytest.raises(UserError, match=f"is {state}, so there is nothing to pause"):
            pausing(run)
    elif state == "running":
        assert pausing(run) == {"wish": "pause"}
        assert pausing(replace(run, wish="stop")) == {}
    else:
        assert pausing(run)["state"] == "paused"
        assert pausing(replace(run, again=1.0))["again"] is None, "it no longer goes on by itself"


@pytest.mark.parametrize("state", STATES)
def test_resuming(state: State) -> None:
    changes = resuming(in_state(state, deaths=1, facts={"fault": True, "cut": 1}))
    if state in ("paused", "stopped", "failed"):
        assert (changes["state"], changes["deaths"], changes["facts"]) == ("queued", 0, {"cut": 1})
    else:
        assert changes == {}
    assert resuming(in_state("running", wish="pause")) == {"wish": ""}
    assert resuming(in_state("running", wish="stop")) == {}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("has_epoch", [True, False])
def test_stopping(state: State, has_epoch: bool) -> None:
    changes = stopping(in_state(state, started=2.0), has_epoch, now=9.0)
    if state in ENDED:
        assert changes == {}
    elif state == "running":
        assert changes == {"wish": "stop"}
    elif has_epoch:
        assert (changes["state"], changes["wish"]) == ("queued", "stop")
    else:
        assert (changes["state"], changes["ended"]) == ("stopped", 9.0)
        assert "there is no model" in changes["message"]


@pytest.mark.parametrize("state", STATES)
def test_extending(state: State) -> None:
    run = in_state(state, config=CONFIG.with_(more=(5,)), ended=3.0)
    if state == "finished":
        changes = extending(run, 2)
        assert changes["config"].more == (5, 2)
        assert (changes["state"], changes["ended"]) == ("queued", None)
        with pytest.raises(UserError, match="must be between 1 and 10000, and 0 is not"):
            extending(run, 0)
    else:
        with pytest.raises(UserError, match="only a finished run trains more"):
            extending(run, 2)
