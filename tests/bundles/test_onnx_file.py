"""Models as ONNX files: the same answers in onnxruntime, for any number of pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.bundles.conftest import family_names, pictures
from tl_core.bundles import onnx_file
from tl_core.bundles.onnx_file import TOLERANCE, export_onnx
from tl_core.bundles.predict import Model
from tl_core.data.augment import to_input
from tl_core.errors import HeadstartError, UserError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

BY_TORCH = ("vit_b_32", "swin_t", "swin_v2_t", "convnext_tiny", "maxvit_t")
"""Of these families some layers have no counterpart in our own writer."""
QUICK = ("mini", "squeezenet1_1")


def session(path: Path) -> Any:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in family_names()],
)
def test_every_family_answers_the_same(
    name: str, bundle_of: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name in BY_TORCH and find_spec("onnxscript") is None:
        pytest.skip("onnxscript is not installed")
    model = Model(bundle_of(name))
    size = model.manifest.preprocessing.size
    path = tmp_path / "model.onnx"
    assert export_onnx(model, path, pictures(3, size)) <= TOLERANCE
    assert capsys.readouterr().out == "", "standard output is kept for the answer"
    onnx.checker.check_model(str(path), full_check=True)
    (output,) = session(path).get_outputs()
    assert output.shape == ["N", len(model.classes)]
    others = pictures(5, size, seed=3)
    p = model.manifest.preprocessing
    inputs = to_input(torch.from_numpy(others), p.mean, p.std).contiguous().numpy()
    (given,) = session(path).run(["probabilities"], {"input": inputs})
    expected = model.probabilities(others)
    assert np.abs(given - expected).max() <= TOLERANCE
    assert np.ptp(expected, axis=0).max() > 0.01, "the answers differ, so the test means something"


def test_what_predicting_needs_beside_it_stands_in_it(bundle: Path, tmp_path: Path) -> None:
    model = Model(bundle)
    export_onnx(model, tmp_path / "model.onnx", pictures(2, 64))
    file = session(tmp_path / "model.onnx")
    told = file.get_modelmeta().custom_metadata_map
    assert json.loads(told["classes"]) == list(model.classes)
    assert json.loads(told["preprocessing"])["resize"] == 64
    assert "shorter side to 64 pixels" in told["input"]
    assert float(told["threshold"]) == model.manifest.threshold
    assert told["licence"] == "For teaching only."
    assert [i.shape for i in file.get_inputs()] == [["N", 3, 64, 64]]
    (given,) = file.run(None, {"input": np.zeros((1, 3, 64, 64), np.float32)})
    assert given.sum() == pytest.approx(1, abs=1e-6)


def test_a_file_that_answers_otherwise_is_not_kept(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file.Graph, "constant", _wrong(onnx_file.Graph.constant))
    with pytest.raises(HeadstartError, match="other answers than the model"):
        export_onnx(Model(bundle), tmp_path / "model.onnx", pictures(2, 64))
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_valid_is_not_kept(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = onnx_file._describe

    def without_shape(made: Any, manifest: Any) -> None:
        described(made, manifest)
        made.graph.output[0].type.tensor_type.ClearField("shape")

    monkeypatch.setattr(onnx_file, "_describe", without_shape)
    with pytest.raises(HeadstartError, match="is not valid"):
        export_onnx(Model(bundle), tmp_path / "model.onnx", pictures(2, 64))
    assert not list(tmp_path.iterdir())


def _wrong(constant: Callable[..., str]) -> Callable[..., str]:
    return lambda graph, value: constant(graph, 1.01 * value)


@pytest.mark.parametrize(
    ("missing", "words"),
    [("onnx", "onnx and onnxruntime"), ("onnxruntime", "onnx and onnxruntime"),
     ("onnxscript", "needs the package onnxscript")],
)  # fmt: skip
def test_what_is_not_installed_is_named(
    missing: str, words: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(bundle)
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name == missing else True)
    monkeypatch.setattr(onnx_file, "_written_by_us", lambda _: None)  # as for a transformer
    with pytest.raises(UserError, match=words) as caught:
        export_onnx(model, tmp_path / "model.onnx", pictures(1, 64))
    assert "pip install -r requirements-export.txt" in str(caught.value)
