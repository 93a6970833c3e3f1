"""The same picture gives the same answer on the page, in the terminal and in every export."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.bundles.conftest import RunAlone, family_names, pictures
from tl_core.bundles.bundle import read_bundle
from tl_core.bundles.onnx_file import export_onnx
from tl_core.bundles.predict import Model
from tl_core.bundles.script import predicting_script
from tl_core.cli import main
from tl_core.data.augment import to_input
from tl_core.errors import UnreadableImageError
from tl_core.runs.predictor.predicting import Predictor

CLOSE = 1e-4  # of a share
Shares = dict[str, np.ndarray]  # by path, in the order of the classes
WITHOUT_PILLOW_ALONE = (".heic",)

needs_onnx = pytest.mark.skipif(find_spec("onnxruntime") is None, reason="no onnxruntime")


def by_path(answer: dict[str, Any]) -> Shares:
    """Return the shares of what `predict --json` and the script answer."""
    return {
        row["path"]: np.array(list(row["probabilities"].values())) for row in answer["predictions"]
    }


def on_the_page(bundle: Path, files: Sequence[Path], log: Path) -> Shares:
    predictor = Predictor(log)
    try:
        classes = read_bundle(bundle)[0].classes
        answers = predictor.predict(bundle, files)
    finally:
        predictor.close()
    return {
        str(file): np.array([answer.probabilities[name] for name in classes])
        for file, answer in zip(files, answers, strict=True)
        if not answer.reason
    }


def in_onnxruntime(bundle: Path, files: Sequence[Path], target: Path) -> Shares:
    import onnxruntime

    model = Model(bundle)
    p = model.manifest.preprocessing
    export_onnx(model, target, pictures(2, p.size))
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    shares = {}
    for file in files:
        try:
            pixels = torch.from_numpy(np.array(model.prepare(file)))[None]
        except UnreadableImageError:
            continue
        inputs = to_input(pixels, p.mean, p.std).contiguous().numpy()
        shares[str(file)] = session.run(None, {"input": inputs})[0][0]
    return shares


def assert_same(answers: dict[str, Shares], least: int) -> None:
    """Hold every way to answer to the first one, on every picture that it could open."""
    (first, expected), *others = answers.items()
    assert len(expected) >= least
    spread = np.ptp(np.stack(list(expected.values())), axis=0).max()
    assert spread > 0.01, f"the pictures are all the same to it: {spread}"
    for name, given in others:
        assert given.keys() == expected.keys(), f"{name} and {first} opened the same pictures"
        worst = max(float(np.abs(given[file] - expected[file]).max()) for file in expected)
        print(f"{name}: at most {worst:.1e} away from {first}, of {spread:.2f}")  # noqa: T201
        assert worst <= CLOSE, f"{name} is {worst} away from {first}"


# --- quickly, on made-up pictures -----------------------------------------------------------------


@pytest.fixture
def awkward(tmp_path: Path) -> list[Path]:
    """Pictures as cameras, scanners and the web write them, and a file that is none."""
    wide, grey, see_through, palette, print_, scanned, tiny = map(
        Image.fromarray, pictures(7, 90, seed=5)
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    see_through.putalpha(grey.convert("L"))
    folder = tmp_path / "awkward"
    folder.mkdir()
    wide.resize((150, 60)).save(folder / "on its side.jpg", exif=exif)
    deep = np.asarray(grey.convert("L"), np.uint16) * 257
    Image.fromarray(deep).save(folder / "sixteen bits.png")
    see_through.save(folder / "see through.png")
    palette.convert("P").save(folder / "palette.gif")
    print_.convert("CMYK").save(folder / "for print.jpg")
    scanned.convert("L").save(folder / "grey.tif")
    tiny.resize((5, 7)).save(folder / "tiny.bmp")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return sorted(folder.iterdir())


@needs_onnx
def test_of_a_small_network(
    bundle_of: Callable[..., Path], awkward: list[Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    bundle = bundle_of("small", [file for file in awkward if _opens(file)])
    names = [str(file) for file in awkward]
    assert main(["predict", "--model", str(bundle), *names, "--json"]) == 0
    terminal = by_path(json.loads(capsys.readouterr().out))
    script = tmp_path / "predict.py"
    script.write_text(predicting_script(read_bundle(bundle)[0]))
    monkeypatch.setattr(sys, "argv", [str(script), str(bundle), *names, "--json"])
    runpy.run_path(str(script), run_name="__main__")
    answers = {
        "the terminal": terminal,
        "the script": by_path(json.loads(capsys.readouterr().out)),
        "the page": on_the_page(bundle, awkward, tmp_path / "log"),
        "onnxruntime": in_onnxruntime(bundle, awkward, tmp_path / "model.onnx"),
    }
    assert_same(answers, least=7)


# --- one backbone of every family, on real photos ---------------------------------------------


@pytest.fixture
def real(shared_data: Path) -> list[Path]:
    """32 real photos and awkward files, with some that nobody opens among them."""
    files = [
        file
        for file in sorted((shared_data / "awkward").iterdir())
        if file.suffix not in (".zip", *WITHOUT_PILLOW_ALONE)
    ]
    files += sorted((shared_data / "imagenet_samples").glob("*"))
    opened = [file for file in files if _opens(file)]
    return [*opened[:32], *(file for file in files if file not in opened)]


def _opens(file: Path) -> bool:
    from tl_core.data.decode import open_image

    try:
        open_image(file)
    except UnreadableImageError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.shared
@needs_onnx
@pytest.mark.parametrize("name", family_names())
def test_of_every_family(
    name: str, bundle_of: Callable[..., Path], real: list[Path], tmp_path: Path,
    run_alone: RunAlone,
) -> None:  # fmt: skip
    bundle, names = bundle_of(name, real[:32]), [str(file) for file in real]
    terminal = _output("-m", "tl_core", "predict", "--model", bundle, *names, "--json")
    fresh = _output("-c", _FRESH, bundle, *names)
    script = tmp_path / "predict.py"
    script.write_text(predicting_script(read_bundle(bundle)[0]))
    answers = {
        "the terminal": by_path(json.loads(terminal)),
        "the page": on_the_page(bundle, real, tmp_path / "log"),
        "a fresh process": by_path(json.loads(fresh)),
        "onnxruntime": in_onnxruntime(bundle, real, tmp_path / "model.onnx"),
        "the script": by_path(json.loads(run_alone(script, bundle, *names, "--json"))),
    }
    assert_same(answers, least=32)


_FRESH = """
import json, sys
import tl_core
model, *files = sys.argv[1:]
made = zip(files, tl_core.load_model(model).predict(files), strict=True)
rows = [{"path": f, "probabilities": p.probabilities} for f, p in made if hasattr(p, "best")]
print(json.dumps({"predictions": rows}))
"""


def _output(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
