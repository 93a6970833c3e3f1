"""What single flipped bytes do to a workspace: nothing may be wrong in silence.

    python benchmarks/flips.py                  1,000 flips, on two processes
    python benchmarks/flips.py --cases 50       fewer

In each case one byte of one file of a small workspace is changed, then all is done that reads such
a file: training again, extending, predicting, evaluating, checking the pictures, exporting. What
comes of it is the undisturbed answer, or a sentence. The exit status is 1 when it is anything else.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.bundles.archive import check_whole
from tl_core.bundles.manifest import WEIGHTS
from tl_core.config import RunConfig
from tl_core.data.dataset import find_dataset
from tl_core.data.intake import import_source
from tl_core.data.scan import Scan
from tl_core.errors import HeadstartError
from tl_core.runs.evaluating import predictions
from tl_core.runs.execute import execute
from tl_core.runs.exporting import export
from tl_core.runs.locate import bundle_of, find_bundle
from tl_core.runs.queue import claim, register
from tl_core.runs.rebuild import open_store
from tl_core.runs.run import Run
from tl_core.runs.summary import result
from tl_core.workspace import Workspace

CLASSES = {"red": (180, 60, 60), "green": (60, 180, 60), "blue": (60, 60, 180)}
_TIMES = {"seconds", "wall_seconds", "images_per_second", "run_id", "bundle", "created"}
_Check = Callable[[Workspace, str], Any]


@dataclass(frozen=True)
class Kind:
    """A kind of file, and what is done once one of it is damaged.

    Attributes:
        glob: which files, below the workspace.
        check: returns what has to stay as it is.
        without: what is deleted first, so that the file is read at all.
    """

    glob: str
    check: _Check
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of one flip: `as it was`, `named` or `wrong`, and the words."""

    kind: str
    came: str
    said: str


def make_pictures(folder: Path) -> Path:
    """Draw twelve noisy JPEGs in each of three classes."""
    noise = np.random.default_rng(0)
    for name, colour in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for number in range(12):
            values = np.array(colour) + noise.normal(0, 60, (48, 48, 3))
            picture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
            picture.save(folder / name / f"{number}.jpg")
    return folder


def train(workspace: Workspace, dataset: str) -> str:
    """Train two epochs in this process, as a worker would; return the run's id.

    Raises:
        HeadstartError: the run failed; the message is its own.
    """
    store = open_store(workspace)
    run = store.create(RunConfig(dataset, "mini", epochs=2, device="cpu", recipe="fine-tune"))
    return work(workspace, run)


def work(workspace: Workspace, run: str) -> str:
    """Train what waits, as a worker would; see `train`."""
    store = open_store(workspace)
    register(store, "cpu", ["cpu"], "flips", os.getpid())
    claimed = claim(store, "flips")
    assert claimed is not None
    execute(workspace, store, claimed, "flips")
    ended = store.run(run)
    if ended.state != "finished":
        raise HeadstartError(ended.message or ended.state)
    return run


def answer_of(workspace: Workspace, run: str) -> Any:
    """Return a run's figures and its weights."""
    ended = open_store(workspace).run(run)
    return figures_of(ended), check_whole(bundle_of(workspace, ended)).members[WEIGHTS].sha256


def figures_of(run: Run) -> dict[str, Any]:
    """Return what a run came to, without what differs between two equal ones."""
    return {key: value for key, value in result(run).items() if key not in _TIMES}


def again(workspace: Workspace, run: str) -> Any:
    """Train the same once more."""
    dataset = open_store(workspace).run(run).config.dataset
    return answer_of(workspace, train(workspace, dataset))


def extended(workspace: Workspace, run: str) -> Any:
    """Train the finished run some more."""
    open_store(workspace).extend(run, 1)
    return answer_of(workspace, work(workspace, run))


def checked(workspace: Workspace, run: str) -> Any:
    """Check the pictures."""
    dataset = find_dataset(workspace, open_store(workspace).run(run).config.dataset)
    found = Scan(workspace, dataset).finish()
    if lost := [item.name for told in found if told.kind == "unreadable" for item in told.items]:
        raise HeadstartError(f"cannot be read: {', '.join(lost)}")
    return found


def evaluated(workspace: Workspace, run: str) -> Any:
    """Ask what the model said of the validation pictures."""
    made = predictions(workspace, open_store(workspace).run(run), "validation")
    return made.logits.tobytes(), made.labels.tobytes(), made.files


def predicted(workspace: Workspace, run: str) -> Any:
    """Hand out the bundle, open the copy and predict with it."""
    from tl_core.bundles.predict import Model

    target = workspace.root / "copy.headstart"
    export(workspace, run, "bundle", target)
    model = Model(find_bundle(str(target)))
    pictures = np.random.default_rng(0).integers(0, 255, (4, 96, 96, 3), np.uint8)
    return model.logits(model.features(pictures)).tobytes()


def listed(workspace: Workspace, run: str) -> Any:
    """Read what the store says of the run, event by event."""
    store = open_store(workspace)
    return figures_of(store.run(run)), [str(item.event) for item in store.events(run)]


KINDS = {
    "pixels": Kind("cache/pixels/*/*.npy", again, ("cache/activations",)),
    "whose pixels": Kind("cache/pixels/*/*.json", again, ("cache/activations",)),
    "activations": Kind("cache/activations/*", again),
    "pictures": Kind("datasets/*/files/*/*", again, ("cache",)),
    "sketches": Kind("cache/sketches/*/*", checked),
    "pictures checked": Kind("datasets/*/files/*/*", checked, ("cache",)),
    "predictions": Kind("runs/*/predictions.safetensors", evaluated),
    "bundle": Kind("runs/*/model.headstart", predicted),
    "checkpoint": Kind("runs/*/checkpoint.safetensors", extended),
    "store": Kind("headstart.db", listed),
}


def make_workspace(folder: Path) -> tuple[Workspace, str]:
    """Make what is damaged: a dataset that was checked, and a finished run of it."""
    workspace = Workspace(folder / "workspace")
    workspace.runs.mkdir(parents=True)
    dataset = import_source(workspace, make_pictures(folder / "pictures"))
    Scan(workspace, dataset).finish()
    return workspace, train(workspace, dataset.id)


@contextmanager
def copied(root: Path, without: Sequence[str]) -> Iterator[Workspace]:
    """Yield a copy of a workspace, without some of its folders, that is gone afterwards."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(root, copy := Path(place) / "workspace")
        for folder in without:
            shutil.rmtree(copy / folder)
        yield Workspace(copy)


def flip(root: Path, run: str, kind: str, seed: int) -> Outcome:
    """Change one byte of a copy, and compare what comes of it with what came without."""
    torch.set_num_threads(1)
    chosen, chance = KINDS[kind], np.random.default_rng(seed)
    with copied(root, chosen.without) as workspace:
        files = sorted(workspace.root.glob(chosen.glob))
        file = files[chance.integers(len(files))]
        data = bytearray(file.read_bytes())
        place = int(chance.integers(len(data)))
        data[place] ^= int(chance.integers(1, 256))
        file.write_bytes(data)
        where = f"{file.relative_to(workspace.root)} at {place:,} of {len(data):,}"
        try:
            came = chosen.check(workspace, run)
        except HeadstartError as error:
            ours = "our side" in str(error)
            return Outcome(kind, "wrong" if ours else "named", f"{where}: {error}")
        except Exception as error:
            return Outcome(kind, "wrong", f"{where}: {error!r}")
    if came == undisturbed(root, run, kind):
        return Outcome(kind, "as it was", where)
    return Outcome(kind, "wrong", f"{where}: another answer")


_known: dict[str, Any] = {}


def undisturbed(root: Path, run: str, kind: str) -> Any:
    """Return what a check answers where nothing was damaged."""
    chosen = KINDS[kind]
    if kind not in _known:
        with copied(root, chosen.without) as workspace:
            _known[kind] = chosen.check(workspace, run)
    return _known[kind]


def main() -> None:
    """Flip bytes of every kind of file in turn, and count what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        workspace, run = make_workspace(Path(place))
        kinds = [list(KINDS)[number % len(KINDS)] for number in range(args.cases)]
        seeds = range(args.seed, args.seed + args.cases)
        with ProcessPoolExecutor(args.processes) as pool:
            tried = partial(flip, workspace.root, run)
            outcomes = list(pool.map(tried, kinds, seeds, chunksize=10))
    counts = Counter((outcome.kind, outcome.came) for outcome in outcomes)
    for outcome in outcomes:
        if outcome.came == "wrong":
            print(outcome.kind, outcome.said, file=sys.stderr)
    columns = ("as it was", "named", "wrong")
    rows = [{"file": kind, **{came: counts[kind, came] for came in columns}} for kind in KINDS]
    total = {came: sum(counts[kind, came] for kind in KINDS) for came in columns}
    show("flips", [*rows, {"file": "all", **total}])
    sys.exit(bool(total["wrong"]))


if __name__ == "__main__":
    main()
