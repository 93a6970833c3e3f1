"""The command that pre-trains: files in, one weights file out, errors in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tl_core import pretrain
from tl_core.backbones.catalog import family_of
from tl_core.backbones.load import load_backbone

SMALL = ["--epochs", "1", "--batch-size", "8", "--size", "32", "--side", "32", "--device", "cpu"]


@pytest.fixture(scope="module", autouse=True)
def _small_sums(one_thread: None) -> None:
    """Every test of this file computes on one thread."""


@pytest.fixture
def photos(photo_folder: Callable[..., Path]) -> Path:
    return photo_folder({"red": 8, "blue": 8}, size=32)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    status = pretrain.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert out == ""
    return status, err


def test_one_command_makes_weights(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made.safetensors"
    teacher = tmp_path / "teacher.safetensors"
    save_file(family_of("squeezenet1_1").build("squeezenet1_1").state_dict(), teacher)
    given = [photos, "--out", out, *SMALL, "--teacher", f"squeezenet1_1={teacher}"]
    status, err = run(capsys, *given)
    assert status == 0, err
    assert "epoch 1 of 1   32 px   loss" in err
    assert err.splitlines()[-1] == f"Written: {out}"
    chain = load_backbone("mini", 5, weights=out).eval()
    with torch.no_grad():
        assert chain(torch.randn(2, 3, 64, 64)).isfinite().all()
    figures = json.loads(out.with_suffix(".json").read_bytes())
    assert figures["settings"]["epochs"] == 1
    assert figures["epochs"][0]["validation_accuracy"] is None
    first = load_file(out)
    status, err = run(capsys, *given)
    assert status == 0
    assert "2 steps, 2 done" in err, "it goes on from its end"
    assert all(torch.equal(first[name], tensor) for name, tensor in load_file(out).items())


def test_a_second_run_begins_where_the_first_ended(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    work = ["--work", tmp_path / "work"]
    assert run(capsys, photos, "--out", first, *SMALL, *work)[0] == 0
    slow = ["--lr", "1e-12"]
    status, err = run(capsys, photos, "--out", second, "--start", first, *SMALL, *work, *slow)
    assert status == 0, err
    assert "Reading" not in err, "the decoded pictures are shared"
    begun, ended = load_file(first), load_file(second)
    assert torch.equal(ended["layer4.1.0.weight"], begun["layer4.1.0.weight"])
    status, err = run(capsys, photos, "--out", second, *SMALL, *work, *slow)
    assert status == 2
    assert "other settings or other pictures" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere", "--out", "a.safetensors"], "There is no folder or .zip called nowhere"),
        (["{photos}", "--out", "a.pth"], "must end in .safetensors, and a.pth does not"),
        (["{photos}", "--out", "a.safetensors", "--backbone", "minni"], "nearest are mini"),
        (["{photos}", "--out", "a.safetensors", "--epochs", "0"], "--epochs must be between 1"),
        (["{photos}", "--out", "a.safetensors", "--lr", "7"], "--lr must be above 0"),
        (["{photos}", "--out", "a.safetensors", "--teacher", "resnet"], "nearest are"),
        (["{photos}", "--out", "a.safetensors", "--teacher", "resnet18=b"], "no weights file b"),
        (["{photos}", "--out", "a.safetensors", "--start", "b"], "no weights file b"),
        (["{photos}", "--out", "a.safetensors", "--epochs", "x"], "invalid int value"),
        (["{photos}"], "required: --out"),
    ],
)
def test_what_a_person_can_mend_is_one_sentence(
    arguments: list[str],
    sentence: str,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, err = run(capsys, *(argument.format(photos=photos) for argument in arguments))
    assert status == 2
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_stopping_says_how_it_goes_on(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrain.Run, "_learn", interrupt)
    status, err = run(capsys, photos, "--out", tmp_path / "made.safetensors", *SMALL)
    assert status == 130
    assert "the same command goes on from the last checkpoint" in err
    assert not (tmp_path / "made.safetensors").exists()
