"""The terminal contract: what scripts rely on, and what goes wrong in one sentence."""

from __future__ import annotations

import csv
import errno
import html
import io
import json
import os
import pickle
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tl_core import cli, patience, running, terminal
from tl_core.backbones.catalog import catalogue, family_of
from tl_core.bundles.doubts import DOUBTS
from tl_core.bundles.predict import Model
from tl_core.cli import main
from tl_core.config import RunConfig
from tl_core.errors import BusyError, NoRoomError
from tl_core.runs.engines import local
from tl_core.runs.queue import has_worker
from tl_core.runs.store import Store
from tl_core.runs.summary import overview
from tl_core.training.events import EpochEnded
from tl_core.workspace import Workspace

ROOT = Path(__file__).parents[1]
COLOURS = {"=1+1": (220, 60, 40), "@home": (40, 90, 210)}  # names that a spreadsheet would compute

Answer = tuple[int, Any, str]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run a command in this process: exit status, the JSON object or the text, standard error."""

    def run(*argv: object) -> Answer:
        capsys.readouterr()
        status = main([str(arg) for arg in argv])
        out, err = capsys.readouterr()
        if "--json" in argv and status == 0:
            assert out.count("\n") == 1, "one object and nothing else"
            return status, json.loads(out), err
        return status, out, err

    return run


def draw(folder: Path, colours: dict[str, tuple[int, int, int]], count: int) -> Path:
    for name, colour in colours.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            noise = np.random.default_rng((number, *colour)).normal(0, 20, (40, 40, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose worker serves every test of this module: a start costs seconds."""
    workspace = Workspace.open(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(workspace.root))
        patch.setenv("HEADSTART_WORKER_IDLE", "60")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield workspace
    with closing(sqlite3.connect(workspace.store)) as db:
        for (pid,) in db.execute("SELECT pid FROM workers"):
            os.kill(pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("photos") / "Colours", COLOURS, 10)


@pytest.fixture(scope="module")
def trained(home: Workspace, photos: Path) -> tuple[dict[str, Any], str, str]:
    """The one run that the module's tests look at: its answer, its text, standard error."""
    with pytest.MonkeyPatch.context() as patch:
        out, err = io.StringIO(), io.StringIO()
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        status = main(["train", "--data", str(photos), "--backbone", "small", "--epochs", "8",
                       "--device", "cpu", "--seed", "3", "--json"])  # fmt: skip
    assert status == 0, err.getvalue()
    assert has_worker(Store(home.store), "cpu"), "and it waits for the next run"
    return json.loads(out.getvalue()), out.getvalue(), err.getvalue()


# --- the answers ------------------------------------------------------------------------------


@pytest.mark.usefixtures("workspace")
def test_backbones(ask: Callable[..., Answer]) -> None:
    status, answer, _ = ask("backbones", "--json")
    assert status == 0
    assert list(answer) == ["backbones"]
    assert [entry["name"] for entry in answer["backbones"]] == list(catalogue())
    for entry in answer["backbones"]:
        assert {"name", "title", "year", "bundled", "stages", "parameters", "input_size",
                "licence"} <= entry.keys()  # fmt: skip
        assert isinstance(entry["stages"], list)
        assert entry["stages"][0]
        assert entry["parameters"] > 0
        assert entry["licence"]
    status, text, _ = ask("backbones")
    assert len(text.splitlines()) == len(catalogue())


def test_import(
    workspace: Workspace, ask: Callable[..., Answer], photo_folder: Callable[..., Path]
) -> None:
    folder = photo_folder({"red": 8, "blue": 9})
    (folder / "red" / "broken.png").write_bytes(b"\x89PNG and no more")
    (folder / "red" / "notes.txt").write_text("no picture")
    status, answer, err = ask("import", folder, "--name", "Mine", "--json")
    assert (status, err) == (0, "")
    assert answer["dataset"] == "Mine"
    assert answer["classes"] == {"blue": 9, "red": 8}
    assert answer["images"] == 17
    assert Path(answer["path"]).parent == workspace.datasets
    assert sorted(Path(s["path"]).name for s in answer["skipped"]) == ["broken.png", "notes.txt"]
    assert all(skipped["reason"] for skipped in answer["skipped"])
    found = {f["kind"]: f for f in answer["findings"]}
    assert list(found) == ["few", "unreadable"]
    assert found["unreadable"]["names"] == ["red/broken.png"]
    assert all(f["why"].endswith(".") and f["mends"] == [] for f in found.values())
    _, again, _ = ask("import", folder, "--json")
    assert again == answer, "the same pictures are the same dataset"
    _, text, _ = ask("import", folder)
    assert text == (
        "Imported 17 pictures in 2 classes as 'Mine'; left out 2.\n"
        "Classes  'blue', 'red'\n"
        "Read  classes by the folders\n"
        "Left out  not a picture: 1\n"
        "Left out  not a picture that can be read: 1\n"
        "Found  Classes with few pictures: 2\n"
        "Found  Files that cannot be read: 1\n"
    )
    (folder / "red" / "second.png").write_bytes(b"\x89PNG and no more")
    _, text, _ = ask("import", folder, "--name", "Other")
    assert text.startswith(
        "These 17 pictures in 2 classes are here already, as 'Mine', and keep that name; "
        "left out 3.\n"
    )
    assert "Found  Files that cannot be read: 2\n" in text


def test_train(trained: tuple[dict[str, Any], str, str], home: Workspace) -> None:
    answer, text, err = trained
    assert text.count("\n") == 1
    assert {"run_id", "state", "backbone", "classes", "frozen_stages", "frozen_parameters",
            "trainable_parameters", "epochs", "best_epoch", "train_accuracy",
            "validation_accuracy", "test_accuracy", "seconds", "wall_seconds",
            "images_per_second", "bundle"} <= answer.keys()  # fmt: skip
    assert answer["state"] == "finished"
    assert answer["backbone"] == "small"
    assert answer["classes"] == ["=1+1", "@home"]
    assert (answer["frozen_stages"], answer["frozen_parameters"]) == ([], 0)
    assert answer["trainable_parameters"] == catalogue()["small"].trainable_parameters(0, 2)
    assert 1 <= answer["best_epoch"] <= answer["epochs"] <= 8
    for split in ("train", "validation", "test"):
        assert 0 <= answer[f"{split}_accuracy"] <= 1
    assert 0 < answer["seconds"] <= answer["wall_seconds"]
    assert Path(answer["bundle"]) == home.runs / answer["run_id"] / "model.headstart"
    assert Path(answer["bundle"]).is_file()
    assert err.count("epoch ") >= answer["epochs"], "progress goes to standard error"
    assert "best so far" in err


@pytest.mark.usefixtures("home")
def test_train_in_words(ask: Callable[..., Answer]) -> None:
    status, text, err = ask("train", "--data", "Colours", "--backbone", "small", "--epochs", 1,
                            "--device", "cpu")  # fmt: skip
    assert status == 0
    assert "finished: " in text
    assert "Model: " in text
    assert "Traceback" not in err


@pytest.mark.usefixtures("trained")
def test_runs(home: Workspace, ask: Callable[..., Answer]) -> None:
    waiting = Store(home.store).create(
        Store(home.store).runs()[0].config.with_(device="mps", epochs=7)
    )
    status, answer, _ = ask("runs", "--json")
    Store(home.store).ask_to_stop(waiting)
    assert status == 0
    assert list(answer) == ["runs"]
    newest, *older = answer["runs"]
    assert (newest["run_id"], newest["state"], newest["epoch"]) == (waiting, "queued", 0)
    assert newest["validation_accuracy"] is None
    first = older[-1]
    assert {"run_id", "state", "epoch", "epochs", "backbone", "dataset",
            "validation_accuracy"} <= first.keys()  # fmt: skip
    assert (first["state"], first["backbone"], first["dataset"]) == ("finished", "small", "Colours")
    assert first["epoch"] <= first["epochs"] == 8
    assert 0 <= first["validation_accuracy"] <= 1
    _, text, _ = ask("runs")
    assert first["run_id"] in text


def test_no_runs_yet(workspace: Workspace, ask: Callable[..., Answer]) -> None:
    assert ask("runs", "--json")[:2] == (0, {"runs": []})
    assert ask("runs")[1] == f"Nothing was trained here yet ({workspace.root}).\n"


@pytest.mark.usefixtures("home")
def test_export(
    trained: tuple[dict[str, Any], str, str], ask: Callable[..., Answer], tmp_path: Path,
    photos: Path,
) -> None:  # fmt: skip
    run, picture = trained[0]["run_id"], next(photos.rglob("*.png"))
    copy = tmp_path / "mine.headstart"
    status, answer, err = ask("export", run, "--format", "bundle", "-o", copy, "--json")
    assert (status, err) == (0, "")
    assert answer["files"] == [str(copy)]
    told = [ask("predict", "--model", m, picture, "--json")[1]["predictions"] for m in (run, copy)]
    assert told[0] == told[1]

    onnx = tmp_path / "mine.onnx"
    status, text, _ = ask("export", run, "--format", "onnx", "-o", onnx)
    assert status == 0
    assert "same answers with it on 16 pictures" in text
    assert onnx.stat().st_size > 1e6
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.headstart", "mine.onnx"]

    assert ask("export", copy, "--format", "onnx", "-o", onnx)[0] == 0, "a bundle from elsewhere"

    _, answer, _ = ask("export", run, "--format", "script", "-o", tmp_path / "again.py", "--json")
    assert [Path(file).name for file in answer["files"]] == ["again.py", "again_predict.py"]


@pytest.mark.usefixtures("home")
def test_a_receipt(
    trained: tuple[dict[str, Any], str, str], ask: Callable[..., Answer], tmp_path: Path
) -> None:
    paper = tmp_path / "receipt.html"
    status, text, _ = ask("export", trained[0]["run_id"], "--format", "receipt", "-o", paper)
    assert status == 0
    assert text.startswith(f"Wrote {paper}\n")
    assert trained[0]["run_id"] in paper.read_text(encoding="utf-8")


@pytest.mark.usefixtures("home")
def test_the_command_of_a_receipt_makes_the_same_model(
    trained: tuple[dict[str, Any], str, str], ask: Callable[..., Answer], tmp_path: Path
) -> None:
    paper = tmp_path / "receipt.html"
    ask("export", trained[0]["run_id"], "--format", "receipt", "-o", paper)
    (typed,) = re.findall("<pre>(.*)</pre>", paper.read_text(encoding="utf-8"))
    typed = html.unescape(re.sub("<[^>]*>", "", typed))
    assert typed.startswith("python -m tl_core train ")
    status, again, _ = ask(*shlex.split(typed)[3:], "--json")
    assert status == 0
    assert again["run_id"] != trained[0]["run_id"]
    kept, made = (Model(Path(a["bundle"])).chain.state_dict() for a in (trained[0], again))
    assert all(torch.equal(weights, made[name]) for name, weights in kept.items()), "to the bit"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("nonsense", "--format", "receipt", "-o", "x"), "no run 'nonsense'"),
        (("nonsense", "--format", "bundle", "-o", "x"), "no run 'nonsense'"),
        (("gone.headstart", "--format", "bundle", "-o", "x"), "There is no file"),
        (("nonsense", "--format", "pickle", "-o", "x"), "no format called 'pickle'"),
        (("nonsense", "--format", "bundle"), "-o/--output"),
    ],
)
def test_exports_that_cannot_be(
    argv: tuple[str, ...], words: str, refused: Callable[..., str]
) -> None:
    assert words in refused("export", *argv)


def test_an_export_goes_where_it_can_be_written(
    trained: tuple[dict[str, Any], str, str], home: Workspace, ask: Callable[..., Answer],
    tmp_path: Path,
) -> None:  # fmt: skip
    assert home
    for place in (tmp_path, tmp_path / "no" / "folder.onnx"):
        status, _, err = ask("export", trained[0]["run_id"], "--format", "onnx", "-o", place)
        assert (status, "not a file that can be written" in err) == (2, True)


@pytest.mark.usefixtures("home")
def test_evaluate(
    ask: Callable[..., Answer], trained: tuple[dict[str, Any], str, str], photos: Path
) -> None:
    run = trained[0]
    for split in ("validation", "test"):
        status, answer, err = ask("evaluate", run["run_id"], "--split", split, "--json")
        assert (status, err) == (0, "")
        assert (answer["run_id"], answer["split"]) == (run["run_id"], split)
        assert answer["accuracy"] == run[f"{split}_accuracy"]
        assert answer["accuracy_low"] <= answer["accuracy"] <= answer["accuracy_high"]
        assert list(answer["classes"]) == run["classes"]
        assert sum(map(sum, answer["confusion"])) == answer["images"]
        assert answer["images"] - answer["right"] == len(answer["mistakes"])
        for mistake in answer["mistakes"]:
            assert (photos / mistake["path"]).is_file(), "told by the names they came with"
    _, text, _ = ask("evaluate", run["run_id"])
    assert f"{run['validation_accuracy']:.1%}" in text
    assert "precision" in text


def test_predict(
    trained: tuple[dict[str, Any], str, str], photos: Path, tmp_path: Path,
    ask: Callable[..., Answer],
) -> None:  # fmt: skip
    run, picture = trained[0], photos / "@home" / "3.png"
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    status, answer, _ = ask("predict", "--model", run["run_id"], picture, broken, "--json")
    assert status == 0
    assert list(answer) == ["predictions", "skipped"]
    (prediction,) = answer["predictions"]
    assert list(prediction) == ["path", "class", "probability", "probabilities", "doubts"]
    assert prediction["path"] == str(picture)
    assert prediction["class"] == "@home"
    assert prediction["probability"] == max(prediction["probabilities"].values())
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)
    assert list(prediction["probabilities"]) == run["classes"]
    assert answer["skipped"] == [{"path": str(broken), "reason": "the file is empty"}]

    (page,) = Model(Path(run["bundle"])).predict([picture])
    assert prediction["probabilities"] == pytest.approx(page.probabilities, abs=1e-6)
    elsewhere = shutil.copy(run["bundle"], tmp_path / "sent.headstart")
    assert ask("predict", "--model", elsewhere, picture, "--json")[1]["predictions"] == [prediction]

    _, text, _ = ask("predict", "--model", run["run_id"], picture, broken)
    assert "@home" in text.splitlines()[0]
    assert text.splitlines()[1] == f"skipped  {broken}: the file is empty"


def test_predict_a_folder_as_a_table(
    trained: tuple[dict[str, Any], str, str], photos: Path, tmp_path: Path,
    ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "new"
    shutil.copytree(photos / "=1+1", folder / "-deep")
    (folder / ".hidden").write_text("")
    (folder / "-deep" / "notes.txt").write_text("no picture")
    monkeypatch.chdir(folder)
    model = trained[0]["bundle"]
    status, text, err = ask("predict", "--model", model, "--csv", "--", "-deep")
    assert status == 0
    assert not text.endswith("\n\n")
    head, *rows = csv.reader(io.StringIO(text))
    assert head == ["path", "class", "probability", "'=1+1", "'@home", "doubts"]
    assert len(rows) == 10
    for path, best, share, *shares, doubts in rows:
        assert path.startswith("'-deep"), "a spreadsheet shows it and does not compute it"
        assert best in ("'=1+1", "'@home")
        assert float(share) == max(map(float, shares))
        assert set(filter(None, doubts.split(", "))) <= set(DOUBTS.values())
    assert err == f"skipped  {Path('-deep') / 'notes.txt'}: not a picture that can be read\n"
    assert list(ask("predict", "--model", model, "--csv", "--json", folder)[1]) == [
        "predictions",
        "skipped",
    ]


@pytest.mark.usefixtures("workspace")
def test_convert_weights(tmp_path: Path, ask: Callable[..., Answer]) -> None:
    network = family_of("small").build("small")
    source, target = tmp_path / "in.pth", tmp_path / "out.safetensors"
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, source)
    status, answer, _ = ask("convert-weights", source, target, "--json")
    assert (status, answer) == (0, {"path": str(target), "tensors": len(network.state_dict())})
    for name, tensor in load_file(target).items():
        assert torch.equal(tensor, network.state_dict()[name])


def test_looking_starts_no_worker_and_changes_no_run(
    workspace: Workspace, ask: Callable[..., Answer], trained: tuple[dict[str, Any], str, str],
    photos: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    ask("runs", "--json")
    ask("backbones", "--json")
    ask("predict", "--model", trained[0]["bundle"], photos / "@home" / "1.png", "--json")
    assert Store(workspace.store).runs() == []
    assert not has_worker(Store(workspace.store), "cpu")


def test_as_a_process_of_its_own(tmp_path: Path) -> None:
    environment = os.environ | {"HEADSTART_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONSAFEPATH", None)
    done = subprocess.run([sys.executable, "-m", "tl_core", "backbones", "--json"], text=True,
                          capture_output=True, env=environment, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["backbones"]) == len(catalogue())
    wrong = subprocess.run([sys.executable, "-m", "tl_core", "backbone"], text=True,
                           capture_output=True, env=environment, check=False)  # fmt: skip
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.count("\n") == 1


# --- Ctrl-C -----------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="sends the signal as a terminal does on POSIX")
@pytest.mark.usefixtures("trained")
def test_ctrl_c_keeps_the_best_epoch(home: Workspace) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tl_core", "train", "--data", "Colours", "--backbone", "small",
         "--epochs", "10000", "--device", "cpu", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HEADSTART_HOME": str(home.root)},
        # A shell's background job ignores Ctrl-C, and so would every process it starts.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if line.startswith("epoch   3"):
                break
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:  # whatever happened, the worker must be free for the next test
        process.kill()
        store = Store(home.store)
        store.ask_to_stop(store.runs()[0].id)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "Stopping after this step and keeping the best epoch" in err
    answer = json.loads(out)
    assert answer["state"] == "stopped"
    assert 3 <= answer["epochs"] < 10_000
    assert answer["wall_seconds"] >= answer["seconds"]
    assert Model(Path(answer["bundle"])).classes == ("=1+1", "@home")
    assert (home.runs / answer["run_id"] / "checkpoint.safetensors").is_file()
    assert has_worker(Store(home.store), "cpu"), "only the run stops"


@pytest.fixture
def long_run(home: Workspace, trained: tuple[dict[str, Any], str, str]) -> Iterator[str]:
    """A run that would take hours, after its third epoch."""
    store = Store(home.store)
    config = store.run(trained[0]["run_id"]).config.with_(epochs=10_000)
    run = store.create(config, dataset_name="Colours")
    end = time.monotonic() + 60
    while sum(told.event.__class__ is EpochEnded for told in store.events(run)) < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    yield run
    store.ask_to_stop(run)


def until(home: Workspace, run: str, state: str) -> None:
    end = time.monotonic() + 60
    while Store(home.store).run(run).state != state:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_pause_resume_and_stop(
    home: Workspace, long_run: str, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, answer, err = ask("pause", long_run, "--json")
    assert (status, err, answer["run_id"]) == (0, "", long_run)
    until(home, long_run, "paused")
    _, text, _ = ask("pause", long_run)
    assert text == (f"Run {long_run} is paused. Go on with: python -m tl_core resume {long_run}\n")
    before = ask("runs", "--json")[1]["runs"][0]
    assert (before["run_id"], before["state"]) == (long_run, "paused")
    assert before["epoch"] >= 3

    def stop_soon(seconds: float, wait: Any = time.sleep) -> None:
        wait(seconds)
        if ask_for(long_run)["epoch"] > before["epoch"]:
            Store(home.store).ask_to_stop(long_run)

    def ask_for(run: str) -> dict[str, Any]:
        return overview(Store(home.store), Store(home.store).run(run))

    monkeypatch.setattr(terminal.time, "sleep", stop_soon)
    status, answer, err = ask("resume", long_run, "--json")
    monkeypatch.undo()
    assert status == 0
    assert (answer["run_id"], answer["state"]) == (long_run, "stopped")
    assert answer["epochs"] > before["epoch"]
    assert answer["seconds"] > 0
    assert answer["wall_seconds"] > 0
    assert Path(answer["bundle"]).is_file()
    numbers = [int(line.split()[1]) for line in err.splitlines() if line.startswith("epoch ")]
    assert numbers == list(range(1, answer["epochs"] + 1)), "every epoch once, whoever trained it"
    assert ask("stop", long_run)[1] == f"Run {long_run} is stopped.\n"
    status, _, err = ask("pause", long_run)
    assert (status, err) == (2, f"Run {long_run} is stopped, so there is nothing to pause.\n")


def test_extend_and_attach(
    home: Workspace, trained: tuple[dict[str, Any], str, str], ask: Callable[..., Answer]
) -> None:
    assert home.runs.is_dir()
    run, first = trained[0]["run_id"], trained[0]
    status, answer, _ = ask("resume", run, "--json")
    assert status == 0
    assert answer == first | {"wall_seconds": answer["wall_seconds"]}, "it is finished"
    status, answer, err = ask("extend", run, "--epochs", 2, "--json")
    assert status == 0, err
    assert (answer["state"], answer["epochs"]) == ("finished", first["epochs"] + 2)
    assert answer["validation_accuracy"] >= first["validation_accuracy"]
    assert answer["seconds"] > first["seconds"]
    status, _, err = ask("extend", run, "--epochs", 0)
    assert status == 2
    assert "must be between 1 and 10000" in err


@pytest.fixture
def _ctrl_c_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "ensure_worker", lambda *_: False)
    monkeypatch.setattr(terminal.time, "sleep", interrupt)


@pytest.mark.usefixtures("_ctrl_c_at_once")
def test_ctrl_c_before_anything_began(
    workspace: Workspace, ask: Callable[..., Answer], photos: Path
) -> None:
    command = ("train", "--data", photos, "--backbone", "small")
    status, answer, _ = ask(*command, "--json")
    assert status == 0
    assert (answer["state"], answer["bundle"], answer["epochs"]) == ("stopped", None, None)
    text = ask(*command)[1]
    assert "Stopped before it began." in text
    assert "Go on with: python -m tl_core resume " in text
    assert {run.state for run in Store(workspace.store).runs()} == {"stopped"}


@pytest.mark.usefixtures("_ctrl_c_at_once", "workspace")
def test_ctrl_c_twice_leaves_at_once(
    ask: Callable[..., Answer], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "ask_to_stop", lambda *_: None)  # as if the worker were busy
    status, out, err = ask("train", "--data", photos, "--backbone", "small", "--json")
    assert (status, out) == (130, "")
    assert "Traceback" not in err


# --- what a person can mend -------------------------------------------------------------------


@pytest.fixture
def refused(workspace: Workspace, ask: Callable[..., Answer]) -> Iterator[Callable[..., str]]:
    """Run a command that must be refused in one sentence and leave nothing behind."""

    def run(*argv: object) -> str:
        status, out, err = ask(*argv)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        return err.strip()

    yield run
    left = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert [path.name for path in left if not path.name.startswith("headstart.db")] == []
    assert not list(workspace.datasets.iterdir())
    assert not workspace.store.exists() or Store(workspace.store).runs() == []


ABSENT = "mps" if not torch.backends.mps.is_available() else "cuda"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--backbone", "resnet8"], "no backbone called 'resnet8'; the nearest are resnet"),
        (["--backbone", "resnet18", "--freeze", "layer9"], "no stage called 'layer9'"),
        (["--backbone", "resnet18", "--freeze", "layer9"], "layer4"),
        (["--backbone", "resnet18", "--recipe", "finetune"], "the nearest are fine-tune"),
        (["--backbone", "resnet18", "--augment", "lite"], "the nearest are light"),
        (["--backbone", "resnet18", "--device", "gpu"], "no device called 'gpu'"),
        (["--backbone", "resnet18", "--device", ABSENT], f"no {ABSENT} device that PyTorch can"),
        (["--backbone", "small", "--recipe", "fine-tune"], "use --recipe scratch"),
        (["--backbone", "resnet18", "--recipe", "scratch", "--freeze", "stem"], "--freeze"),
        (["--backbone", "resnet18", "--epochs", "0"], "Epochs must be between 1 and 10000"),
        (["--backbone", "resnet18", "--epochs", "many"], "invalid int value: 'many'"),
        (["--backbone", "resnet18", "--batch-size", "-1"], "Batch size must be between 1"),
        (["--backbone", "resnet18", "--lr", "nan"], "learning rate must be above 0"),
        (["--backbone", "resnet18", "--seed", "-1"], "The seed must be between"),
        (["--backbone", "resnet18", "--weights", "none.safetensors"], "There is no weights file"),
        ([], "--backbone"),
    ],
)
def test_settings_that_cannot_be(
    argv: list[str], words: str, refused: Callable[..., str], photos: Path
) -> None:
    """And nothing is imported before it is said."""
    assert words in refused("train", "--data", photos, *argv)


def test_a_command_that_does_not_exist(refused: Callable[..., str]) -> None:
    assert "invalid choice: 'trian'" in refused("trian")
    assert "--help" in refused("trian")


def make(tmp_path: Path, what: str) -> Path:
    path = tmp_path / "source"
    match what:
        case "empty folder":
            path.mkdir()
        case "one class":
            draw(path, {"only": (1, 2, 3)}, 5)
        case "one picture in a class":
            draw(path, COLOURS, 5)
            for number in range(1, 5):
                (path / "@home" / f"{number}.png").unlink()
        case "all unreadable":
            for name in ("a", "b"):
                (path / name).mkdir(parents=True)
                for number in range(3):
                    (path / name / f"{number}.jpg").write_bytes(b"nothing")
        case "file":
            path.write_text("not a folder")
        case "broken zip":
            path = tmp_path / "source.zip"
            path.write_bytes(b"PK\x03\x04 and no more")
    return path


@pytest.mark.parametrize("command", ["import", "train"])
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("empty folder", "There are no pictures in source"),
        ("one class", "only one class, 'only'"),
        ("one picture in a class", "every class needs at least 2"),
        ("all unreadable", "None of the 6 pictures in source can be read"),
        ("file", "is a single file"),
        ("broken zip", "damaged, cut off or not a .zip"),
    ],
)
def test_sources_that_cannot_be_used(
    command: str, what: str, words: str, refused: Callable[..., str], tmp_path: Path
) -> None:
    source = make(tmp_path, what)
    arguments = {"import": [source], "train": ["--data", source, "--backbone", "small"]}
    assert words in refused(command, *arguments[command])


def test_a_source_that_is_not_there(refused: Callable[..., str]) -> None:
    assert "at 'nowhere'; check the path" in refused("import", "nowhere")
    sentence = refused("train", "--data", "nowhere", "--backbone", "small")
    assert "There is no dataset called 'nowhere'" in sentence


@pytest.mark.usefixtures("home", "trained")
def test_the_nearest_dataset_is_named(ask: Callable[..., Answer]) -> None:
    status, _, err = ask("train", "--data", "Colors", "--backbone", "small")
    assert status == 2
    assert err == "There is no dataset called 'Colors'; the nearest are Colours.\n"


@pytest.mark.parametrize("noticed", ["before", "while writing", "at the end"])
def test_no_disk_space(
    noticed: str, refused: Callable[..., str], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if noticed == "before":
            usage = shutil.disk_usage(photos)._replace(free=5 << 20)
            patch.setattr(shutil, "disk_usage", lambda _: usage)
        elif noticed == "while writing":
            patch.setattr(Path, "rename", full)
        else:
            patch.setattr(os, "fsync", full)
        sentence = refused("import", photos)
    assert ("5 MB free" if noticed == "before" else "disk became full") in sentence


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--model", "0123", "x.png"], "There is no file or folder x.png"),
        (["--model", "0123", __file__], "There is no run '0123'"),
        (["--model", "gone.headstart", __file__], "There is no file gone.headstart"),
        (["--model", __file__, __file__], "test_cli.py is not a whole Headstart bundle"),
    ],
)
def test_predictions_that_cannot_be(
    argv: list[str], words: str, refused: Callable[..., str]
) -> None:
    assert words in refused("predict", *argv)


@pytest.mark.parametrize(
    ("argv", "words"),
    [(("nonsense",), "no run 'nonsense'"), (("x", "--split", "train"), "invalid choice: 'train'")],
)
@pytest.mark.usefixtures("workspace")
def test_evaluations_that_cannot_be(
    refused: Callable[..., str], argv: tuple[str, ...], words: str
) -> None:
    assert words in refused("evaluate", *argv)


def test_nothing_to_predict(
    trained: tuple[dict[str, Any], str, str], tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "empty").mkdir()
    model = trained[0]["bundle"]
    sentence = refused("predict", "--model", model, tmp_path / "empty")
    assert "there were none" in sentence
    (tmp_path / "empty" / "broken.png").touch()
    sentence = refused("predict", "--model", model, tmp_path / "empty", "--json")
    assert "the file is empty" in sentence


def test_a_run_without_a_model(
    workspace: Workspace, ask: Callable[..., Answer], trained: tuple[dict[str, Any], str, str],
    home: Workspace,
) -> None:  # fmt: skip
    config = Store(home.store).run(trained[0]["run_id"]).config
    waiting = Store(workspace.store).create(config)
    status, _, err = ask("predict", "--model", waiting, __file__)
    assert status == 2
    assert err == f"Run {waiting} is queued and has no model; choose a finished run.\n"


# --- weights that a person brings -------------------------------------------------------------


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("another network", ["These weights are not SqueezeNet 1.1's", "features.0.weight",
                             "layer1.bn1.bias"]),
        ("pickle", ["convert-weights mine.pth mine.safetensors"]),
        ("damaged", ["cannot be read as safetensors"]),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit(
    kind: str, words: list[str], home: Workspace, tmp_path: Path, ask: Callable[..., Answer]
) -> None:
    state = family_of("small").build("small").state_dict()
    path = tmp_path / ("mine.pth" if kind == "pickle" else "mine.safetensors")
    match kind:
        case "another network":
            save_file(state, path)
        case "pickle":
            torch.save(state, path)
        case "damaged":
            path.write_bytes(b"\xff" * 100)
    status, out, err = ask("train", "--data", "Colours", "--backbone", "squeezenet1_1",
                           "--weights", path, "--device", "cpu", "--json")  # fmt: skip
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    sentence = err.strip().splitlines()[-1]
    for word in words:
        assert word in sentence
    run = Store(home.store).runs()[0]
    assert (run.state, run.message) == ("failed", sentence)
    until = time.monotonic() + 20  # the run has ended in the store before its record is written
    while list(home.root.rglob("*.part")) and time.monotonic() < until:
        time.sleep(0.05)
    left = {file.name for file in (home.runs / run.id).iterdir()}
    assert left - {"events.jsonl"} == {"config.json", "record.json", "run.log"}
    assert not list(home.root.rglob("*.part"))


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch evil",)


@pytest.mark.parametrize(
    ("content", "target", "words"),
    [
        (pickle.dumps(Evil(), protocol=2), "out.safetensors", "because it could run code"),
        (b"", "out.safetensors", "not a plain PyTorch weights file"),
        (None, "out.safetensors", "There is no weights file"),
        (b"", "out.pth", "must end in .safetensors"),
    ],
    ids=["pickle that runs code", "empty", "missing", "wrong ending"],
)
def test_weights_that_cannot_be_converted(
    content: bytes | None, target: str, words: str, refused: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("in.pth").write_bytes(content)
    assert words in refused("convert-weights", "in.pth", target)
    assert not Path("evil").exists()
    assert not Path(target).exists()
    assert not list(tmp_path.glob("*.part"))


# --- our fault --------------------------------------------------------------------------------


def test_our_own_mistake_names_the_log(
    workspace: Workspace, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("a programmer's mistake")

    monkeypatch.setitem(cli._COMMANDS, "runs", broken)
    status, out, err = ask("runs", "--json")
    log = workspace.root / "terminal.log"
    assert (status, out) == (1, "")
    assert err == f"Something went wrong on our side; the details are in {log}.\n"
    assert "ZeroDivisionError: a programmer's mistake" in log.read_text()


@pytest.mark.parametrize(
    ("state", "facts", "status"),
    [("failed", {"fault": True}, 1), ("failed", {}, 2)],
)
def test_a_run_that_fails_sets_the_exit_status(
    state: Any, facts: dict[str, Any], status: int, workspace: Workspace, photos: Path,
    ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def worker(_: Workspace, store: Store, __: str) -> bool:
        run = store.runs()[0]
        store.learn(run.id, **facts)
        store.end(run.id, state, "This is why.")
        return False

    monkeypatch.setattr(local, "ensure_worker", worker)
    got, out, err = ask("train", "--data", photos, "--backbone", "small", "--json")
    assert (got, out, err) == (status, "", "This is why.\n")
    assert len(Store(workspace.store).runs()) == 1


def test_a_worker_that_cannot_be_started(
    workspace: Workspace, photos: Path, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ensure_worker", lambda *_: True)  # and it dies at once
    monkeypatch.setattr(terminal, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(terminal, "LOOK_SECONDS", 0.0)
    status, _, err = ask("train", "--data", photos, "--backbone", "small")
    assert status == 1
    assert err.count("\n") == 1
    assert str(workspace.root / "worker.log") in err


def test_a_store_that_is_busy_is_waited_for(
    home: Workspace, photos: Path, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds the store: who trains says so, waits, and ends as if it had not."""
    monkeypatch.setattr(running, "WORD_SECONDS", 0.2)
    with closing(sqlite3.connect(home.store, check_same_thread=False, timeout=60)) as other:
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        gone = threading.Timer(2.0, lambda: other.execute("ROLLBACK"))
        gone.start()
        status, answer, err = ask("train", "--data", photos, "--backbone", "small", "--epochs", "1",
                                  "--device", "cpu", "--json")  # fmt: skip
        gone.join()
    assert (status, answer["state"]) == (0, "finished"), err
    assert err.count("The store is busy: another program holds") == 1


def test_a_fault_while_following_is_waited_out(
    workspace: Workspace, photos: Path, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills before a queued run begins, say."""
    faults: list[Exception] = [NoRoomError("No room."), NoRoomError("No room."), BusyError("Busy.")]

    def worker(_: Workspace, store: Store, __: str) -> bool:
        if faults:
            raise faults.pop()
        store.end(store.runs()[0].id, "stopped", "This is why.")
        return False

    monkeypatch.setattr(local, "ensure_worker", worker)
    monkeypatch.setattr(terminal, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)
    status, _, err = ask("train", "--data", photos, "--backbone", "small")
    assert (status, faults) == (0, [])
    assert err.splitlines()[:1] == ["No room. Waiting …"], "what submitting met is asked again"
    assert len(Store(workspace.store).runs()) == 1

    monkeypatch.setattr(patience, "MOST_SECONDS", -1.0)
    faults.extend([BusyError("Busy."), BusyError("Busy.")])
    assert ask("train", "--data", photos, "--backbone", "small")[0] == 2, "not for ever"


def test_the_place_in_line_is_said(
    workspace: Workspace, photos: Path, ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(workspace.store)
    first = store.create(RunConfig("d", "small"))
    looks = iter(range(3))

    def worker(*_: object) -> bool:
        if next(looks) == 2:
            store.end(store.runs()[0].id, "stopped", "This is why.")
        return False

    monkeypatch.setattr(local, "ensure_worker", worker)
    monkeypatch.setattr(terminal, "CHECK_SECONDS", 0.0)
    _, _, err = ask("train", "--data", photos, "--backbone", "small")
    assert err.splitlines() == ["Number 2 in line; when its turn comes is not known yet."]
    assert store.run(first).state == "queued"


@pytest.mark.usefixtures("workspace")
def test_a_reader_that_leaves_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["backbones"]) == 0


def test_seconds_since_the_process_started() -> None:
    before = time.perf_counter()
    assert 0 <= cli._since_start() < before + 3600


def test_paths_that_are_no_pictures(refused: Callable[..., str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "photos.zip").write_bytes(b"PK\3\4")
    for path, words in (("", "no file or folder ''"), (tmp_path / "pipe", "neither a file"),
                        (tmp_path / "photos.zip", "is an archive")):  # fmt: skip
        assert words in refused("predict", "--model", "x.headstart", path)
    sentence = refused("export", "x", "--format", "keras", "-o", tmp_path / "out")
    assert "bundle, onnx, script, receipt" in sentence
