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
from tl_core.data.folder_tree import (
    BESIDE,
    DATA,
    GROUP,
    PICTURES,
    VERSIONS,
    Folder,
    FolderTree,
    is_mask_folder,
    is_of_pictures,
    same,
    says_no_class,
    says_nothing,
    says_unlabelled,
)
from tl_core.data.question import CLASSES_ABOVE, CLASSES_BELOW, Choice, QuestionError
from tl_core.data.split_words import are_splits, split_of, split_within
from tl_core.errors import UserError
from tl_core.words import few


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
    return _levels(FolderTree(folders), base, source, read_as)


def _levels(tree: FolderTree, base: Folder, source: str, read_as: str) -> Levels:
    tops = [(*base, name) for name in natsorted(tree.names(base))]
    if are_splits(tree.names(base)):
        splits = {top: split for top in tops if (split := split_of(top[-1]))}
        return _classes(tree, _given(tree, splits), source, read_as)
    if marked := _marked(tree, tops):
        return _classes(tree, _given(tree, marked), source, read_as)
    if kept := _pictures_beside_masks(tops):
        return _without_masks(tree, kept, source, read_as)
    if holder := _splits_in_one(tree, tops):
        where = f"not in the folder {holder[-1]}, where the train and test folders are"
        return _inside_one(tree, holder, where, source, read_as)
    if holder := _classes_in_one(tree, tops):
        where = f"not in the folder {holder[-1]}, where the classes are"
        return _inside_one(tree, holder, where, source, read_as)
    if shared := tree.recurring(tops):
        if are_splits(shared):
            return _splits_inside(tree, tops, source)
        return _classes(tree, Levels({base: None}), source, read_as)
    if rest := _unsorted(tops):
        return _beside_unsorted(tree, base, rest, source, read_as)
    return _uneven(tree, tops, Levels({base: None}), source, read_as)


def _inside_one(
    tree: FolderTree, folder: Folder, elsewhere: str, source: str, read_as: str
) -> Levels:
    """Look into one folder alone, and say of what is not in it why it is left out."""
    found = _levels(tree, tree.unwrapped(folder), source, read_as)
    return replace(found, elsewhere=elsewhere)


def _marked(tree: FolderTree, tops: Sequence[Folder]) -> dict[Folder, Split]:
    """Return the splits of folders with one word more, as rps and rps-test-set; else nothing."""
    marks = {top: split for top in tops if (split := split_within(top[-1]))}
    others = [top for top in tops if top not in marks and tree.names(top)]
    if marks and "train" not in marks.values() and len(others) == 1 and tree.recurring(tops):
        (rest,) = others
        words = re.split(r"[^a-z0-9]+", rest[-1].lower())
        if all(rest[-1].lower() in top[-1].lower() for top in marks) or set(words) <= DATA:
            marks[rest], others = "train", []
    are_all = "train" in marks.values() and len(set(marks.values())) > 1 and not others
    return marks if are_all and len(marks) == len(tops) else {}


def _splits_in_one(tree: FolderTree, tops: Sequence[Folder]) -> Folder | None:
    """Return the one folder that holds the splits, where the others are copies or unlabelled."""
    holders = [top for top in tops if are_splits(tree.inner(top))]
    if len(holders) != 1 or len(tops) < 2:
        return None
    (holder,) = holders
    within = tree.unwrapped(holder)
    classes = {name for split in tree.names(within) for name in tree.inner((*within, split))}
    for top in set(tops) - {holder}:
        is_copy = bool(tree.inner(top)) and tree.inner(top) <= classes
        if not (is_copy or says_no_class(top[-1]) or same(top[-1]) in BESIDE):
            return None
    return holder


def _classes_in_one(tree: FolderTree, tops: Sequence[Folder]) -> Folder | None:
    """Return the one folder that holds classes, where the others are called as splits are."""
    holders = [top for top in tops if len(tree.inner(top)) > 1]
    others = [top for top in tops if top not in holders]
    are_splits = all(split_within(top[-1]) in ("test", "validation") for top in others)
    is_one = len(holders) == 1 and bool(others) and not tree.loose[holders[0]]
    return holders[0] if is_one and are_splits else None


def _without_masks(tree: FolderTree, kept: Sequence[Folder], source: str, read_as: str) -> Levels:
    """Look into the folders of pictures that lie beside folders of masks."""
    if not any(tree.names(top) for top in kept):
        raise UserError(
            f"The pictures in {source} lie in {_few(kept)} beside masks, and nothing says which "
            "class each is of; put those of each class into a folder of its own, or add a table "
            "labels.csv with a line each: its file name, a comma, its class."
        )
    where = "not in the folder of the pictures but in one of masks, say"
    if len(kept) == 1:
        return _inside_one(tree, kept[0], where, source, read_as)
    roots = dict.fromkeys(kept)
    return _classes(tree, Levels(roots, said=_inside(kept), elsewhere=where), source, read_as)


def _unsorted(tops: Sequence[Folder]) -> dict[Folder, Split | None]:
    """Return folders beside the classes that are none: test, unlabelled; with their splits."""
    found = {
        top: split
        for top in tops
        if (split := split_of(top[-1])) in ("test", "validation") or says_unlabelled(top[-1])
    }
    return found if len(tops) - len(found) > 1 else {}


def _beside_unsorted(
    tree: FolderTree, base: Folder, rest: Mapping[Folder, Split | None], source: str, read_as: str
) -> Levels:
    """Leave out what says no class, and take what has the classes in it for its split."""
    classes = {same(name) for name in tree.names(base)} - {same(top[-1]) for top in rest}
    divided = {top: s for top, s in rest.items() if s and tree.inner(top) and
               tree.inner(top) <= classes}  # fmt: skip
    apart = {top: "in a folder that says no class" for top in rest if top not in divided}
    if not divided:
        return _classes(tree, Levels({base: None}, apart=apart), source, read_as)
    roots: dict[Folder, Split | None] = {base: "train"}
    roots |= {tree.unwrapped(top): split for top, split in divided.items()}
    said = f"classes by the folders beside {_few(list(divided))}, which divides them"
    return _classes(tree, Levels(roots, apart=apart, said=said), source, read_as)


def _given(tree: FolderTree, roots: Mapping[Folder, Split | None]) -> Levels:
    """Find the classes of splits, below wrappers; what has no class of theirs is unlabelled."""
    found: dict[Folder, Split | None] = {}
    for root, split in roots.items():
        if split == "train":
            found[tree.unwrapped(root)] = split
    classes = {same(name) for root in found for name in tree.names(root)}
    apart: dict[Folder, str] = {}
    for root, split in roots.items():
        if split != "train":
            inner = tree.unwrapped(root, classes)
            names = {same(name) for name in tree.names(inner)}
            if len(names) == 1 and not names & classes and all(map(says_nothing, names)):
                apart[root] = f"in a {split} folder that says no classes"
            else:
                found[inner] = split
    said = ", ".join(f"{root[-1]!r} ({split})" for root, split in found.items())
    return Levels(found, apart=apart, said=f"classes by the folders inside {said}",
                  elsewhere="not in the train, validation or test folder")  # fmt: skip


def _pictures_beside_masks(tops: Sequence[Folder]) -> list[Folder]:
    masks = [top for top in tops if is_mask_folder(top[-1])]
    kept = [top for top in tops if is_of_pictures(top[-1]) and top not in masks]
    return kept if kept and masks and len(kept) + len(masks) == len(tops) else []


def _splits_inside(tree: FolderTree, tops: Sequence[Folder], source: str) -> Levels:
    """Read class folders with train and test in each, unless these hold classes again."""
    inner = [tree.unwrapped(top) for top in tops]
    splits = [(*top, name) for top in inner for name in tree.names(top) if split_of(name)]
    if inner != list(tops) or tree.recurring(splits):
        raise UserError(
            f"{source} holds several divisions of pictures ({_few(tops)}), each with folders for "
            "training and testing of its own; import one of these folders."
        )
    elsewhere = "not in the train, validation or test folder"
    return Levels({tops[0][:-1]: None}, True, elsewhere=elsewhere,
                  said="classes by the folders, splits by the folders in each")  # fmt: skip


def _uneven(
    tree: FolderTree, tops: Sequence[Folder], found: Levels, source: str, read_as: str
) -> Levels:
    """Notice folders of classes among folders that are none: data beside docs, a copy of all."""
    deep = [top for top in tops if len(tree.names(top)) > 1 and not tree.loose[top]]
    flat = [top for top in tops if not tree.names(top)]
    names = {same(top[-1]) for top in tops}
    if len(deep) == 1 and len(tops) > 2:
        copied = {same(name) for name in tree.names(deep[0])} & names
        if len(copied) > 1 and len(copied) * 2 > len(flat):
            reason = "in a copy of the class folders"
            return _classes(tree, replace(found, apart={deep[0]: reason}), source, read_as)
    is_odd = len(deep) == 1 and flat and len(flat) + 1 == len(tops)
    if not is_odd or 2 * tree.total(deep[0]) < sum(tree.loose.values()):
        return _classes(tree, found, source, read_as)
    said = replace(found, roots={deep[0]: None}, said=_inside(deep),
                   elsewhere=f"not in the folder {deep[0][-1]}, where the classes are")  # fmt: skip
    is_told = same(deep[0][-1]) in DATA and all(same(top[-1]) in BESIDE for top in flat)
    if read_as == CLASSES_BELOW or (is_told and not read_as):
        return _classes(tree, said, source, "")
    if read_as != CLASSES_ABOVE:
        _ask(tree, tops, deep, tree.names(deep[0]), source)
    return _classes(tree, found, source, read_as)


def _classes(tree: FolderTree, found: Levels, source: str, read_as: str) -> Levels:
    """Look into the classes themselves: masks in each, or the real classes one level down."""
    learning = [root for root, split in found.roots.items() if split in (None, "train")]
    tops = [
        (*root, name)
        for root in learning
        for name in natsorted(tree.names(root))
        if (*root, name) not in found.apart and (*root, name) not in found.roots
    ]
    if (kept := _pictures_beside_masks(tops)) and len(kept) < len(tops):
        return _without_masks(tree, kept, source, read_as)
    masks = _masks_in(tree, tops)
    if masks:
        found = replace(found, masks=frozenset(masks), said=f"{found.said}, without their masks")
    shared = tree.recurring(tops) - masks - PICTURES
    names = {same(top[-1]) for top in tops}
    are_groups = all(map(GROUP.fullmatch, shared)) and not names & VERSIONS
    if are_groups and not any(map(GROUP.fullmatch, names)):
        shared = set()
    if read_as == CLASSES_ABOVE:
        return found
    if len(shared) < 2:
        if len(tops) > 1 and all(says_no_class(top[-1]) for top in tops):
            _ask_whether(tops, source)
        return found
    if read_as != CLASSES_BELOW:
        _ask(tree, tops, tops, shared, source)
    below = {
        tree.unwrapped((*root, name)): split
        for root, split in found.roots.items()
        for name in natsorted(tree.names(root))
        if tree.names((*root, name))
    }
    return replace(found, roots=below, said=_inside(list(below)))


def _masks_in(tree: FolderTree, tops: Sequence[Folder]) -> set[str]:
    """Return the folders inside classes that hold masks: in most, or beside one of pictures."""
    inner = [{same(name) for name in tree.names(top)} for top in tops]
    count = Counter(name for names in inner for name in names if is_mask_folder(name))
    return {
        mask
        for mask, times in count.items()
        if 2 * times > len(tops)
        or all(any(map(is_of_pictures, names)) for names in inner if mask in names)
    }


def _ask_whether(tops: Sequence[Folder], source: str) -> None:
    raise QuestionError(
        "read_as",
        f"The folders of {source} ({_few(tops)}) are called as parts of a set are and not as "
        "classes; where something else says the classes, add a table labels.csv",
        [Choice(CLASSES_ABOVE, f"the classes are {_few(tops)}")],
    )


def _ask(
    tree: FolderTree,
    tops: Sequence[Folder],
    deep: Sequence[Folder],
    inner: Iterable[str],
    source: str,
) -> None:
    shown = {same(name): name for top in deep for name in tree.names(tree.unwrapped(top))}
    below = natsorted({shown[same(name)] for name in inner})
    raise QuestionError(
        "read_as",
        f"The folders of {source} can be read in two ways, because {_few(deep)} hold folders "
        f"({few(below)}) of their own",
        (
            Choice(CLASSES_BELOW, f"the classes are {few(below)}"),
            Choice(CLASSES_ABOVE, f"the classes are {_few(tops)}"),
        ),
    )


def _inside(folders: Sequence[Folder]) -> str:
    return f"classes by the folders inside {_few(folders)}"


def _few(folders: Sequence[Folder]) -> str:
    return few([folder[-1] for folder in folders])
