"""Hostile pictures, archives and tables by the thousand: no crash, no hang, nothing outside.

Every case must end in a picture, a dataset or one sentence (`UserError`), in time, with nothing
written outside the workspace and nothing half-made left in it.
"""

from __future__ import annotations

import argparse
import io
import json
import operator
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import hostile
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.data.dataset import list_datasets
from tl_core.data.decode import open_image
from tl_core.data.intake import import_entries, import_source
from tl_core.data.sketch import sketch
from tl_core.data.sources import Entry
from tl_core.errors import UserError
from tl_core.workspace import Workspace

LONGEST = 5.0  # seconds of one case
LARGEST = 1 << 30  # bytes of memory of the process
GOOD = [f"{number}.png" for number in range(8)]
KINDS = ("picture", "large", "zip", "tar", "table")
SHARES = (0.58, 0.02, 0.15, 0.15, 0.1)


def main() -> None:
    """Run every kind in a fresh process, or one kind in this one, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--awkward", type=Path, help="a folder of real awkward files to mutate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.kind:
        print(json.dumps(run(args.kind, args.cases, args.awkward, args.seed)))
        return
    rows = []
    for kind, share in zip(KINDS, SHARES, strict=True):
        more = ["--awkward", str(args.awkward)] if args.awkward else []
        command = [sys.executable, __file__, "--kind", kind, "--cases",
                   str(int(args.cases * share)), "--seed", str(args.seed), *more]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        rows.append(json.loads(done.stdout))
    show("fuzz", rows)


def run(kind: str, cases: int, awkward: Path | None = None, start: int = 1) -> dict[str, Any]:
    """Try so many cases of a kind, and return what happened.

    Raises:
        AssertionError: a case broke a promise; the error of hypothesis says which.
    """
    originals = hostile.seeds(awkward)
    large = Path(tempfile.mkdtemp()) if kind == "large" else Path()
    if kind == "large":  # made by a process of its own, whose memory is not ours
        maker = Path(__file__).with_name("large_pictures.py")
        subprocess.run([sys.executable, maker, large], check=True)
    strategy: st.SearchStrategy[Any] = {
        "picture": hostile.pictures(originals),
        "large": hostile.large(sorted(large.iterdir())) if kind == "large" else st.nothing(),
        "zip": hostile.zips(originals),
        "tar": hostile.tars(originals),
        "table": st.tuples(
            st.builds(operator.add, st.sampled_from([hostile.good_table, b""]), hostile.tables),
            st.lists(hostile.names | hostile.good_names).map(lambda names: [*GOOD, *names]),
        ),
    }[kind]
    ended: Counter[str] = Counter()
    longest = 0.0
    warnings.simplefilter("ignore")  # Pillow's, about pictures that are not what they say
    with tempfile.TemporaryDirectory() as outer:
        place = Path(outer) / "deep" / "deeper" / "workspace"
        attempt = attempts(kind, place)

        # Where it fails, the case as it came says enough; to shrink it takes long.
        @seed(start)
        @settings(max_examples=cases, deadline=None, database=None, print_blob=False,
                  suppress_health_check=list(HealthCheck), phases=[Phase.generate])  # fmt: skip
        @given(strategy)
        def each(case: Any) -> None:
            nonlocal longest
            began = time.perf_counter()
            ended[attempt(case)] += 1
            longest = max(longest, time.perf_counter() - began)
            assert longest < LONGEST, f"{longest:.1f} s"
            assert_contained(Path(outer), place)

        each()
    if kind == "large":
        shutil.rmtree(large)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert most < LARGEST, f"{most >> 20} MB"
    return {
        "kind": kind,
        "cases": ended.total(),
        "taken in": ended["taken in"],
        "refused": ended["refused"],
        "longest s": longest,
        "memory MB": most >> 20,
    }


def attempts(kind: str, place: Path) -> Callable[[Any], str]:
    """Return the function that tries one case of a kind in a workspace at `place`."""
    workspace, good = Workspace.open(place), hostile.good_files()

    def said(work: Callable[[], object]) -> str:
        try:
            work()
        except UserError:
            return "refused"
        return "taken in"

    def picture(case: bytes) -> str:
        return said(lambda: sketch(open_image(case)))

    def archive(case: bytes) -> str:
        source = place / f"x.{kind}"
        source.write_bytes(case)
        try:
            return said(lambda: import_source(workspace, source))
        finally:
            source.unlink()
            clear(workspace)

    def table(case: tuple[bytes, Sequence[str]]) -> str:
        content, called = case
        entries = [Entry("labels.csv", len(content), lambda: io.BytesIO(content))]
        for name, file in zip(called, cycle(good), strict=False):
            entries.append(Entry(name, len(file.data), partial(io.BytesIO, file.data)))
        try:
            return said(lambda: import_entries(workspace, entries, "it"))
        finally:
            clear(workspace)

    def large(case: tuple[Path, Sequence[hostile.Change]]) -> str:
        path, changes = case
        return picture(hostile.changed((path.read_bytes(), changes)))

    return {"picture": picture, "large": large, "zip": archive, "tar": archive, "table": table}[
        kind
    ]


def clear(workspace: Workspace) -> None:
    """Check that nothing half-made is left, then empty the workspace."""
    whole = {dataset.id for dataset in list_datasets(workspace)}
    there = {path.name for path in workspace.datasets.iterdir()}
    assert there == whole, f"left behind: {there - whole}"
    for folder in (workspace.datasets, workspace.cache):
        shutil.rmtree(folder)
        folder.mkdir()


def assert_contained(outer: Path, place: Path) -> None:
    """Check that nothing lies beside the workspace, up to where names could climb."""
    for folder, only in ((outer, "deep"), (outer / "deep", "deeper"), (place.parent, place.name)):
        assert [path.name for path in folder.iterdir()] == [only]


if __name__ == "__main__":
    main()
