"""A run's settings: bounded when made, the same after JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.config import AUGMENTS, BODY_PATHS, DEVICES, RECIPES, RunConfig
from tl_core.errors import UserError, unknown


@settings(deadline=None)
@given(
    st.builds(
        RunConfig,
        dataset=st.text(),
        backbone=st.text(),
        recipe=st.none() | st.sampled_from(RECIPES),
        freeze=st.none() | st.text(),
        epochs=st.none() | st.integers(1, 10_000),
        batch_size=st.none() | st.integers(1, 4096),
        lr=st.none() | st.floats(1e-9, 10),
        seed=st.integers(0, 2**31 - 1),
        augment=st.none() | st.sampled_from(AUGMENTS),
        weights=st.none() | st.text(),
        device=st.sampled_from(DEVICES),
        cache=st.booleans(),
        body=st.none() | st.sampled_from(BODY_PATHS),
    )
)
def test_settings_survive_the_way_through_json(config: RunConfig) -> None:
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_what_a_newer_version_wrote_is_ignored() -> None:
    values = RunConfig("d", "b", epochs=3).to_dict() | {"gpus": 8}
    assert RunConfig.from_dict(values) == RunConfig("d", "b", epochs=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipe": "Scratch"}, {"recipe": ""}, {"augment": "heavy"}, {"device": "tpu"},
        {"body": "faster"},
        {"epochs": 0}, {"epochs": -3}, {"epochs": 10_001}, {"batch_size": 0},
        {"batch_size": 5000}, {"lr": 0}, {"lr": -0.1}, {"lr": 11}, {"lr": math.nan},
        {"lr": math.inf}, {"seed": -1}, {"seed": 2**31},
    ],
    ids=str,
)  # fmt: skip
def test_settings_out_of_bounds_are_a_sentence(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        RunConfig("d", "b", **wrong)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert str(*wrong.values()) in message
    with pytest.raises(UserError):
        RunConfig("d", "b").with_(**wrong)


def test_a_name_that_does_not_exist_brings_those_that_do() -> None:
    assert "the nearest are gradual" in str(unknown("recipe", "gradually", RECIPES))
    assert "choose one of none, light, strong" in str(unknown("augmentation", "xyz", AUGMENTS))
