"""A run as two scripts that need PyTorch, torchvision and Pillow, and nothing of Headstart.

One trains again what was trained, on the same pictures in the same split; its twin predicts. They
are put together from the functions in `standalone` and from ours that these use, by their source:
the backbone's stages, the opener and the schedule are the lines that the run itself was made with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from textwrap import indent

from tl_core.backbones.card import Preprocessing
from tl_core.backbones.catalog import Family, family_of, find_card
from tl_core.bundles.collect import Collector, Place
from tl_core.bundles.manifest import Manifest
from tl_core.data.dataset import SPLITS, Item
from tl_core.escape import python_literal
from tl_core.training.phases import Phase

_DIGITS = 12
"""Of a file's SHA-256: two of 100,000 pictures share them once in 56,000 datasets."""

_HERE = "tl_core.bundles.standalone"
# In `standalone` one family stands for all.
_FAMILY = [Place("tl_core.backbones.families.resnet", name) for name in ("build", "assemble")]
_DEFINES = re.compile(r"^(?:def|class) ", re.MULTILINE)


@dataclass(frozen=True)
class Recipe:
    """What the training script repeats.

    Attributes:
        phases: as they were planned.
        seed: of the run.
        items: the dataset's pictures.
        starts_from: file beside the script that holds the weights to start from; empty where they
            are torchvision's or random.
        from_scratch: whether training starts from random weights.
    """

    phases: Sequence[Phase]
    seed: int
    items: Sequence[Item]
    starts_from: str = ""
    from_scratch: bool = False


def training_script(manifest: Manifest, recipe: Recipe) -> str:
    """Return a script that trains the run again."""
    weights = find_card(manifest.backbone).weights
    is_published = weights and not recipe.starts_from and not recipe.from_scratch
    values = {
        "PUBLISHED": python_literal(weights.source if weights and is_published else ""),
        "STARTS_FROM": python_literal(recipe.starts_from),
        "SEED": repr(recipe.seed),
        "PHASES": _tuple(_call(phase) for phase in recipe.phases),
        "PICTURES": _pictures(recipe.items),
    }
    made = "".join(
        f"\n#   {split}: {figures.right} of {figures.images} pictures right "
        f"({figures.accuracy:.1%})"
        for split, figures in manifest.figures.items()
    )
    about = f"{_TRAINING}\n\n# What it came to in Headstart:{made}" if made else _TRAINING
    return _script(manifest, about, "training", values)


def predicting_script(manifest: Manifest) -> str:
    """Return a script that predicts with the run's bundle, or with what its twin has trained."""
    values = {"TEMPERATURE": repr(manifest.temperature), "THRESHOLD": repr(manifest.threshold)}
    return _script(manifest, _PREDICTING, "predicting", values)


def _script(manifest: Manifest, about: str, what: str, values: Mapping[str, str]) -> str:
    values = {
        "BACKBONE": python_literal(manifest.backbone),
        "CLASSES": _tuple(map(python_literal, manifest.classes)),
        "PREPROCESSING": _call(manifest.preprocessing),
        **values,
    }
    collector = Collector(
        instead=_instead(family_of(manifest.backbone)),
        values={_place("settings", name): value for name, value in values.items()},
    )
    sections = {
        "What was set": [_place("settings", name) for name in values if name != "PICTURES"],
        "The network": [_place("network", "Chain"), *_FAMILY],
        "Pictures": [_place("pictures", "normalised"), _place("pictures", "open_picture")],
        what.capitalize(): [_place(what, "main")],
    }
    made = {title: collector.add(*places) for title, places in sections.items()}
    data = made[what.capitalize()].pop(_place("settings", "PICTURES"), None)
    blocks = [_section(title, parts.values()) for title, parts in made.items()]
    blocks += [_section("The run's pictures", [data])] if data else []
    head = f"{about}\n\nfrom __future__ import annotations\n\n{collector.import_lines()}"
    end = 'if __name__ == "__main__":\n    main()\n'
    return "\n\n\n".join([head, *blocks, end])


def _place(module: str, name: str) -> Place:
    return Place(f"{_HERE}.{module}", name)


def _section(title: str, parts: Iterable[str]) -> str:
    """Return definitions under a heading; variables close together, functions apart."""
    text = f"# --- {title} {'-' * (90 - len(title))}"
    was_short = True
    for part in parts:
        is_short = not _DEFINES.search(part)
        text += f"\n\n{part}" if is_short and was_short else f"\n\n\n{part}"
        was_short = is_short
    return text


def _instead(family: Family) -> dict[Place, Place]:
    """Let the named stages be those of a family, in a chain that needs nothing of ours."""
    module = family.__name__  # type: ignore[attr-defined]
    instead = {place: Place(module, place.name) for place in _FAMILY}
    instead[Place("tl_core.backbones.chain", "Chain")] = _place("network", "Chain")
    if hasattr(family, "rename"):
        instead[_place("network", "rename")] = Place(module, "rename")
    return instead


def _tuple(values: Iterable[str]) -> str:
    lines = "".join(f"{value},\n" for value in values)
    return f"(\n{indent(lines, '    ')})"


def _call(made: Phase | Preprocessing) -> str:
    """Return the call that makes a dataclass of plain values."""
    lines = "".join(f"{name}={_literal(value)},\n" for name, value in asdict(made).items())
    return f"{type(made).__name__}(\n{indent(lines, '    ')})"


def _literal(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))})"
    return f"{value:.12g}" if isinstance(value, float) else ascii(value)


def _pictures(items: Sequence[Item]) -> str:
    """Return which pictures are for what: lines of a split, a class number and some pictures."""
    lines = []
    for split in SPLITS:
        of_split = [item for item in items if item.split == split]
        for label, group in groupby(of_split, lambda item: item.label):
            names = [item.file[:_DIGITS] for item in group]
            rows = [names[start : start + 6] for start in range(0, len(names), 6)]
            lines += [f"{split} {label} {' '.join(row)}" for row in rows]
    return '"""\n{}\n"""'.format("\n".join(lines))


_TRAINING = '''"""Train again what was trained in Headstart, without Headstart.

    pip install torch torchvision pillow
    python THIS_SCRIPT.py FOLDER_WITH_THE_PHOTOS

It finds the run's photos by their content, in any folder and under any name, puts each into the
split that it was in, and trains as the run did: same weights to start from, same stages frozen,
same phases, learning rates and order. Where it differs it says so. A graphics card is used where
there is one; the result is saved for the predicting script.
"""'''

_PREDICTING = '''"""Predict pictures as Headstart does, without Headstart.

    pip install torch torchvision pillow
    python THIS_SCRIPT.py MODEL PICTURE [PICTURE ...]

MODEL is the .headstart file of the run, or what the training script has saved.
"""'''
