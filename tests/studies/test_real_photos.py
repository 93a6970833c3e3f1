"""Studies of real photos, by a real worker: minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tl_core.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.shared]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(shared_data: Path, workspace: Workspace) -> Callable[..., dict[str, Any]]:
    weights = [
        option
        for name in ("squeezenet1_1", "mobilenet_v2")
        for option in ("--weights", f"{name}={shared_data / 'weights' / name}-imagenet.safetensors")
    ]

    def run(name: str, data: str, *options: str) -> dict[str, Any]:
        source = str(shared_data / data) if (shared_data / data).is_dir() else data
        done = subprocess.run(
            [sys.executable, "-m", "tl_core", "study", name, "--data", source, "--json", *weights,
             *options],
            cwd=ROOT, capture_output=True, check=True, text=True,
            env=os.environ | {"HEADSTART_HOME": str(workspace.root), "HEADSTART_WORKER_IDLE": "5"},
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return run


def test_a_network_from_imagenet_is_clearly_best_on_ants_and_bees(
    study: Callable[..., dict[str, Any]],
) -> None:
    answer = study("which-backbone", "hymenoptera")
    rows = [row for row in answer["rows"] if row["accuracy"] is not None]
    assert [row["backbone"] for row in rows] == ["mobilenet_v2", "squeezenet1_1", "mini"]
    assert rows[0]["accuracy"] > 0.94
    assert [row["clear"] for row in rows[1:]] == [True, True]
    assert all(row["missing"] for row in answer["rows"] if row["accuracy"] is None)


def test_the_curve_rises_and_mobilenet_stays_frozen(
    study: Callable[..., dict[str, Any]],
) -> None:
    answer = study("where-to-cut", "hymenoptera", "--backbone", "mobilenet_v2")
    curve = [row["accuracy"] for row in answer["rows"][1:]]
    assert curve[-1] == max(curve) > 0.94
    assert curve[0] < 0.7
    assert answer["suggestion"]["freeze"] == "all"
    mini = study("where-to-cut", "hymenoptera")
    assert mini["suggestion"] == {"backbone": "mini", "freeze": "none", "recipe": "fine-tune"}


def test_the_decade_replayed(study: Callable[..., dict[str, Any]]) -> None:
    pytest.importorskip("skimage")
    rows = {row["title"]: row for row in study("decade", "hymenoptera")["rows"]}
    by_hand, mobile = rows["Made by hand"], rows["MobileNetV2"]
    assert 0.5 < by_hand["accuracy"] < 0.8 < 0.94 < mobile["accuracy"]
    assert rows["VGG-16"]["accuracy"] is None
    assert "not on this machine" in rows["VGG-16"]["missing"]


def test_the_race_is_won(study: Callable[..., dict[str, Any]]) -> None:
    answer = study("race", "sample:phones", "--seeds", "1")
    assert answer["headline"].startswith("The head start got to")
    assert [row["way"] for row in answer["rows"]] == ["transfer", "scratch"]
    assert answer["rows"][0]["seconds"][0] < answer["rows"][1]["seconds"][-1]
