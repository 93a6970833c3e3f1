"""Pre-train a backbone: `python -m tl_core.pretrain DATA --out FILE.safetensors`.

DATA is a folder or a .zip of class folders, or of `train/` and `val/` with class folders in each.
Stopped at any moment, the same command goes on from the last checkpoint; what it keeps for that
stands beside FILE, in FILE.work (or in --work, which several runs on the same DATA may share), and
may be deleted when it is done. Exit status: 0 done, 2 you
can mend it (one sentence says how).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from safetensors.torch import save
from tqdm import tqdm

from tl_core.backbones.catalog import find_card
from tl_core.config import DEVICES
from tl_core.errors import HeadstartError, UserError
from tl_core.pretraining.collection import read_collection
from tl_core.pretraining.loop import Run
from tl_core.pretraining.progress import EpochDone
from tl_core.pretraining.settings import Settings
from tl_core.pretraining.teacher import Answers, ask_teacher
from tl_core.training.device import choose_device, set_up
from tl_core.workspace import write_atomic

_SAY_SECONDS = 30.0


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}; see: {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    usual = Settings()
    parser = _Parser(prog="python -m tl_core.pretrain", description=__doc__)
    parser.add_argument("data", metavar="DATA", type=Path, help="a folder or .zip")
    parser.add_argument("--out", required=True, type=Path, help="the .safetensors file to write")
    parser.add_argument("--teacher", metavar="BACKBONE[=FILE]", help="imitate it, too")
    parser.add_argument("--start", metavar="FILE", type=Path, help="weights to begin with")
    parser.add_argument("--work", metavar="FOLDER", type=Path, help="for what it keeps")
    parser.add_argument("--backbone", default=usual.backbone)
    parser.add_argument("--epochs", type=int, default=usual.epochs)
    parser.add_argument("--batch-size", type=int, default=usual.batch_size)
    parser.add_argument("--lr", type=float, default=usual.lr, help="peak rate of AdamW")
    parser.add_argument("--size", type=int, default=usual.size, help="pixels, in the last epochs")
    parser.add_argument("--augment", default=usual.augment, choices=("light", "strong"))
    parser.add_argument("--side", type=int, default=usual.side, help="pixels, as kept decoded")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--device", default="auto", choices=DEVICES)
    return parser


def pretrain(args: argparse.Namespace) -> None:
    """Read, ask the teacher, train, and write the averaged weights.

    Raises:
        UserError: something the person can mend.
    """
    names = ("backbone", "epochs", "batch_size", "lr", "size", "augment", "side", "seed")
    settings = Settings(**{name: getattr(args, name) for name in names})
    out: Path = args.out
    if out.suffix != ".safetensors":
        raise UserError(f"The file to write must end in .safetensors, and {out.name} does not.")
    find_card(settings.backbone)
    name, _, file = (args.teacher or "").partition("=")
    weights = Path(file) if file else None
    if name:
        find_card(name)
    for given in (weights, args.start):
        if given is not None and not given.is_file():
            raise UserError(f"There is no weights file {given}; check the name.")
    work: Path = args.work or out.with_name(f"{out.stem}.work")
    work.mkdir(parents=True, exist_ok=True)
    device = choose_device(args.device)
    set_up(device)
    tell = _teller()
    collection = read_collection(args.data, settings.side, work, tell)
    answers: Answers | None = None
    if name:
        size = 2 * settings.side
        answers = ask_teacher(name, weights, collection.train, size, work, device, tell)
    checkpoint = work / f"{out.stem}-checkpoint.safetensors"
    run = Run(settings, collection, answers, device, checkpoint, args.start)
    _say(f"{len(collection.train.labels)} pictures of {len(collection.classes)} classes, "
         f"{run.steps} steps, {run.step} done")  # fmt: skip
    for event in run.train():
        if isinstance(event, EpochDone):
            accuracy = event.validation_accuracy
            _say(
                f"epoch {event.epoch} of {settings.epochs}   {event.size} px   "
                f"loss {event.loss:.3f}   of the classes {event.class_loss:.3f}"
                + (f"   validation accuracy {accuracy:.1%}" if accuracy is not None else "")
            )
        else:
            tell("Learning", event.done, event.total, event.seconds_left)
    write_atomic(out, save(run.student.published()))
    figures = {"settings": settings.to_dict(), "epochs": [vars(e) for e in run.epochs]}
    write_atomic(out.with_suffix(".json"), json.dumps(figures, indent=1).encode())
    _say(f"Written: {out}")


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stderr)


def _teller() -> Callable[..., None]:
    """Return a function that says how far something is, at most every half minute."""
    said = time.monotonic()

    def tell(what: str, done: int, total: int, seconds_left: float | None = None) -> None:
        nonlocal said
        if done < total and time.monotonic() - said < _SAY_SECONDS:
            return
        said = time.monotonic()
        left = f", about {seconds_left / 60:.0f} min left" if seconds_left is not None else ""
        _say(f"{what}: {done} of {total}{left}")

    return tell


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status."""
    try:
        pretrain(build_parser().parse_args(argv))
    except HeadstartError as error:
        _say(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        _say("Stopped; the same command goes on from the last checkpoint.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
