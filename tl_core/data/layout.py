"""From file names to classes and splits; a pure function of the names.

Understood are class folders, or folders of splits with class folders in each, below any number of
wrapping folders; where else the classes may lie, `levels` finds out or asks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from mimetypes import MimeTypes

from natsort import natsorted, ns

from tl_core.data.dataset import Skipped, Split
from tl_core.data.folder_tree import MASKS
from tl_core.data.levels import find_levels
from tl_core.data.limits import limits
from tl_core.data.split_words import split_of
from tl_core.errors import UserError
from tl_core.escape import JOINERS, encodable, shorten
from tl_core.words import few

# What Windows, macOS, Linux, Synology, QNAP, NetApp and Android leave in drives and on shares.
_CLUTTER = re.compile(
    r"__macosx|(eh)?thumbs\.db|desktop\.ini|desktop d[bf]|icon\r|network trash folder|"
    r"temporary items|thevolumesettingsfolder|"
    r"\$(recycle\.bin|sysreset|winreagent|windows\.~\w\w|extend)|system volume information|"
    r"msocache|config\.msi|found\.\d{3}|s-1-5(-\d+)+|"  # the last: a person's part of RECYCLER
    r"lost\+found|lost\.dir|[#@]recycle|[#@~]snapshot|@recently-snapshot|@sharebin|@transcode|"
    r"@eadir|@tmp|@syno\w+|@__thumb",
    re.IGNORECASE,
)
_MASK = re.compile(
    rf"[ _.-](?:{'|'.join(sorted(MASKS))}|superpixels?|lesion|overlay|binary)(?:[ _-]?\d+)?$"
)
_DRIVE = re.compile(r"[A-Za-z]:(/|$)")
_NESTED = "an archive, and those inside others are not opened"
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
# Python's own table: what the system's says would differ from machine to machine.
_TYPES = MimeTypes(filenames=())
_NO_PICTURES = {".ipynb", ".log", ".md", ".npy", ".npz", ".parquet", ".pth",
                ".safetensors", ".toml", ".yaml", ".yml"}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where one picture belongs.

    Attributes:
        index: of the name in what was arranged.
        name: cleaned of what no text file could hold.
        class_name: the class.
        split: the split its folder gives it, or `None` in a source without splits.
    """

    index: int
    name: str
    class_name: str
    split: Split | None


@dataclass(frozen=True)
class Layout:
    """What a source holds.

    Attributes:
        classes: in natural order; a folder without pictures counts as a class.
        places: the pictures, in the order of the names.
        given_split: whether there are train / validation / test folders.
        skipped: files that are no pictures or lie in no class folder. Hidden files and what
            operating systems leave behind are not worth a word.
        reading: by what the classes were told, for people.
    """

    classes: tuple[str, ...]
    places: tuple[Place, ...]
    given_split: bool
    skipped: tuple[Skipped, ...]
    reading: str = ""


@dataclass(frozen=True)
class _File:
    index: int
    name: str
    folders: tuple[str, ...]


def arrange(names: Sequence[str], source: str, read_as: str = "") -> Layout:
    r"""Find the classes and splits in a list of file names.

    Args:
        names: relative paths with `/` or `\`; one that ends in `/` is a folder.
        source: what the person calls the source, for the messages.
        read_as: what the person answered to a question, see `Told`.

    Raises:
        QuestionError: the folders can be read in several ways.
        UserError: there are no pictures, no class folders or only one, a class without a name, or
            a validation or test folder has a class that the train folder does not have.

    >>> layout = arrange(["my/cats/1.jpg", "my/dogs/1.jpg", "my/notes.txt"], "my.zip")
    >>> layout.classes, layout.given_split, layout.skipped[0].reason
    (('cats', 'dogs'), False, 'not a picture')
    """
    pictures, others, folders, skipped = _sort_out(names)
    if not pictures:
        remedy = "choose a folder or an archive that has one folder of pictures for each class"
        if any(one.reason == _NESTED for one in skipped):
            remedy = "unpack the archives inside and import the folder that they make"
        raise UserError(f"There are no pictures in {source}; {remedy}.")
    base = _wrapping(pictures)
    depth = len(base)
    tops = {file.folders[depth] for file in pictures if len(file.folders) > depth}
    if not tops:
        raise UserError(
            f"The pictures in {source} lie loose, so nothing says which class each belongs to; "
            "put the pictures of each class into a folder of its own, named after the class, or "
            "add a table labels.csv with a line each: its file name, a comma, its class."
        )
    levels = find_levels([file.folders for file in pictures], base, source, read_as)
    given = levels.splits_inside or any(levels.roots.values())
    masks = _masks_by_name(pictures)
    longest = limits().name_length
    places = []
    for file in pictures:
        above = [file.folders[:n] for n in range(len(file.folders) + 1)]
        root = next((folder for folder in reversed(above) if folder in levels.roots), None)
        apart = next((levels.apart[folder] for folder in above if folder in levels.apart), "")
        level = len(root or ())
        inner = file.folders[level + 1] if len(file.folders) > level + 1 else ""
        if apart:
            skipped.append(Skipped(file.name, apart))
        elif root is None or (levels.splits_inside and not split_of(inner)):
            skipped.append(Skipped(file.name, levels.elsewhere))
        elif len(file.folders) <= level:
            skipped.append(Skipped(file.name, "not in a class folder"))
        elif inner.casefold() in levels.masks or file.index in masks:
            skipped.append(Skipped(file.name, "a mask, by its name or its folder's"))
        elif len(file.folders[level]) > longest:
            skipped.append(Skipped(file.name, "the name of its class folder is too long"))
        else:
            split = split_of(inner) if levels.splits_inside else levels.roots[root]
            places.append(Place(file.index, file.name, _class_name(file.folders[level]), split))

    empty = {
        _class_name(folder[-1])
        for folder in folders - others
        if levels.roots.get(folder[:-1], "none") in (None, "train") and folder not in levels.apart
    }
    learns = {p.class_name for p in places if p.split in (None, "train")} | empty
    places = _spelt_as_learned(places, learns)
    check_places(places, learns, source)
    reading = levels.said + (", without masks" if masks and not levels.masks else "")
    return Layout(natural(learns), tuple(places), given, tuple(skipped), reading)


def _masks_by_name(pictures: Sequence[_File]) -> set[int]:
    """Return the files that are called as another one beside them, and mask: `1.png, 1_mask.png`.

    A mask that has no picture beside it is a picture like any other.
    """
    marked = [(file, match) for file in pictures if (match := _MASK.search(_stem(file)))]
    if not marked:
        return set()
    there = {(file.folders, _stem(file)) for file in pictures}
    return {f.index for f, match in marked if (f.folders, _stem(f)[: match.start()]) in there}


def _stem(file: _File) -> str:
    return file.name.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0].lower()


def _spelt_as_learned(places: Sequence[Place], learns: set[str]) -> list[Place]:
    """Spell the classes of test pictures as the ones that learn, where only capitals differ."""
    spelt = {name.casefold(): name for name in sorted(learns)}
    return [
        place
        if place.class_name in learns
        else replace(place, class_name=spelt.get(place.class_name.casefold(), place.class_name))
        for place in places
    ]


def natural(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in the order in which people expect them.

    >>> natural(["b10", "B2", "a"])
    ('a', 'B2', 'b10')
    """
    return tuple(natsorted(sorted(names), alg=ns.IGNORECASE))


def clean_name(text: str) -> str:
    r"""Return a name on one line, without control characters or surrounding spaces.

    >>> clean_name("  Caf\u0065\u0301 \n au\u202elait\x00 ")
    'Café aulait'
    """
    kept = "".join(
        c
        for c in encodable(text)
        if c.isspace() or c in JOINERS or unicodedata.category(c) not in ("Cc", "Cf")
    )
    return " ".join(unicodedata.normalize("NFC", kept).split())


def is_clutter(part: str) -> bool:
    """Tell whether a part of a path is hidden, or what systems add to folders and archives.

    >>> is_clutter(".DS_Store"), is_clutter("$RECYCLE.BIN"), is_clutter("recycle")
    (True, True, False)
    """
    return part.startswith(".") or _CLUTTER.fullmatch(part) is not None


def picture_names(names: Sequence[str]) -> tuple[dict[int, str], list[Skipped]]:
    """Return the cleaned names of the files that may be pictures, by their place, and the rest."""
    pictures, _, _, skipped = _sort_out(names)
    return {file.index: file.name for file in pictures}, skipped


def _sort_out(
    names: Sequence[str],
) -> tuple[list[_File], set[tuple[str, ...]], set[tuple[str, ...]], list[Skipped]]:
    """Separate pictures, folders that hold other files, folders, and what is skipped."""
    pictures: list[_File] = []
    others: set[tuple[str, ...]] = set()
    folders: set[tuple[str, ...]] = set()
    skipped: list[Skipped] = []
    allowed = limits()
    for index, raw in enumerate(names):
        path = encodable(raw)
        text = _bounded(path, allowed.name_length)
        path = path.replace("\\", "/")
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if ".." in parts or "\0" in path or path.startswith("/") or _DRIVE.match(path):
            skipped.append(Skipped(text, "its name points outside the folder"))
        elif not parts or any(map(is_clutter, parts)):
            continue
        elif path.endswith("/"):
            folders.add(parts)
        elif len(parts) > allowed.folders + 1:
            skipped.append(Skipped(text, f"more than {allowed.folders} folders deep"))
        elif parts[-1].lower().endswith(_ARCHIVES):
            skipped.append(Skipped(text, _NESTED))
        elif _is_no_picture(parts[-1]):
            others.update(parts[:n] for n in range(1, min(len(parts), 16)))
            skipped.append(Skipped(text, "not a picture"))
        else:
            pictures.append(_File(index, text, parts[:-1]))
    return pictures, others, folders, skipped


def _bounded(name: str, longest: int) -> str:
    """Return a path with the middle of overlong parts left out; no system makes such names.

    >>> _bounded("ants/" + "x" * 12 + ".jpg", 9)
    'ants/xxxx….jpg'
    """
    if len(name) <= longest:
        return name
    return "/".join(shorten(part, longest) for part in name.replace("\\", "/").split("/"))


def _is_no_picture(name: str) -> bool:
    """Say whether the ending alone shows that this is something else (text, sound, a film)."""
    return _is_other(name[name.rfind(".") :].lower() if "." in name else "")


@lru_cache(maxsize=256)
def _is_other(ending: str) -> bool:
    kind, _ = _TYPES.guess_type("file" + ending)
    return ending in _NO_PICTURES or not (kind is None or kind.startswith("image/"))


def _wrapping(pictures: Sequence[_File]) -> tuple[str, ...]:
    """Return the folders that everything lies in and that are not classes or splits."""
    base: tuple[str, ...] = ()
    while True:
        depth = len(base)
        deep = [file.folders for file in pictures if len(file.folders) > depth]
        tops = {folders[depth] for folders in deep}
        nested = any(len(folders) > depth + 1 for folders in deep)
        if len(tops) != 1 or not nested or split_of(next(iter(tops))) == "train":
            return base
        base = (*base, *tops)


def _class_name(folder: str) -> str:
    name = clean_name(folder)
    if not name:
        raise UserError(
            f"The class folder {folder!r} has no name once spaces and invisible characters are "
            "gone; give the folder a name and import again."
        )
    return name


def check_places(places: Sequence[Place], learns: set[str], source: str) -> None:
    """Refuse places from which nothing can be learned.

    Args:
        places: of all pictures.
        learns: the classes that train.
        source: what the person calls the source.

    Raises:
        UserError: a class does not train, or there are fewer than 2, or more than are taken.
    """
    if len(learns) > (most := limits().classes):
        raise UserError(
            f"There are {len(learns):,} classes in {source} and at most {most:,} are taken; import "
            "a part of them, or set HEADSTART_MAX_CLASSES to more and start again."
        )
    for split in ("validation", "test"):
        strange = {place.class_name for place in places if place.split == split} - learns
        if strange:
            raise UserError(
                f"The {split} folder of {source} has classes that its train folder does not have "
                f"({few(natsorted(strange))}); rename or remove them, or add them to train."
            )
    if len(learns) < 2:
        found = f"is only one class, {few(learns)}," if learns else "are no class folders"
        raise UserError(
            f"There {found} in {source} and telling classes apart needs at least 2; "
            "add a folder of pictures for each class."
        )
