"""What a check found: which pictures, why it matters, and what could be done about it.

All of it is data. Nothing here changes a dataset; a mend says what a button would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Literal

from tl_core.data.dataset import Dataset, Item

Severity = Literal["problem", "warning", "note"]
"""A problem makes figures wrong, a warning makes the network worse, a note is good to know."""

Kind = Literal[
    "unreadable",
    "truncated",
    "left-out",
    "unused",
    "blank",
    "conflict",
    "leakage",
    "duplicate",
    "near-duplicate",
    "dark",
    "bright",
    "blurry",
    "tiny",
    "odd-shape",
    "range",
    "class-names",
    "few",
    "unbalanced",
]

TITLES: Mapping[Kind, str] = {
    "conflict": "The same picture in two classes",
    "leakage": "The same picture to learn from and to check with",
    "class-names": "Classes that may be one",
    "few": "Classes with few pictures",
    "unreadable": "Files that cannot be read",
    "truncated": "Files that are cut off",
    "left-out": "Reasons why pictures were left out",
    "unused": "What was not used of the tables",
    "blank": "Pictures of one colour",
    "dark": "Very dark pictures",
    "bright": "Very bright pictures",
    "blurry": "Blurred pictures",
    "tiny": "Tiny pictures",
    "duplicate": "The same picture twice",
    "near-duplicate": "Nearly the same picture",
    "odd-shape": "Very long or very tall pictures",
    "unbalanced": "Classes of very different size",
    "range": "Pictures of more than 8 bits",
}
"""For people, in the order in which findings are told."""


_TOLD = ("range", "left-out", "unused")  # told by what they say, not counted


@dataclass(frozen=True)
class Mend:
    """What a button would do.

    Attributes:
        action: "remove" takes pictures out, "merge" puts all pictures of one class into another.
        says: what the button says.
        items: the pictures that would go.
        source: the class that would go.
        target: the class that its pictures would go to.
    """

    action: Literal["remove", "merge"]
    says: str
    items: tuple[Item, ...] = ()
    source: str = ""
    target: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: of what sort it is.
        severity: how much it matters.
        why: one sentence: what it is and why it matters.
        items: the pictures that it is about.
        names: files that were left out, or classes, that it is about. Plain text.
        mends: what can be done about it; the first is what "all of them" means on a page.
    """

    kind: Kind
    severity: Severity
    why: str
    _: KW_ONLY
    items: tuple[Item, ...] = ()
    names: tuple[str, ...] = ()
    mends: tuple[Mend, ...] = ()

    @property
    def files(self) -> frozenset[str]:
        """Hashes of the pictures."""
        return frozenset(item.file for item in self.items)


def described(finding: Finding, dataset: Dataset) -> dict[str, Any]:
    """Return a finding for scripts, with the names of classes in place of their numbers."""

    def plain(items: tuple[Item, ...]) -> list[dict[str, Any]]:
        return [
            {"file": i.file, "name": i.name, "class": dataset.classes[i.label], "split": i.split}
            for i in items
        ]

    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "why": finding.why,
        "pictures": plain(finding.items),
        "names": list(finding.names),
        "mends": [shallow(mend) | {"items": plain(mend.items)} for mend in finding.mends],
    }


def shallow(told: Finding | Mend) -> dict[str, Any]:
    """Return a finding's or a mend's fields as they are; `asdict` would copy every picture."""
    return {field.name: getattr(told, field.name) for field in fields(told)}


def by_kind(found: Iterable[Finding]) -> dict[Kind, list[Finding]]:
    """Return findings in groups of one kind, in the order in which people should read them."""
    groups: dict[Kind, list[Finding]] = {kind: [] for kind in TITLES}
    for finding in found:
        groups[finding.kind].append(finding)
    return {kind: group for kind, group in groups.items() if group}


def summed_up(found: Iterable[Finding]) -> list[str]:
    """Return one line for each kind of finding: how many there are, or what it says.

    >>> summed_up([Finding("few", "warning", "The class ants has 3 pictures.", names=("ants",))])
    ['Found  Classes with few pictures: 1']
    """
    return [
        f"Found  {TITLES[kind]}: {said}"
        for kind, group in by_kind(found).items()
        for said in ([one.why for one in group] if kind in _TOLD else [len(group)])
    ]


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return names as a list in a sentence.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
