"""A model's card in Markdown: what it tells apart, how well, and what to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tl_core.backbones.catalog import catalogue
from tl_core.bundles.manifest import Figures, Manifest
from tl_core.data.dataset import SPLITS, Split
from tl_core.escape import in_markdown
from tl_core.evaluation.interval import interval

_SHOWN = 30
"""Classes up to which the confusion matrix is drawn; a wider table is read by nobody."""

_WHAT: dict[Split, str] = {
    "train": "pictures it learned from",
    "validation": "pictures it was checked with while learning",
    "test": "pictures kept for the end",
}


def card(manifest: Manifest) -> str:
    """Return a bundle's card."""
    parts = [_head(manifest), _figures(manifest), _confusion(manifest), _made(manifest), _LIMITS]
    parts.append(f"## Licence\n\n{in_markdown(manifest.licence, 500)}" if manifest.licence else "")
    return "\n\n".join(filter(None, parts)) + "\n"


def _head(manifest: Manifest) -> str:
    known = catalogue().get(manifest.backbone)
    title = known.title if known else manifest.backbone
    name = in_markdown(manifest.dataset_name) or "A model made with Headstart"
    classes = "\n".join(f"- {in_markdown(label)}" for label in manifest.classes)
    return (
        f"# {name}\n\n{in_markdown(title)} that tells {len(manifest.classes)} classes of pictures "
        f"apart, and knows no others:\n\n{classes}"
    )


def _figures(manifest: Manifest) -> str:
    rows = [
        (_WHAT[split], *_row(manifest.figures[split]))
        for split in SPLITS
        if split in manifest.figures
    ]
    if not rows:
        return ""
    table = _table(("on the", "right", "share", "with others of the kind (95 %)"), rows)
    return f"## How good it is\n\n{table}"


def _row(figures: Figures) -> tuple[str, str, str]:
    low, high = interval(figures.right, figures.images)
    return (
        f"{figures.right} of {figures.images}",
        f"{figures.accuracy:.1%}",
        f"{low:.0%} to {high:.0%}",
    )


def _confusion(manifest: Manifest) -> str:
    split: Split = "test" if "test" in manifest.figures else "validation"
    made = manifest.figures.get(split)
    if made is None or not made.confusion or len(manifest.classes) > _SHOWN:
        return ""
    names = [in_markdown(label, 30) for label in manifest.classes]
    rows = [
        (f"**{name}**", *map(str, row)) for name, row in zip(names, made.confusion, strict=True)
    ]
    table = _table(("is ↓ taken for →", *names), rows)
    return (
        f"## What it takes for what\n\nOf the {_WHAT[split]}: each row is what the pictures are, "
        f"each column what they were taken for.\n\n{table}"
    )


def _made(manifest: Manifest) -> str:
    p = manifest.preprocessing
    said = {
        "backbone": manifest.backbone,
        "recipe": manifest.recipe,
        "frozen stages": ", ".join(manifest.frozen_stages) or "none",
        **manifest.settings,
        "pictures": f"{p.size} × {p.size} pixels, after {p.interpolation} resizing of the shorter "
        f"side to {p.resize}; mean {p.mean}, deviation {p.std}",
        "temperature": f"{manifest.temperature:g}",
        "answers below this share are doubted": f"{manifest.threshold:.0%}",
        "dataset (fingerprint)": manifest.dataset,
        **manifest.versions,
    }
    rows = [(in_markdown(name), in_markdown(_plain(value), 300)) for name, value in said.items()]
    return f"## How it was made\n\n{_table(('', ''), rows)}"


def _plain(value: object) -> str:
    return "chosen by Headstart" if value is None else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_LIMITS = """## Before you trust it

- It answers with one of its classes whatever it is shown. A picture of something else gets one of
  them too, often surely. Headstart says where a picture is unlike anything the model was taught;
  that check notices many such pictures, not all.
- The figures hold for pictures like those it was checked with. Other cameras, places or light can
  change them.
- A share of right answers from few pictures is a rough figure: see the last column above.
- To notice pictures unlike those it was taught, the file holds a short row of numbers for each of
  up to a thousand training pictures. The pictures themselves are not in it."""
