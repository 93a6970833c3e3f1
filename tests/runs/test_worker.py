"""The process that trains: how runs end, and how it lives and dies."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.runs.patience import wait_for
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import read_bundle
from tl_core.bundles.predict import Model
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.log import get_log
from tl_core.runs import execute, pipeline, telling, worker
from tl_core.runs.launch import child_environment, ensure_worker
from tl_core.runs.queue import beat, forget_worker, has_worker, register
from tl_core.runs.record import read_record
from tl_core.runs.store import Run, Store
from tl_core.training.events import EpochEnded, Event
from tl_core.workspace import Workspace

# --- one run, in this process -----------------------------------------------------------------


def test_a_run_that_finishes(
    trained: Callable[..., Run], workspace: Workspace, store: Store, dataset: Dataset
) -> None:
    run = trained(epochs=12)
    assert (run.state, run.message) == ("finished", "")
    facts = run.facts
    bundle = Path(facts["bundle"])
    assert bundle.parent == workspace.runs / run.id
    assert json.loads((bundle.parent / "config.json").read_text()) == run.config.to_dict()
    assert facts["classes"] == list(dataset.classes) == ["blue", "red"]
    assert facts["frozen_parameters"] == 0
    assert facts["recipe"] == "scratch"
    assert facts["device_kind"] == "cpu"
    assert facts["seconds"] > 0
    assert facts["images_per_second"] > 0

    events = [told.event for told in store.events(run.id)]
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert len(epochs) == facts["epochs"] <= 12
    best = max(event.epoch for event in epochs if event.best)
    assert facts["best_epoch"] == best
    measured = next(event for event in epochs if event.epoch == best)
    assert facts["validation_accuracy"] == pytest.approx(measured.validation_accuracy)

    # The final figures are what the bundle's own predicting path says of the same files.
    model = Model(bundle)
    for split in ("train", "validation", "test"):
        items = dataset.of(split)
        answers = model.predict(dataset.path(item) for item in items)
        right = sum(a.best == dataset.classes[i.label] for a, i in zip(answers, items, strict=True))
        assert facts[f"{split}_accuracy"] == pytest.approx(right / len(items)), split
    assert facts["train_accuracy"] >= 0.9, "colours are easy"


@pytest.mark.parametrize(
    ("recipe", "freeze", "cut"),
    [("feature-extraction", None, 5), ("fine-tune", "layer2", 3), ("gradual", "layer3", 4)],
)
def test_rule_1_the_bundle_holds_the_loaded_body(
    recipe: str, freeze: str | None, cut: int, trained: Callable[..., Run], weights: Path
) -> None:
    run = trained(recipe=recipe, freeze=freeze, weights=str(weights), epochs=3, lr=0.05)
    assert run.state == "finished", run.message
    assert len(run.facts["frozen_stages"]) == cut
    loaded = load_backbone("small", 2, weights=weights)
    _, learned = read_bundle(Path(run.facts["bundle"]))
    for name, tensor in loaded.body(cut).state_dict().items():
        assert torch.equal(learned.body(cut).state_dict()[name], tensor), name
    assert not torch.equal(learned.head.linear.weight, loaded.head.linear.weight)
    assert len(load_file(weights)) > 0, "and the file is as it was"


def test_a_person_s_mistake_is_told_in_a_sentence(
    trained: Callable[..., Run], weights: Path, workspace: Workspace
) -> None:
    run = trained(backbone="squeezenet1_1", weights=str(weights))
    assert run.state == "failed"
    assert run.message.startswith("These weights are not SqueezeNet 1.1's")
    assert not run.facts.get("fault")
    assert run.facts.get("bundle") is None
    left = {path.name for path in (workspace.runs / run.id).iterdir()}
    assert left == {"config.json", "events.jsonl", "record.json", "run.log"}


def test_a_dataset_that_is_gone(trained: Callable[..., Run]) -> None:
    run = trained(dataset="nowhere")
    assert run.state == "failed"
    assert "no dataset called 'nowhere'" in run.message


def test_a_full_disk_pauses_the_run_with_a_sentence(
    trained: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    full = shutil.disk_usage(workspace.root)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    run = trained()
    assert (run.state, run.again is not None) == ("paused", True)
    assert "is full, so the run is paused; free some space" in run.message
    assert not list(workspace.root.rglob("*.part"))
    assert not list((workspace.cache / "pixels").rglob("*.npy"))


def test_our_own_mistake_names_the_log(
    trained: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a programmer's mistake")

    monkeypatch.setattr(pipeline, "fit", broken)
    run = trained()
    log = workspace.runs / run.id / "run.log"
    assert run.state == "failed"
    assert run.facts["fault"] is True
    assert run.message == f"Something went wrong on our side; the details are in {log}."
    assert "ZeroDivisionError: a programmer's mistake" in log.read_text()


@pytest.mark.parametrize(
    "refused",
    [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp:126] . DefaultCPUAllocator: can't "
                                 "allocate memory: you tried to allocate 411041792 bytes.")],
)  # fmt: skip
def test_memory_that_is_refused_is_a_sentence(
    refused: Exception, trained: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise refused

    monkeypatch.setattr(pipeline, "load_backbone", broken)
    run = trained()
    assert (run.state, run.facts.get("fault")) == ("failed", None)
    assert "choose a smaller backbone, fewer pictures per step" in run.message


def test_a_folder_of_another_owner_is_a_sentence(
    trained: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(workspace.cache))

    monkeypatch.setattr(pipeline, "load_backbone", broken)
    run = trained()
    assert (run.state, run.facts.get("fault")) == ("failed", None)
    assert run.message.startswith(f"{workspace.cache} may not be used (Permission denied)")


def test_a_folder_that_was_deleted_meanwhile(
    trained: Callable[..., Run], work: Callable[[str], Run], store: Store,
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace,
) -> None:  # fmt: skip
    fit = pipeline.fit

    def deleting(*args: Any, **kwargs: Any) -> Iterator[Event]:
        for event in fit(*args, **kwargs):
            yield event
            if isinstance(event, EpochEnded):
                shutil.rmtree(workspace.runs / store.runs()[0].id, ignore_errors=True)

    monkeypatch.setattr(pipeline, "fit", deleting)
    run = trained(epochs=3)
    assert (run.state, run.facts.get("fault")) == ("failed", None)
    assert f"{workspace.runs / run.id} was deleted while it was trained" in run.message
    assert "log" not in run.message
    monkeypatch.undo()
    store.resume(run.id)
    assert work(run.id).state == "finished", "it begins anew"


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Let the GPU be lost in so many lives of runs, after so many of their events."""

    def lose(lives: int, events: int = 0) -> None:
        left, fit = [lives], pipeline.fit

        def faulty(*args: Any, **kwargs: Any) -> Iterator[Event]:
            for number, event in enumerate(fit(*args, **kwargs)):
                if left[0] and number >= events:
                    left[0] -= 1
                    monkeypatch.setattr(execute, "is_lost", lambda: True)
                    raise RuntimeError("CUDA error: an illegal memory access was encountered")
                yield event

        monkeypatch.setattr(pipeline, "fit", faulty)

    return lose


def test_a_lost_gpu_interrupts_the_run_which_ends_as_if_it_had_not(
    trained: Callable[..., Run],
    work: Callable[[str], Run],
    losing: Callable[[int, int], None],
    outcome: Callable[[Run], tuple[Any, ...]],
    workspace: Workspace,
) -> None:
    expected = outcome(trained(epochs=3))
    losing(1, 4)
    run = trained(epochs=3)
    assert (run.state, run.deaths, run.facts.get("fault")) == ("interrupted", 1, None)
    assert run.message.startswith("The GPU stopped answering the process that trains")
    assert read_record(workspace.runs / run.id).state == "interrupted"
    assert "illegal memory access" in (workspace.runs / run.id / "run.log").read_text()
    run = work(run.id)
    assert (outcome(run), run.message) == (expected, "")


def test_a_gpu_lost_twice_on_the_spot_fails_the_run(
    trained: Callable[..., Run],
    work: Callable[[str], Run],
    losing: Callable[[int], None],
    store: Store,
) -> None:
    losing(2)
    run = work(trained().id)
    assert run.state == "failed"
    assert "stopped answering twice without this run getting any further; restart" in run.message
    assert store.resume(run.id).deaths == 0
    assert work(run.id).state == "finished", "who asks for it gets another try"


def test_a_run_whose_folder_cannot_be_made(
    trained: Callable[..., Run], workspace: Workspace
) -> None:
    workspace.runs.rmdir()
    workspace.runs.touch()
    run = trained()
    assert run.state == "failed"
    assert f"{workspace.runs / run.id} cannot be written" in run.message


def stopped_when(
    seen: Callable[[Store, str], bool], trained: Callable[..., Run], store: Store
) -> Run:
    """Train for ever and ask to stop once something was seen."""

    def ask() -> None:
        run = wait_for(store.runs)[0]
        wait_for(lambda: seen(store, run.id))
        store.ask_to_stop(run.id)

    asking = threading.Thread(target=ask)
    asking.start()
    run = trained(epochs=10_000)
    asking.join()
    return run


def has_epochs(store: Store, run: str) -> bool:
    return sum(isinstance(told.event, EpochEnded) for told in store.events(run)) >= 3


def test_stopping_keeps_the_best_epoch(trained: Callable[..., Run], store: Store) -> None:
    run = stopped_when(has_epochs, trained, store)
    assert run.state == "stopped"
    epochs = [t.event for t in store.events(run.id) if isinstance(t.event, EpochEnded)]
    assert run.facts["epochs"] == len(epochs) < 10_000
    assert run.facts["best_epoch"] == max(event.epoch for event in epochs if event.best)
    best = max(event.validation_accuracy for event in epochs)
    assert run.facts["validation_accuracy"] == pytest.approx(best)
    assert Model(Path(run.facts["bundle"])).classes == ("blue", "red")


def test_stopped_before_the_first_epoch_there_is_no_model(
    trained: Callable[..., Run], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "TELL_SECONDS", 0.0)  # hears it at once
    run_ids: list[str] = []
    load = pipeline.load_backbone

    def asked_meanwhile(*args: Any, **kwargs: Any) -> Any:
        run_ids.append(store.runs()[0].id)
        store.ask_to_stop(run_ids[0])
        return load(*args, **kwargs)

    monkeypatch.setattr(pipeline, "load_backbone", asked_meanwhile)
    run = trained()
    assert run.state == "stopped"
    assert "there is no model" in run.message
    assert "bundle" not in run.facts


# --- the worker in this process ---------------------------------------------------------------


@pytest.fixture
def _own_process() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    for log in list(get_log().handlers):
        get_log().removeHandler(log)
        log.close()


@pytest.mark.usefixtures("_own_process")
def test_a_worker_trains_what_waits_and_ends_when_idle(
    workspace: Workspace, store: Store, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.0)
    config = RunConfig(dataset.id, "small", epochs=1, device="cpu")
    ids = [store.create(config.with_(seed=seed)) for seed in (1, 2)]
    broken = store.create(config.with_(dataset="gone"))
    assert worker.main(str(workspace.root), "cpu") == 0
    assert [store.run(run).state for run in ids] == ["finished", "finished"]
    assert store.run(broken).state == "failed", "and it went on"
    assert not has_worker(store, "cpu")
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN, "Ctrl-C goes through the store"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices for which a worker was started when this one had left."""
    found: list[str] = []

    def start(_: Workspace, store: Store, device: str) -> bool:
        assert not has_worker(store, device)
        found.append(device)
        return True

    monkeypatch.setattr(worker, "ensure_worker", start)
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.0)
    return found


@pytest.mark.usefixtures("_own_process")
@pytest.mark.parametrize("asked_to_end", [False, True])
def test_a_worker_that_lost_its_gpu_leaves_what_waits_to_a_new_one(
    asked_to_end: bool,
    queued: Callable[..., str],
    losing: Callable[[int], None],
    started: list[str],
    workspace: Workspace,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    losing(1)
    if asked_to_end:
        taken = pipeline.load_backbone

        def end_meanwhile(*args: Any, **kwargs: Any) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            return taken(*args, **kwargs)

        monkeypatch.setattr(pipeline, "load_backbone", end_meanwhile)
    lost, waiting = queued(), queued(seed=1)
    assert worker.main(str(workspace.root), "cpu") == 0
    assert [store.run(run).state for run in (lost, waiting)] == ["interrupted", "queued"]
    assert store.run(lost).message.startswith("The GPU stopped answering")
    assert started == ([] if asked_to_end else ["cpu"])


@pytest.mark.usefixtures("_own_process")
def test_a_worker_that_lost_its_gpu_starts_no_other_for_nothing(
    trained: Callable[..., Run],
    losing: Callable[[int], None],
    started: list[str],
    workspace: Workspace,
    store: Store,
) -> None:
    losing(2)
    run = trained()
    forget_worker(store, "a test")
    assert worker.main(str(workspace.root), "cpu") == 0
    assert store.run(run.id).state == "failed"
    assert started == []


@pytest.mark.usefixtures("_own_process")
def test_a_second_worker_ends_at_once(
    workspace: Workspace, store: Store, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for there in (torch.cuda, torch.backends.mps):  # whose worker "auto" would become
        monkeypatch.setattr(there, "is_available", lambda: False)
    waiting = store.create(RunConfig(dataset.id, "small", device="cpu"))
    register(store, "cpu", ["cpu", "auto"], "the first", 1)
    assert worker.main(str(workspace.root), "cpu") == 0
    assert worker.main(str(workspace.root), "auto") == 0, "also when it learns its device later"
    assert store.run(waiting).state == "queued"
    assert beat(store, "the first")


@pytest.mark.usefixtures("_own_process")
def test_runs_for_a_device_that_is_not_there_fail_with_the_reason(
    workspace: Workspace, store: Store, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = RunConfig(dataset.id, "small", device="cuda")
    asked = store.create(config)
    other = store.create(config.with_(device="cpu"))
    assert worker.main(str(workspace.root), "cuda") == 0
    assert store.run(asked).state == "failed"
    assert "This machine has no cuda device" in store.run(asked).message
    assert store.run(other).state == "queued"
    assert not has_worker(store, "cuda")


@pytest.mark.usefixtures("_own_process")
def test_a_worker_that_cannot_start_says_so_in_what_waits(
    workspace: Workspace, store: Store, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_device: str) -> None:
        raise ImportError("libtorch is not whole")

    monkeypatch.setattr(worker, "_prepare", broken)
    run = store.create(RunConfig(dataset.id, "small"))
    with pytest.raises(ImportError):
        worker.main(str(workspace.root), "auto")
    assert store.run(run).state == "failed"
    assert "worker.log" in store.run(run).message
    assert not has_worker(store, "auto")


# --- the worker as a process ------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no sessions")
def test_a_worker_outlives_its_parent_and_its_death_is_noticed(
    workspace: Workspace,
    store: Store,
    dataset: Dataset,
    worker_pids: Callable[[], list[int]],
) -> None:
    config = RunConfig(dataset.id, "small", device="cpu")
    short = store.create(config.with_(epochs=2))
    long = store.create(config.with_(epochs=10_000, seed=1))
    start = (
        "import sys; from tl_core.runs.launch import ensure_worker; "
        "from tl_core.runs.store import Store; from tl_core.workspace import Workspace; "
        "w = Workspace.open(sys.argv[1]); print(ensure_worker(w, Store(w.store), 'cpu'))"
    )
    parent = subprocess.run(
        [sys.executable, "-c", start, str(workspace.root)],
        capture_output=True, text=True, check=True, timeout=60, env=child_environment(),
    )  # fmt: skip
    assert parent.stdout == "True\n"

    wait_for(lambda: has_worker(store, "cpu"))
    (pid,) = worker_pids()
    try:
        assert os.getsid(pid) == pid, "in a session of its own: no Ctrl-C and no hang-up reach it"
        assert not ensure_worker(workspace, store, "cpu"), "one is enough"
        os.kill(pid, signal.SIGINT)
        wait_for(lambda: store.run(short).is_over)
        assert store.run(short).state == "finished"
        wait_for(lambda: has_epochs(store, long))
        assert worker_pids() == [pid]
    finally:
        os.kill(pid, signal.SIGKILL)

    assert store.run(long).state == "running", "nobody knows yet"
    wait_for(lambda: not has_worker(store, "cpu"), seconds=5)
    run = store.run(long)
    assert run.state == "interrupted"
    assert "goes on from its last checkpoint" in run.message
    assert not (workspace.runs / long / "model.headstart").exists()


@pytest.mark.parametrize(("told", "seconds"), [(None, 600.0), ("2.5", 2.5)])
def test_how_long_a_worker_waits_is_a_setting(told: str | None, seconds: float) -> None:
    code = "from tl_core.runs.worker import IDLE_SECONDS; print(IDLE_SECONDS)"
    environment = child_environment()
    environment.pop("HEADSTART_WORKER_IDLE", None)
    if told:
        environment["HEADSTART_WORKER_IDLE"] = told
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment,
                          check=True, text=True).stdout  # fmt: skip
    assert float(said) == seconds
