"""Made tables and folders, with the truth beside each: nothing may be read wrong in silence.

    python benchmarks/tables_and_layouts.py                 3,000 cases, in a minute
    python benchmarks/tables_and_layouts.py --cases 200 --seed 7 --show 5

A case is a list of files, some of them tables, and for each picture its class and its split, or
that it belongs to none. It comes out *right*, or as a *question*, *refused* with a sentence,
*named* (a picture left out, or a division not used, that a finding or the reading tells), or
*wrong*: a picture in another class, or a division changed, without a word. The exit status is 1
when one is wrong, or fewer than 95 % of those that have an answer come out right.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path

import made_folders as folders
import made_tables as tables
from made_folders import Case
from table import show

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tl_core.data.layout import Layout
from tl_core.data.left_out import check_left_out
from tl_core.data.question import QuestionError, Told
from tl_core.data.reading import read_layout
from tl_core.data.sources import Entry
from tl_core.errors import UserError

MAKERS = [
    folders.plain,
    folders.split_above,
    folders.split_below,
    folders.unlabelled,
    folders.grouped,
    folders.masked,
    folders.beside_docs,
    folders.doubled,
    tables.labelled,
    tables.labelled,
    tables.labelled,
    tables.two_columns,
    tables.two_columns,
    tables.twice_said,
    tables.two_labels,
    tables.one_hot,
    tables.multi_hot,
    tables.with_split,
    tables.with_split,
    tables.with_flag,
    tables.strange_split,
    tables.automl,
    tables.split_tables,
    tables.submission,
    tables.same_names,
    tables.beside_folders,
    tables.agreeing,
    tables.over_folders,
    tables.number_first,
    tables.split_folders,
    folders.wrapped,
    folders.beside_unsorted,
    folders.masks_alone,
    tables.in_parts,
    tables.site_tables,
    tables.equal_names,
    tables.other_letters,
]


def judge(case: Case) -> tuple[str, str]:
    """Return how a case came out, and what was said or wrong."""
    names = [*case.files, *case.tables]
    random.Random(len(names)).shuffle(names)  # noqa: S311
    entries = [_entry(name, case.tables.get(name, b"")) for name in names]
    try:
        layout, _ = read_layout(entries, "the case", Told(), case.named)
    except QuestionError as error:
        return "question", str(error)
    except UserError as error:
        return "refused", str(error)
    return _compared(case, layout)


def _compared(case: Case, layout: Layout) -> tuple[str, str]:
    found = {place.name: place for place in layout.places}
    named = {name for one in check_left_out(layout.skipped) for name in one.names}
    is_silent = {one.path for one in layout.skipped} - named
    missing = []
    for name, (label, split) in case.files.items():
        place = found.get(name)
        if place is None:
            if label is not None:
                missing.append(name)
            continue
        if label is None:
            return "wrong", f"{name} is of no class and was learned as {place.class_name!r}"
        if place.class_name != label:
            return "wrong", f"{name} is {label!r} and was read as {place.class_name!r}"
        if case.splits_given and layout.given_split and place.split not in (split, None):
            return "wrong", f"{name} is of {split} and was read as {place.split}"
    if case.splits_given and not layout.given_split:
        if "not used" not in layout.reading and "no split" not in layout.reading:
            return "wrong", f"the division was dropped; {layout.reading}"
        return "named", layout.reading
    if layout.given_split and not case.splits_given:
        return "wrong", f"a division was seen; {layout.reading}"
    if missing:
        silent = [name for name in missing if name in is_silent or name not in named]
        told = any(one.kind == "left-out" for one in check_left_out(layout.skipped))
        if silent and not told:
            return "wrong", f"{len(silent)} were left out without a finding, as {silent[0]}"
        return "named", f"{len(missing)} were left out, as {missing[0]}"
    return "right", layout.reading


def _entry(name: str, data: bytes) -> Entry:
    return Entry(name, len(data), lambda: io.BytesIO(data))


def made(count: int, seed: int) -> list[Case]:
    """Return as many cases, each kind in turn."""
    chances = [random.Random(f"{seed}-{n}") for n in range(count)]  # noqa: S311
    return [MAKERS[n % len(MAKERS)](r) for n, r in enumerate(chances)]


def main() -> int:
    """Print how many came out how."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=2, help="examples of what was not right")
    args = parser.parse_args()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    examples: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case in made(args.cases, args.seed):
        outcome, said = judge(case)
        if case.may_ask and outcome in ("question", "refused"):
            outcome = "asked rightly"
        found[case.kind][outcome] += 1
        examples[case.kind, outcome].append(said)
    order = ["right", "named", "asked rightly", "question", "refused", "wrong"]
    rows = [{"kind": kind, **{o: n[o] for o in order}} for kind, n in found.items()]
    show("tables_and_layouts", rows)
    for (kind, outcome), said in examples.items():
        if outcome not in ("right", "asked rightly"):
            for one in said[: args.show]:
                print(f"{outcome:8} {kind}: {one[:300]}")
    total = sum(found.values(), Counter[str]())
    clear = total.total() - total["asked rightly"]
    right = total["right"] / clear
    print(f"\n{total.total():,} cases, {clear:,} of them with one answer: {total['right']:,} right "
          f"({right:.1%}), {total['named']} named, {total['question']} asked, "
          f"{total['refused']} refused; wrong: {total['wrong']}.")  # fmt: skip
    return int(total["wrong"] > 0 or right < 0.95)


if __name__ == "__main__":
    sys.exit(main())
