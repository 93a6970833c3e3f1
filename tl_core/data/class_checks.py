"""What is to be said of a dataset's classes: their names and their sizes."""

from __future__ import annotations

from tl_core.data.dataset import Dataset
from tl_core.data.finding import Finding, Mend, listed
from tl_core.data.names import lookalikes

FEW, UNBALANCED = 20, 4
"""Pictures of a class; how many times larger the largest class is."""


def check_classes(dataset: Dataset) -> list[Finding]:
    """Return the findings about names that may be one, small classes, and unequal ones."""
    return [*_names(dataset), *_few(dataset), *_unbalanced(dataset)]


def _names(dataset: Dataset) -> list[Finding]:
    counts = dataset.counts()
    found = []
    for a, b, how in lookalikes(dataset.classes):
        source, target = sorted((dataset.classes[a], dataset.classes[b]), key=counts.__getitem__)
        why = (
            f"The names of the classes {listed([source, target])} differ only {how}, so they are "
            "probably one class, and telling them apart would be chance."
        )
        mend = Mend("merge", f"Put {source} into {target}", source=source, target=target)
        found.append(Finding("class-names", "warning", why, names=(source, target), mends=(mend,)))
    return found


def _few(dataset: Dataset) -> list[Finding]:
    return [
        Finding(
            "few",
            "warning",
            f"The class {name} has {count} pictures, little to learn from and less to check with; "
            f"add some, because from {FEW} on its figures begin to mean something.",
            names=(name,),
        )
        for name, count in dataset.counts().items()
        if count < FEW
    ]


def _unbalanced(dataset: Dataset) -> list[Finding]:
    counts = dataset.counts()
    largest = max(counts, key=counts.__getitem__)
    small = [name for name, count in counts.items() if count * UNBALANCED <= counts[largest]]
    if not small:
        return []
    why = (
        f"The class {largest} has {counts[largest]} pictures, at least {UNBALANCED} times as many "
        f"as {listed(small)}, so answering {largest} pays off even where it is wrong; add pictures "
        "to the small classes."
    )
    return [Finding("unbalanced", "note", why, names=(*small, largest))]
