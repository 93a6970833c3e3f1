"""Where the classes lie in a tree of folders: at the top, below splits, or below something else.

The same folder names below several folders mean that the classes lie one level down. Where names
do not tell what the upper level is, the person is asked: patients above classes and classes above
patients look alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from natsort import natsorted

from tl_core.data.dataset import Split
from tl_core.data.question import CLASSES_ABOVE, CLASSES_BELOW, Choice, QuestionError
from tl_core.data.split_words import are_splits, split_of, split_within
from tl_core.errors import UserError

Folder = tuple[str, ...]

MASKS = {"mask", "masks", "annotation", "annotations", "segmentation", "segmentations",
         "groundtruth", "groundtruths", "gt", "label", "labels", "trimap", "trimaps"}  # fmt: skip
_PICTURES = {"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "original",
             "originals", "jpegimages", "jpg", "png", "rgb", "bilder"}  # fmt: skip
_DATA = {*_PICTURES, "data", "dataset", "datasets", "classes"}
_UNSORTED = {"unlabelled", "unlabeled", "unknown", "unsorted", "all"}
_BESIDE = {"doc", "docs", "documentation", "asset", "assets", "figure", "figures", "fig", "figs",
           "screenshot", "screenshots", "static", "media", "notebooks", "results", "readme",
           "paper", "demo"}  # fmt: skip
# Inside classes these group pictures and are no classes: healthy/patient_3.
_GROUP = re.compile(
    r"(patient|subject|case|person|participant|slide|scan|series|session|visit|day|batch|camera)"
    r"s?[ _-]?\d+"
)
_VERSIONS = {"raw", "resized", "processed", "preprocessed", "cropped", "augmented", *_PICTURES}


@dataclass(frozen=True)
class Levels:
    """Where the classes lie.

    Attributes:
        roots: the folders whose own folders are the classes, each with its split.
        splits_inside: whether the folders in a class are its splits.
        apart: folders that are left out with all they hold, and why.
        masks: names of folders in a class that hold no pictures of it but masks.
        elsewhere: why a picture below none of the roots is left out.
        said: how the folders were read, in a few words.
    """

    roots: Mapping[Folder, Split | None]
    splits_inside: bool = False
    apart: Mapping[Folder, str] = field(default_factory=dict)
    masks: frozenset[str] = frozenset()
    elsewhere: str = "not in a class folder"
    said: str = "classes by the folders"


class _Tree:
    """Folders with pictures in them or below them."""

    def __init__(self, folders: Iterable[Folder]) -> None:
        self.loose = Counter(folders)
        self.inside: dict[Folder, set[str]] = {}
        for folder in self.loose:
            for depth, part in enumerate(folder):
                self.inside.setdefault(folder[:depth], set()).add(part)

    def names(self, folder: Folder) -> set[str]:
        return self.inside.get(folder, set())

    def total(self, folder: Folder) -> int:
        return sum(n for other, n in self.loose.items() if other[: len(folder)] == folder)

    def recurring(self, parents: Sequence[Folder]) -> set[str]:
        """Return the names that folders have in common, if most have some of at least 2 such."""
        below = [{_same(name) for name in self.names(parent)} for parent in parents]
        count = Counter(name for names in below for name in names)
        shared = {name for name, times in count.items() if times > 1}
        many = sum(bool(names & shared) for names in below)
        return shared if len(shared) > 1 and 2 * many > len(parents) else set()


def find_levels(folders: Sequence[Folder], base: Folder, source: str, read_as: str = "") -> Levels:
    """Find where the classes lie.

    Args:
        folders: of every picture, one each.
        base: the folder that everything lies in.
        source: what the person calls the source.
        read_as: the person's answer, `classes-above` or `classes-below`; empty before it is asked.

    Raises:
        QuestionError: the folders can be read in several ways.
        UserError: they hold several divisions of the pictures.
    """
    tree = _Tree(folders)
    tops = [(*base, name) for name in natsorted(tree.names(base))]
    roots: dict[Folder, Split | None] = {base: None}
    if are_splits(tree.names(base)):
        roots = {top: split for top in tops if (split := split_of(top[-1]))}
    elif shared := tree.recurring(tops):
        if marked := _marked(tree, tops):
            roots = dict(marked)
        elif kept := _pictures_beside_masks(tops):
            rest = set(tops) - set(kept)
            found = Levels(dict.fromkeys(kept), said=_inside(kept),
                           apart=dict.fromkeys(rest, "in a folder of masks"))  # fmt: skip
            return _classes(tree, found, source, read_as)
        elif are_splits(shared):
            return _splits_inside(tree, tops, source)
    else:
        return _uneven(tree, tops, Levels(roots), source, read_as)
    if roots == {base: None}:
        return _classes(tree, Levels(roots), source, read_as)
    return _classes(tree, _given(tree, roots), source, read_as)


def _marked(tree: _Tree, tops: Sequence[Folder]) -> dict[Folder, Split]:
    """Return the splits of folders with one word more, as rps and rps-test-set; else nothing."""
    marks = {top: split for top in tops if (split := split_within(top[-1]))}
    others = [top for top in tops if top not in marks and tree.names(top)]
    if marks and "train" not in marks.values() and len(others) == 1:
        (rest,) = others
        words = re.split(r"[^a-z0-9]+", rest[-1].lower())
        if all(rest[-1].lower() in top[-1].lower() for top in marks) or set(words) <= _DATA:
            marks[rest], others = "train", []
    return marks if "train" in marks.values() and len(marks) > 1 and not others else {}


def _given(tree: _Tree, roots: Mapping[Folder, Split | None]) -> Levels:
    """Find the classes of splits, below wrappers; what has no class of theirs is unlabelled."""
    found: dict[Folder, Split | None] = {}
    for root, split in roots.items():
        if split == "train":
            found[_unwrapped(tree, root, set())] = split
    classes = {_same(name) for root in found for name in tree.names(root)}
    apart: dict[Folder, str] = {}
    for root, split in roots.items():
        if split != "train":
            inner = _unwrapped(tree, root, classes)
            names = {_same(name) for name in tree.names(inner)}
            if len(names) == 1 and not names & classes and all(map(_says_nothing, names)):
                apart[root] = f"in a {split} folder that says no classes"
            else:
                found[inner] = split
    said = ", ".join(f"{root[-1]!r} ({split})" for root, split in found.items())
    return Levels(found, apart=apart, said=f"classes by the folders inside {said}",
                  elsewhere="not in the train, validation or test folder")  # fmt: skip


def _says_nothing(name: str) -> bool:
    """Say whether a folder's name is one for pictures that nobody has sorted: test1, images."""
    return name in _DATA | _UNSORTED or split_of(name) is not None


def _unwrapped(tree: _Tree, root: Folder, classes: set[str]) -> Folder:
    while len(names := tree.names(root)) == 1 and not tree.loose[root]:
        (name,) = names
        if _same(name) in classes or not tree.names((*root, name)):
            break
        root = (*root, name)
    return root


def _pictures_beside_masks(tops: Sequence[Folder]) -> list[Folder]:
    kept = [top for top in tops if _same(top[-1]) in _PICTURES]
    masks = [top for top in tops if _same(top[-1]) in MASKS]
    return kept if kept and masks and len(kept) + len(masks) == len(tops) else []


def _splits_inside(tree: _Tree, tops: Sequence[Folder], source: str) -> Levels:
    """Read class folders with train and test in each, unless these hold classes again."""
    splits = [(*top, name) for top in tops for name in tree.names(top) if split_of(name)]
    if tree.recurring(splits):
        raise UserError(
            f"{source} holds several divisions of pictures ({_few(tops)}), each with folders for "
            "training and testing of its own; import one of these folders."
        )
    elsewhere = "not in the train, validation or test folder"
    return Levels({tops[0][:-1]: None}, True, elsewhere=elsewhere,
                  said="classes by the folders, splits by the folders in each")  # fmt: skip


def _uneven(
    tree: _Tree, tops: Sequence[Folder], found: Levels, source: str, read_as: str
) -> Levels:
    """Notice folders of classes among folders that are none: data beside docs, a copy of all."""
    deep = [top for top in tops if len(tree.names(top)) > 1 and not tree.loose[top]]
    flat = [top for top in tops if not tree.names(top)]
    names = {_same(top[-1]) for top in tops}
    if len(deep) == 1 and len(tops) > 2:
        copied = {_same(name) for name in tree.names(deep[0])} & names
        if len(copied) > 1 and len(copied) * 2 > len(flat):
            reason = "in a copy of the class folders"
            return _classes(tree, replace(found, apart={deep[0]: reason}), source, read_as)
    is_odd = len(deep) == 1 and flat and len(flat) + 1 == len(tops)
    if not is_odd or 2 * tree.total(deep[0]) < sum(tree.loose.values()):
        return _classes(tree, found, source, read_as)
    said = replace(found, roots={deep[0]: None}, said=_inside(deep),
                   elsewhere=f"not in the folder {deep[0][-1]}, where the classes are")  # fmt: skip
    is_told = _same(deep[0][-1]) in _DATA and all(_same(top[-1]) in _BESIDE for top in flat)
    if read_as == CLASSES_BELOW or (is_told and not read_as):
        return _classes(tree, said, source, "")
    if read_as != CLASSES_ABOVE:
        _ask(tree, tops, deep, tree.names(deep[0]), source)
    return _classes(tree, found, source, read_as)


def _classes(tree: _Tree, found: Levels, source: str, read_as: str) -> Levels:
    """Look into the classes themselves: masks in each, or the real classes one level down."""
    learning = [root for root, split in found.roots.items() if split in (None, "train")]
    tops = [
        (*root, name)
        for root in learning
        for name in natsorted(tree.names(root))
        if (*root, name) not in found.apart
    ]
    inner = Counter(_same(name) for top in tops for name in tree.names(top))
    masks = {name for name, times in inner.items() if name in MASKS and 2 * times > len(tops)}
    if masks:
        found = replace(found, masks=frozenset(masks), said=f"{found.said}, without their masks")
    shared = tree.recurring(tops) - masks - _PICTURES
    names = {_same(top[-1]) for top in tops}
    are_groups = all(map(_GROUP.fullmatch, shared)) and not names & _VERSIONS
    if are_groups and not any(map(_GROUP.fullmatch, names)):
        shared = set()
    if len(shared) < 2 or read_as == CLASSES_ABOVE:
        return found
    if read_as != CLASSES_BELOW:
        _ask(tree, tops, tops, shared, source)
    below = {
        (*root, name): split
        for root, split in found.roots.items()
        for name in natsorted(tree.names(root))
        if tree.names((*root, name))
    }
    return replace(found, roots=below, said=_inside(list(below)))


def _ask(
    tree: _Tree, tops: Sequence[Folder], deep: Sequence[Folder], inner: Iterable[str], source: str
) -> None:
    shown = {_same(name): name for top in deep for name in tree.names(top)}
    below = natsorted({shown[_same(name)] for name in inner})
    raise QuestionError(
        "read_as",
        f"The folders of {source} can be read in two ways, because {_few(deep)} hold folders "
        f"({_quoted(below)}) of their own",
        (
            Choice(CLASSES_BELOW, f"the classes are {_quoted(below)}"),
            Choice(CLASSES_ABOVE, f"the classes are {_few(tops)}"),
        ),
    )


def _inside(folders: Sequence[Folder]) -> str:
    return f"classes by the folders inside {_few(folders)}"


def _few(folders: Sequence[Folder]) -> str:
    return _quoted([folder[-1] for folder in folders])


def _quoted(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(name) for name in names[:limit]) + more


def _same(name: str) -> str:
    return " ".join(name.casefold().split())
