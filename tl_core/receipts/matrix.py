"""The confusion matrix as a table that prints: the darker a cell, the more of its row it holds."""

from __future__ import annotations

from collections.abc import Sequence

from tl_core.escape import in_html
from tl_core.receipts.markup import Html

MOST = 20
"""Classes up to which it fits on a page."""


def matrix(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> Html:
    """Return the matrix: each row is what pictures are, each column what they were taken for.

    Args:
        counts: `(C, C)`.
        classes: C names; columns have their numbers where the names are too long for a head.
    """
    is_short = len(classes) <= 6 and all(len(name) <= 12 for name in classes)
    names = list(classes) if is_short else [f"{k}: {name}" for k, name in enumerate(classes, 1)]
    heads = classes if is_short else [str(k) for k in range(1, len(classes) + 1)]
    head = "".join(f'<th scope="col">{in_html(name, 14)}</th>' for name in heads)
    rows = "".join(
        f'<tr><th scope="row">{in_html(name, 40)}</th>{_cells(row, place)}</tr>'
        for place, (name, row) in enumerate(zip(names, counts, strict=True))
    )
    return Html(
        '<div class="wide"><table class="matrix"><thead><tr><th scope="col">is ↓ said →</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(row: Sequence[int], right: int) -> str:
    whole = max(1, sum(row))
    return "".join(
        f'<td style="background:rgba({"0,114,178" if place == right else "213,94,0"},'
        f'{0.45 * count / whole:.2f})"{" class=right" if place == right else ""}>{count}</td>'
        for place, count in enumerate(row)
    )
