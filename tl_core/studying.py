"""Studies in the terminal: `python -m tl_core study NAME --data …`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from tl_core.backbones.catalog import find_card
from tl_core.backbones.weights_file import check_file
from tl_core.config import DEVICES
from tl_core.data.dataset import Dataset
from tl_core.errors import UserError
from tl_core.escape import in_terminal
from tl_core.running import check_device
from tl_core.runs.engines.local import LocalEngine
from tl_core.runs.store import Store
from tl_core.studies.columns import cell
from tl_core.studies.kinds import KINDS, find_kind
from tl_core.studies.study import Asked, Reading, Study, find_study, start, stop
from tl_core.terminal import follow
from tl_core.workspace import Workspace


def add_options(parser: ArgumentParser) -> None:
    """Add what `study` takes to its parser."""
    parser.add_argument("name", metavar="NAME", help=", ".join(KINDS))
    parser.add_argument("--data", required=True, help="a dataset's name, or a SOURCE of import")
    parser.add_argument("--backbone", default="mini", help="that the question is about, if any")
    parser.add_argument("--seeds", type=int, default=3, help="repetitions of what chance decides")
    parser.add_argument(
        "--weights", action="append", default=[], metavar="BACKBONE=FILE.safetensors",
        help="weights that you bring for a backbone; may be given several times",
    )  # fmt: skip
    parser.add_argument("--download", action="store_true", help="download weights not here yet")
    parser.add_argument("--device", default="auto", help=", ".join(DEVICES))


def check(args: Namespace) -> None:
    """Say what contradicts itself before pictures are imported.

    Raises:
        UserError: no such study or backbone, or a file that is not there.
    """
    find_kind(args.name)
    find_card(args.backbone)
    _weights(args.weights)
    if not 1 <= args.seeds <= 20:
        raise UserError(f"The number of seeds must be between 1 and 20, and {args.seeds} is not.")
    check_device(args.device)


def study(
    args: Namespace, workspace: Workspace, store: Store, dataset: Dataset
) -> tuple[dict[str, Any], str]:
    """Carry out a study and return what it came to, for `--json` and for people.

    Ctrl-C stops the run that is being trained and those that wait; what the others told is kept.

    Raises:
        UserError: these pictures cannot answer the question, or no run has finished.
    """
    kind = find_kind(args.name)
    asked = Asked(
        dataset, args.backbone, args.seeds, _weights(args.weights), args.download, args.device
    )
    plan = kind.plan(asked)
    engine = LocalEngine(workspace, store)
    made = find_study(store, start(engine, args.name, plan, dataset.name))
    made = _carried_out(engine, made, sys.stderr)
    if not made.finished:
        raise UserError(made.runs[0][1].message or "Nothing of the study has run.")
    reading = kind.read(made, store, workspace)
    answer = {
        "study_id": made.id,
        "study": args.name,
        "state": "finished" if len(made.finished) == len(made.runs) else "partial",
        "dataset": dataset.name,
        "seconds": round(sum(run.facts.get("seconds") or 0.0 for _, run in made.runs), 3),
        **reading.to_dict(),
        "runs": [
            {"label": label, "run_id": run.id, "state": run.state} for label, run in made.runs
        ],
    }
    return answer, "\n".join(in_terminal(line) for line in as_text(reading))


def _carried_out(engine: LocalEngine, made: Study, out: TextIO) -> Study:
    store = engine.store
    for number, (label, run) in enumerate(made.runs, 1):
        out.write(f"{number} of {len(made.runs)}: {label}\n")
        ended = follow(engine.workspace, store, run.id, out, brief=True)
        if ended.state == "stopped":
            stop(engine, find_study(store, made.id))
            break
    return find_study(store, made.id)


def _weights(given: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for pair in given:
        name, _, file = pair.partition("=")
        path = Path(file)
        if not file or not path.is_file():
            raise UserError(
                f"--weights takes a backbone and a file that is there, as in "
                f"resnet18=my.safetensors, and {pair!r} is not that."
            )
        card = find_card(name)
        check_file(path)
        found[card.name] = str(path.resolve())
    return found


def as_text(reading: Reading[Any]) -> list[str]:
    """Return a reading as lines for people: the answer, the reason, and a table."""
    rows = reading.to_dict()["rows"]
    names = rows[0] if rows else {}
    heads = [name for name in names if any(cell(name, row[name]) for row in rows)]
    table = [heads, *([cell(name, row[name]) for name in heads] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(heads))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]
    return [*filter(None, (reading.headline, reading.why)), *lines]
