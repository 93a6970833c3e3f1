"""The terminal: the same runs without a browser. `python -m tl_core --help` tells the rest.

Exit status 0 done, 2 the person can mend it, 1 our fault. With `--json` standard output carries
exactly one JSON object; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from tl_core import importing, running, studying
from tl_core.backbones.card import Card
from tl_core.backbones.catalog import catalogue
from tl_core.backbones.weights import convert, works_offline
from tl_core.bundles.doubts import DOUBTS
from tl_core.console import never_fail, table_output
from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.finding import Finding, described, summed_up
from tl_core.data.open import import_any, open_dataset, ready_names
from tl_core.data.packed import is_archive
from tl_core.data.question import OPTIONS, Told
from tl_core.data.scan import findings
from tl_core.errors import HeadstartError, UserError, unknown
from tl_core.escape import encodable, in_terminal
from tl_core.evaluation.report import as_json, as_text, report
from tl_core.faults import as_sentence
from tl_core.runs.batch import Answered, write_table
from tl_core.runs.evaluating import names_of, predictions
from tl_core.runs.exporting import KINDS, export, writing_to
from tl_core.runs.locate import find_bundle
from tl_core.runs.predictor.predicting import Answer as Shares
from tl_core.runs.predictor.predicting import largest_first
from tl_core.runs.rebuild import open_store
from tl_core.studies.receipt import receipt
from tl_core.workspace import Workspace, write_atomic


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}; see: {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = _Parser(prog="python -m tl_core", description="Headstart without a browser.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    def command(name: str, what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what)
        made.add_argument("--json", action="store_true", help="answer with one JSON object")
        return made

    command("backbones", "List every backbone with its stages.")
    running.add_commands(command)
    import_ = command("import", "Take in a folder or an archive of class folders, or a ready set.")
    ready = f"a folder, a .zip or .tar, or {', '.join(ready_names())}; public sets are downloaded"
    import_.add_argument("source", metavar="SOURCE", help=ready)
    import_.add_argument("--name", help="what to call the dataset of a folder or an archive")
    for option in OPTIONS:
        import_.add_argument(f"--{option.replace('_', '-')}", default="", help="answers a question")
    evaluate = command("evaluate", "Count what a finished run gets right and what it confuses.")
    evaluate.add_argument("run", metavar="RUN", help="a run's id")
    evaluate.add_argument("--split", default="validation", choices=("validation", "test"))
    predict = command("predict", "Predict pictures with a trained model.")
    predict.add_argument("--model", required=True, help="a run's id or a .headstart file")
    predict.add_argument("--csv", action="store_true", help="answer with a table")
    predict.add_argument("paths", metavar="PATH", nargs="+", help="pictures or folders")
    studying.add_options(command("study", "Answer a question with several runs."))
    export = command("export", "Write a model as a file (a bundle, ONNX, scripts), or a receipt.")
    export.add_argument("run", metavar="RUN", help="a run's id or a .headstart file; a study's id "
                        "for a receipt")  # fmt: skip
    formats = ", ".join((*KINDS, RECEIPT))
    export.add_argument("--format", required=True, metavar="FORMAT", help=formats)
    export.add_argument("-o", "--output", required=True, metavar="FILE", type=Path)
    turn = command("convert-weights", "Turn a .pth file into .safetensors, running nothing in it.")
    turn.add_argument("source", metavar="IN.pth", type=Path)
    turn.add_argument("target", metavar="OUT.safetensors", type=Path)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    began = time.perf_counter()
    never_fail()
    try:
        args = build_parser().parse_args(argv)
        answer, text = _COMMANDS[args.command](args)
        if args.command in running.FOLLOWED:
            answer["wall_seconds"] = round(time.perf_counter() - began + _since_start(), 3)
        if args.json or text:
            print(json.dumps(answer) if args.json else text)  # noqa: T201
    except HeadstartError as error:
        print(in_terminal(str(error)), file=sys.stderr)  # noqa: T201
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        if told := as_sentence(error):
            print(told, file=sys.stderr)  # noqa: T201
            return told.exit_status
        print(_fault(), file=sys.stderr)  # noqa: T201
        return 1
    return 0


RECEIPT = "receipt"
"""The format of `export` that is about a run or a study, and not of a model."""

Answer = tuple[dict[str, Any], str]  # for --json, and for people


def _backbones(_args: argparse.Namespace) -> Answer:
    cards = list(catalogue().values())
    rows = [
        f"{c.name:20} {c.title:44} {c.year}  {c.parameters / 1e6:6.1f} M  "
        f"{'ready' if works_offline(c) else 'download'}"
        for c in cards
    ]
    return {"backbones": [_describe(card) for card in cards]}, "\n".join(rows)


def _describe(card: Card) -> dict[str, Any]:
    weights = card.weights
    return {
        "name": card.name,
        "title": card.title,
        "year": card.year,
        "paper": card.paper,
        "story": card.story,
        "contest": card.contest,
        "bundled": weights is None or weights.bundled,
        "ready": works_offline(card),
        "pretrained": weights is not None,
        "stages": list(card.stage_names),
        "parameters": card.parameters,
        "gmac": round(card.gmac, 3),
        "input_size": card.preprocessing.size,
        "top1": weights.top1 if weights else None,
        "top5": weights.top5 if weights else None,
        "download_bytes": weights.bytes if weights and not weights.bundled else 0,
        "licence": weights.licence if weights else "Starts from scratch: there are no weights.",
    }


def _import(args: argparse.Namespace) -> Answer:
    workspace = Workspace.open()
    told = Told(**{option: getattr(args, option) for option in OPTIONS})
    known = {dataset.id for dataset in list_datasets(workspace)}
    dataset = import_any(workspace, args.source, args.name, told=told, progress=_counter(args.json))
    found = findings(workspace, dataset, _counter(args.json, "Checking"))
    return _dataset(dataset, found), "\n".join(
        in_terminal(line)
        for line in [*importing.said(dataset, args.name, is_new=dataset.id not in known),
                     *summed_up(one for one in found if one.kind != "left-out")]
    )  # fmt: skip


def _dataset(dataset: Dataset, found: Sequence[Finding]) -> dict[str, Any]:
    return {
        "dataset": dataset.name,
        "id": dataset.id,
        "path": str(dataset.folder),
        "classes": dataset.counts(),
        "images": len(dataset.items),
        "splits": dataset.split_counts(),
        "reading": dataset.reading,
        "skipped": [{"path": s.path, "reason": s.reason} for s in dataset.skipped],
        "findings": [described(finding, dataset) for finding in found],
    }


def _train(args: argparse.Namespace) -> Answer:
    return running.train(args, _counter(args.json))


def _evaluate(args: argparse.Namespace) -> Answer:
    workspace = Workspace.open()
    run = open_store(workspace).run(args.run)
    made = predictions(workspace, run, args.split, _counter(args.json, "Opening"))
    found = report(made, run.facts["classes"])
    answer = as_json(found, made, names_of(workspace, run, made))
    head = f"Run {run.id}, {args.split}:"
    lines = [in_terminal(line) for line in as_text(answer)]
    return {"run_id": run.id, "split": args.split, **answer}, "\n".join([head, *lines])


def _study(args: argparse.Namespace) -> Answer:
    studying.check(args)
    workspace = Workspace.open()
    dataset = open_dataset(workspace, args.data, progress=_counter(args.json))
    return studying.study(args, workspace, open_store(workspace), dataset)


def _predict(args: argparse.Namespace) -> Answer:
    from tl_core.bundles.predict import Model

    paths = _pictures(args.paths)
    model = Model(find_bundle(args.model))
    answer: dict[str, Any] = {"predictions": [], "skipped": []}
    for path, outcome in zip(paths, model.predict(paths), strict=True):
        if isinstance(outcome, HeadstartError):
            answer["skipped"].append({"path": str(path), "reason": str(outcome)})
            continue
        answer["predictions"].append(
            {
                "path": str(path),
                "class": outcome.best,
                "probability": outcome.probability,
                "probabilities": outcome.probabilities,
                "doubts": list(outcome.doubts),
            }
        )
    if not answer["predictions"]:
        reason = answer["skipped"][0]["reason"] if answer["skipped"] else "there were none"
        raise UserError(f"None of these could be read as a picture ({reason}); try other files.")
    left_out = [f"skipped  {in_terminal(s['path'])}: {s['reason']}" for s in answer["skipped"]]
    if args.csv and not args.json:
        _write_csv(answer["predictions"])
        sys.stderr.writelines(f"{line}\n" for line in left_out)
        return answer, ""
    lines = [
        f"{p['probability']:6.1%}  {in_terminal(p['class'])}  {in_terminal(p['path'])}"
        + (f"  ({', '.join(DOUBTS[doubt] for doubt in p['doubts'])})" if p["doubts"] else "")
        for p in answer["predictions"]
    ]
    return answer, "\n".join(lines + left_out)


def _pictures(paths: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for name in paths:
        path = Path(name)
        if not name or not path.exists():
            raise UserError(f"There is no file or folder {name or repr(name)}; check the name.")
        if not (path.is_file() or path.is_dir()):  # opening a pipe could wait for ever
            raise UserError(f"{path} is neither a file nor a folder; name pictures or folders.")
        if path.is_file() and is_archive(path):
            raise UserError(f"{path} is an archive; unpack it and name the folder instead.")
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        found += [p for p in inside if not p.name.startswith(".")] if path.is_dir() else inside
    return found


def _write_csv(predictions: list[dict[str, Any]]) -> None:
    rows = [
        Answered(p["path"], None, Shares(largest_first(p["probabilities"]), "", tuple(p["doubts"])))
        for p in predictions
    ]
    with table_output() as out:
        write_table(rows, list(predictions[0]["probabilities"]), out)


def _export(args: argparse.Namespace) -> Answer:
    if args.format == RECEIPT:
        return _receipt(args.run, args.output)
    if args.format not in KINDS:
        raise unknown("format", args.format, (*KINDS, RECEIPT))
    made = export(Workspace.open(), args.run, args.format, args.output)
    files = [str(file) for file in made.files]
    answer = {"format": args.format, "files": files, "checked": made.said}
    return answer, "\n".join([*(f"Wrote {in_terminal(file)}" for file in files), made.said])


def _receipt(which: str, target: Path) -> Answer:
    workspace = Workspace.open()
    text = receipt(workspace, open_store(workspace), which)
    with writing_to(target):
        write_atomic(target, text.encode())
    said = "Any browser opens it and prints it; it refers to nothing outside of it."
    answer = {"format": RECEIPT, "files": [str(target)], "checked": said}
    return answer, f"Wrote {in_terminal(str(target))}\n{said}"


def _convert(args: argparse.Namespace) -> Answer:
    with writing_to(args.target):
        count = convert(args.source, args.target)
    text = f"Wrote {count} tensors to {args.target}."
    return {"path": str(args.target), "tensors": count}, text


def _counter(quiet: bool, doing: str = "Importing") -> Any:
    from tqdm import tqdm

    bar = tqdm(desc=doing, unit="", unit_scale=True, file=sys.stderr, leave=False,
               disable=quiet or not sys.stderr.isatty())  # fmt: skip

    def tell(done: int, total: int) -> None:
        bar.total, bar.n = total, done
        bar.refresh()
        if done == total:
            bar.clear()

    return tell


def _since_start() -> float:
    """Return the seconds between the process's start and the import of this module."""
    try:
        with Path("/proc/self/stat").open() as stat:
            ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
        with Path("/proc/uptime").open() as uptime:
            alive = float(uptime.read().split()[0]) - ticks / 100
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(0.0, alive - (time.perf_counter() - _IMPORTED))


def _fault() -> str:
    import traceback

    try:
        log = Workspace.open().root / "terminal.log"
        write_atomic(log, encodable(traceback.format_exc()).encode())
    except (HeadstartError, OSError):
        return "Something went wrong on our side, and the details could not be written down."
    return f"Something went wrong on our side; the details are in {log}."


_IMPORTED = time.perf_counter()
_COMMANDS = {
    "backbones": _backbones,
    "import": _import,
    "train": _train,
    "runs": running.runs,
    "resume": running.resume,
    "pause": running.pause,
    "stop": running.stop,
    "extend": running.extend,
    "evaluate": _evaluate,
    "study": _study,
    "predict": _predict,
    "export": _export,
    "convert-weights": _convert,
}
