"""Runs in the terminal: start one, look at them, pause, stop, resume and extend them."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from tl_core.backbones.catalog import find_card
from tl_core.backbones.weights_file import check_file
from tl_core.config import AUGMENTS, DEVICES, RECIPES, DeviceName, RunConfig
from tl_core.data.open import open_dataset
from tl_core.errors import HeadstartError, UserError
from tl_core.escape import in_terminal
from tl_core.patience import patiently
from tl_core.runs.engines.local import LocalEngine
from tl_core.runs.locate import bundle_of
from tl_core.runs.rebuild import open_store
from tl_core.runs.store import Run
from tl_core.runs.summary import overview, result
from tl_core.terminal import follow
from tl_core.training.phases import choose_cut, choose_recipe
from tl_core.workspace import Workspace

WORD_SECONDS = 3.0
"""How long a command waits for a store that is busy, before it says that it waits."""

Answer = tuple[dict[str, Any], str]
Command = Callable[[str, str], ArgumentParser]

FOLLOWED = ("train", "resume", "extend")
"""Commands that follow a run to its end, and answer what came of it."""


def add_commands(command: Command) -> None:
    """Add the commands about runs to the parser."""
    command("runs", "List every run, newest first.")
    train = command("train", "Train a backbone on a dataset.")
    train.add_argument("--data", required=True, help="a dataset's name, or a SOURCE of import")
    train.add_argument("--backbone", required=True, help="see the command backbones")
    train.add_argument("--recipe", help=", ".join(RECIPES))
    train.add_argument("--freeze", help="a stage (up to and including it), a number, all or none")
    train.add_argument("--epochs", type=int)
    train.add_argument("--batch-size", type=int)
    train.add_argument("--lr", type=float, help="the head's learning rate")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--augment", help=", ".join(AUGMENTS))
    train.add_argument("--weights", type=Path, help="a .safetensors file")
    train.add_argument("--device", default="auto", help=", ".join(DEVICES))
    train.add_argument("--no-cache", dest="cache", action="store_false")
    for name, what in (
        ("resume", "Go on with a run that was paused or stopped, or follow one that goes on."),
        ("pause", "Pause a run; it goes on from there with resume."),
        ("stop", "Stop a run and keep its best epoch."),
        ("extend", "Train a finished run some more, from its best epoch."),
    ):
        made = command(name, what)
        made.add_argument("run", metavar="RUN", help="a run's id")
        if name == "extend":
            made.add_argument("--epochs", type=int, required=True, help="more, at most")


def train(args: Namespace, progress: Callable[[int, int], None]) -> Answer:
    """Train, and answer what came of it.

    Raises:
        UserError: settings that cannot be, or what the run failed of.
        HeadstartError: the run failed of a mistake of ours.
    """
    workspace = Workspace.open()
    card = find_card(args.backbone)
    if args.weights:
        check_file(args.weights)
    config = RunConfig(
        dataset="",
        backbone=args.backbone,
        recipe=args.recipe,
        freeze=args.freeze,
        epochs=args.epochs,
        batch_size=args.batch_size,
        lr=args.lr,
        seed=args.seed,
        augment=args.augment,
        weights=str(args.weights.resolve()) if args.weights else None,
        device=args.device,
        cache=args.cache,
    )
    check_device(args.device)
    # Whatever contradicts itself is said before pictures are imported.
    choose_cut(card, config, choose_recipe(card, config))
    dataset = open_dataset(workspace, args.data, progress=progress)
    engine = _engine(workspace)
    config = config.with_(dataset=dataset.id)
    return _followed(engine, lambda: engine.submit(config, dataset_name=dataset.name))


def check_device(name: str) -> None:
    """Refuse a device that this machine does not have, before a run is made for it.

    Raises:
        UserError: the person named one that is not here.
    """
    if name in DEVICES and name not in ("auto", "cpu"):
        from tl_core.training.device import choose_device  # torch: seconds, needed for this alone

        choose_device(cast("DeviceName", name))


def resume(args: Namespace) -> Answer:
    """Go on with a run, or attach to one that goes on, and answer what came of it."""
    engine = _engine(Workspace.open())
    return _followed(engine, lambda: engine.resume(args.run).id)


def extend(args: Namespace) -> Answer:
    """Train a finished run some more, and answer what came of it."""
    engine = _engine(Workspace.open())
    return _followed(engine, lambda: engine.extend(args.run, args.epochs).id)


def pause(args: Namespace) -> Answer:
    """Ask a run to pause, and answer where it stands."""
    engine = _engine(Workspace.open())
    run = patiently(lambda: engine.pause(args.run), _say)
    said = "is paused" if run.state == "paused" else "pauses after this step"
    return overview(engine.store, run), f"Run {run.id} {said}. {_go_on(run)}"


def stop(args: Namespace) -> Answer:
    """Ask a run to stop, and answer where it stands."""
    engine = _engine(Workspace.open())
    run = patiently(lambda: engine.cancel(args.run), _say)
    if run.wish == "stop":
        text = f"Run {run.id} stops after this step, and keeps its best epoch."
    else:
        text = f"Run {run.id} is {run.state}."
    return overview(engine.store, run), text


def runs(_args: Namespace) -> Answer:
    """Answer how every run stands; none is changed, and no worker started."""
    workspace = Workspace.open()
    store = open_store(workspace)
    rows = [overview(store, run) for run in store.runs()]
    lines = [
        f"{r['run_id']}  {r['state']:11} {r['backbone']:20} {in_terminal(r['dataset']):24} "
        + ("" if r["validation_accuracy"] is None else f"{r['validation_accuracy']:.1%}")
        for r in rows
    ]
    return {"runs": rows}, "\n".join(lines) or f"Nothing was trained here yet ({workspace.root})."


def _engine(workspace: Workspace) -> LocalEngine:
    store = patiently(lambda: open_store(workspace), _say)
    store.patience = WORD_SECONDS
    return LocalEngine(workspace, store)


def _say(what: str) -> None:
    sys.stderr.write(f"{what} Waiting …\n")


def _followed(engine: LocalEngine, begin: Callable[[], str]) -> Answer:
    """Begin a run as soon as the store can be written, and follow it to its end."""
    run = follow(engine.workspace, engine.store, patiently(begin, _say))
    if run.state == "failed":
        raise (HeadstartError if run.facts.get("fault") else UserError)(run.message)
    answer = result(run)
    if answer["bundle"] is not None:
        answer["bundle"] = str(bundle_of(engine.workspace, run))
    return answer, "\n".join(_lines(run, answer))


def _lines(run: Run, answer: dict[str, Any]) -> list[str]:
    accuracy = answer["validation_accuracy"]
    if run.state == "paused" or accuracy is None:
        lines = [f"Run {run.id} {run.state}: {run.message}"]
    else:
        lines = [
            f"Run {run.id} {run.state}: {accuracy:.1%} of the validation pictures right "
            f"(epoch {answer['best_epoch']} of {answer['epochs']}, {answer['seconds']:.0f} s).",
            f"Model: {answer['bundle']}",
        ]
    return lines if run.state == "finished" else [*lines, _go_on(run)]


def _go_on(run: Run) -> str:
    return f"Go on with: python -m tl_core resume {shlex.quote(run.id)}"
