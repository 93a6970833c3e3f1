"""What the terminal says of an import: how it was read, what was left out, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tl_core.data.dataset import Dataset
from tl_core.data.layout import clean_name
from tl_core.words import few

_CLASSES, _REASONS = 12, 8  # told one by one


def said(dataset: Dataset, name: str | None = None, *, is_new: bool = True) -> Iterator[str]:
    """Yield the lines that tell an import.

    Args:
        dataset: what was imported.
        name: what the person wanted to call it.
        is_new: whether it was not here before.
    """
    text = (
        f"Imported {len(dataset.items)} pictures in {len(dataset.classes)} classes as "
        f"{dataset.name!r}; left out {len(dataset.skipped)}."
    )
    if not is_new and name and clean_name(name) != dataset.name:
        text = (
            f"These {len(dataset.items)} pictures in {len(dataset.classes)} classes are here "
            f"already, as {dataset.name!r}, and keep that name; left out {len(dataset.skipped)}."
        )
    yield text
    yield f"Classes  {few(dataset.classes, _CLASSES)}"
    if dataset.reading:
        yield f"Read  {dataset.reading}"
    reasons = Counter(one.reason for one in dataset.skipped).most_common()
    for reason, count in reasons[:_REASONS]:
        yield f"Left out  {reason}: {count:,}"
    if len(reasons) > _REASONS:
        yield f"Left out  for other reasons: {sum(n for _, n in reasons[_REASONS:]):,}"
