"""The benchmarks that compare us with the ordinary way still run, on a handful of pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from tl_core.training.device import choose_device

ROOT = Path(__file__).resolve().parents[1]
NETWORK = "mobilenet_v3_small"

pytestmark = pytest.mark.usefixtures("one_thread")


class Here:
    """An executor that works at once and in this process: starting others takes seconds."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: TracebackType | type[BaseException] | BaseException | None) -> None:
        pass

    def submit(self, work: Callable[..., Any], *values: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*values, **named))
        return done


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], ModuleType]:
    """Import a module of the benchmarks; what it writes goes elsewhere."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")

    def load(name: str) -> ModuleType:
        module = __import__(name)
        monkeypatch.setattr(sys.modules["table"], "RESULTS", tmp_path / "results")
        return module

    __import__("table")
    return load


@pytest.fixture
def data(photo_folder: Callable[..., Path], tmp_path: Path) -> str:
    for split, count in (("train", 4), ("val", 2)):
        photo_folder({"red": count, "blue": count}, into=tmp_path / "data" / split)
    return str(tmp_path / "data")


@pytest.fixture
def weights(tmp_path: Path) -> str:
    path = tmp_path / "weights.safetensors"
    save_file(get_model(NETWORK, weights=None).state_dict(), path)
    return str(path)


@pytest.fixture
def speed(
    benchmark: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, data: str, weights: str
) -> Callable[..., list[dict[str, Any]]]:
    """Run `speed.py` with short jobs and return the rows that it wrote."""
    module = benchmark("speed")
    monkeypatch.setattr(module, "ProcessPoolExecutor", Here)
    short = {key: replace(job, epochs=1) for key, job in module.JOBS.items()}
    monkeypatch.setattr(module, "JOBS", short)

    def run(*arguments: str) -> list[dict[str, Any]]:
        command = [
            "speed.py", "--data", data, "--weights", weights, "--backbone", NETWORK,
            "--batch", "4", "--workers", "0", "--repeats", "1", "--steps", "1", *arguments,
        ]  # fmt: skip
        monkeypatch.setattr(sys, "argv", command)
        module.main()
        files = list(sys.modules["table"].RESULTS.glob("*.json"))
        return json.loads(files[0].read_text()) if files else []

    return run


def test_every_row_of_the_speed_table(speed: Callable[..., list[dict[str, Any]]]) -> None:
    rows = speed()
    assert len(rows) == 7
    assert all(row["reference s"] > 0 and row["our s"] > 0 for row in rows)
    for row in rows:
        relation, goal = row["goal"].split()
        reached = row["ratio"] <= float(goal) if relation == "≤" else row["ratio"] >= float(goal)
        assert row["met"] == reached
    (one_pass,) = [row for row in rows if row["goal"].startswith("≤")]
    assert one_pass["ratio"] == pytest.approx(one_pass["our s"] / one_pass["reference s"])


def test_accuracies_are_compared_with_the_better_reference(
    speed: Callable[..., list[dict[str, Any]]],
) -> None:
    rows = speed("--accuracy", "--seeds", "0")
    assert len(rows) == 4
    for row in rows:
        assert 0 <= row["ours"] <= 1
        better = max(row["SGD"], row["Adam"])
        assert row["difference"] == pytest.approx(row["ours"] - better)


def test_a_profile_names_what_the_run_did(
    speed: Callable[..., list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    speed("--profile", "last-two")
    printed = capsys.readouterr().out
    assert "Learning" in printed
    assert "Measuring the finished model" in printed
    assert "train_run" in printed


def test_the_reference_learns_what_it_is_told(
    benchmark: Callable[[str], ModuleType], weights: str
) -> None:
    ours, reference = benchmark("ours"), benchmark("reference")
    last = ours.parameters_of_last("mobilenet_v2", 2)
    assert {name.rsplit(".", 3)[0].split(".conv")[0] for name in last} >= {"features.17"}
    assert all(name.startswith(("features.17.", "features.18.")) for name in last)
    assert ours.parameters_of_last("mobilenet_v2", 0) == []

    def learning(names: list[str] | None) -> set[str]:
        model = reference.build(NETWORK, weights, names)
        return {name for name, p in model.named_parameters() if p.requires_grad}

    head = {"classifier.3.weight", "classifier.3.bias"}
    assert learning([]) == head
    assert learning(["classifier.0."]) == head | {"classifier.0.weight", "classifier.0.bias"}
    assert len(learning(None)) == len(list(get_model(NETWORK).parameters()))


def test_the_reference_learns(benchmark: Callable[[str], ModuleType], data: str) -> None:
    outcome = benchmark("reference").train(
        data, None, network="resnet18", learning=None, augment="light", epochs=3, batch=4,
        lr=0.003, workers=0,
    )  # fmt: skip
    assert outcome.accuracy > 0.5
    assert outcome.seconds > 0


def test_steps_are_taken_in_turn(benchmark: Callable[[str], ModuleType]) -> None:
    rates = benchmark("steps").compare(
        "small", choose_device("cpu"), batch=4, steps=2, rounds=3, augment="light"
    )
    assert len(rates.ours) == len(rates.bare) == 3
    assert min(rates.ours + rates.bare) > 0
    assert rates.peak is None


def test_bare_steps_use_cudnn_as_experts_do(benchmark: Callable[[str], ModuleType]) -> None:
    class Network(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            cudnn = torch.backends.cudnn
            seen.append((cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32))
            return super().forward(x.mean((2, 3)))

    seen: list[tuple[bool, ...]] = []
    inputs, layout = torch.randn(2, 3, 4, 4), torch.channels_last
    benchmark("steps")._bare(Network(3, 2), inputs, layout, choose_device("cpu"))()
    assert seen == [(True, True, True)]


def test_the_gpu_benchmark_without_a_gpu(
    benchmark: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = benchmark("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit, match="needs a CUDA device"):
        module.main()
    rates = benchmark("steps").Rates([9.0, 9.5, 8.0], [10.0, 10.0, 10.0], 3_000_000)
    line = module.row("resnet50", "none", 64, rates)
    assert (line["ratio"], line["met"], line["peak memory MB"]) == (0.9, False, 3)


def test_predicting_is_measured_against_its_parts(
    benchmark: Callable[[str], ModuleType],
    data: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    words = ["predict.py", "--data", data, "--backbone", "small", "--count", "6", "--batch", "4"]
    monkeypatch.setattr(sys, "argv", [*words, "--repeats", "2", "--body", "folded"])
    benchmark("predict").main()
    (row,) = json.loads((tmp_path / "results" / "predict.json").read_text())
    assert (row["pictures"], row["body"]) == (6, "folded")
    assert row["our s"] > 0
    parts = row["opening s"] + row["forward s"]
    assert row["lowest"] <= row["ours / both"] <= row["highest"]
    assert row["ours / both"] == pytest.approx(row["our s"] / parts, rel=1.0)


def test_made_tables_and_layouts_are_never_read_wrong(benchmark: Any) -> None:
    module = benchmark("tables_and_layouts")
    found = [(case.kind, *module.judge(case)) for case in module.made(300, seed=5)]
    assert [one for one in found if one[1] == "wrong"] == []
    answered = [kind for kind, outcome, _ in found if outcome == "right"]
    assert len(answered) >= 0.8 * len(found)
    assert len(set(answered)) >= 20


def test_heads_are_compared_on_the_same_features(
    benchmark: Callable[[str], ModuleType],
) -> None:
    heads = benchmark("frozen_heads")
    random = np.random.default_rng(0)
    labels = np.arange(120, dtype=np.int64) % 3
    values = random.normal(0, 1, (120, 16)) + 4 * np.eye(3, 16)[labels]
    every = heads.Part(values.astype(np.float32), labels)
    parts = every, np.arange(120) % 4 == 0
    row = heads.measure(parts, "clouds", "mini", "10", [0, 1])
    for method in (heads.OURS, heads.RANDOM, heads.LOGISTIC):
        assert 0.8 < row[method] <= 1
    assert heads.measure(parts, "clouds", "mini", "24", [0]) is None, "a fifth is to validate on"
    (mean,) = heads.means([row], ["5", "10"])[:1]
    assert mean["per class"] == "10"
    assert mean[heads.OURS] == row[heads.OURS]
