"""Folders of pictures: the tree of them, and what their names say where they are no classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence

from tl_core.data.split_words import split_of, split_within

Folder = tuple[str, ...]

MASKS = {"mask", "masks", "annotation", "annotations", "segmentation", "segmentations",
         "groundtruth", "groundtruths", "gt", "label", "labels", "trimap", "trimaps", "ann", "anns",
         "seg", "segs", "segmentationclass", "segmentationobject", "trainmasks", "testmasks",
         "depth", "masken", "maske", "roi", "rois"}  # fmt: skip
PICTURES = {"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "original",
             "originals", "jpegimages", "jpg", "png", "rgb", "bilder"}  # fmt: skip
DATA = {*PICTURES, "data", "dataset", "datasets", "classes"}
NO_LABEL = {"unlabelled", "unlabeled", "unsorted", "no_label", "no label", "nolabel", "no-label"}
UNSORTED = {*NO_LABEL, "unknown", "all"}
BESIDE = {"doc", "docs", "documentation", "asset", "assets", "figure", "figures", "fig", "figs",
           "screenshot", "screenshots", "static", "media", "notebooks", "results", "readme",
           "paper", "demo"}  # fmt: skip
# Inside classes these group pictures and are no classes: healthy/patient_3.
GROUP = re.compile(
    r"(patient|subject|case|person|participant|slide|scan|series|session|visit|day|batch|camera|"
    r"site|part|image|img|cent(er|re)|hospital|clinic|klinik|fold|group|cohort|round|shard|chunk|"
    r"folder|run)s?[ _-]?\d+"
)
VERSIONS = {"raw", "resized", "processed", "preprocessed", "cropped", "augmented", *PICTURES}


def is_mask_folder(name: str) -> bool:
    """Say whether a folder's name is one for masks.

    >>> is_mask_folder("Ground Truth"), is_mask_folder("train_masks"), is_mask_folder("masked ball")
    (True, True, False)
    """
    return re.sub(r"[^a-z]", "", name.casefold()) in MASKS


def says_no_class(name: str) -> bool:
    """Say whether a folder's name is one for parts of a set: patient_3, images, birds_train.

    >>> [says_no_class(name) for name in ("images_001", "train-jpg", "masks", "cats")]
    [True, True, True, False]
    """
    words = same(name)
    # Also where a word stands before it: HAM_images_part_1.
    is_group = any(GROUP.fullmatch(words[at:]) for at in _starts(words))
    is_part = is_group or split_within(name) or words in DATA
    return bool(is_part) or is_mask_folder(name)


def says_unlabelled(name: str) -> bool:
    """Say whether a folder's name says that nobody has sorted what is in it."""
    words = same(name)
    return words in NO_LABEL or bool(re.search(r"(^|[ _-])un-?label", words))


def _starts(words: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer("[ _-]", words))]


def says_nothing(name: str) -> bool:
    """Say whether a folder's name is one for pictures that nobody has sorted: test1, images."""
    return name in DATA | UNSORTED or split_within(name) is not None


def is_of_pictures(name: str) -> bool:
    """Say whether a folder's name is one for the pictures beside their masks."""
    return re.sub(r"[^a-z]", "", name.casefold()) in PICTURES or split_of(name) == "train"


def same(name: str) -> str:
    """Return a name as it is compared with others."""
    return " ".join(name.casefold().split())


class FolderTree:
    """Folders with pictures in them or below them.

    Args:
        folders: of every picture, one each.

    Attributes:
        loose: how many pictures lie in a folder itself.
        inside: the names of the folders in each folder.
    """

    def __init__(self, folders: Iterable[Folder]) -> None:
        self.loose = Counter(folders)
        self.inside: dict[Folder, set[str]] = {}
        for folder in self.loose:
            for depth, part in enumerate(folder):
                self.inside.setdefault(folder[:depth], set()).add(part)

    def names(self, folder: Folder) -> set[str]:
        """Return the names of the folders in a folder."""
        return self.inside.get(folder, set())

    def total(self, folder: Folder) -> int:
        """Return how many pictures lie in a folder and below it."""
        return sum(n for other, n in self.loose.items() if other[: len(folder)] == folder)

    def unwrapped(self, folder: Folder, classes: Container[str] = ()) -> Folder:
        """Return the folder inside that has several, below any that hold one folder alone.

        Args:
            folder: where to begin.
            classes: names, as `same` returns them, of folders that wrap nothing.
        """
        while len(names := self.names(folder)) == 1 and not self.loose[folder]:
            (name,) = names
            if same(name) in classes or not self.names((*folder, name)):
                break
            folder = (*folder, name)
        return folder

    def inner(self, folder: Folder) -> set[str]:
        """Return the names of the folders in a folder, or in the one that it wraps."""
        return {same(name) for name in self.names(self.unwrapped(folder))}

    def recurring(self, parents: Sequence[Folder]) -> set[str]:
        """Return the names that folders have in common, if most have some of at least 2 such."""
        below = [self.inner(parent) for parent in parents]
        count = Counter(name for names in below for name in names)
        shared = {name for name, times in count.items() if times > 1}
        many = sum(bool(names & shared) for names in below)
        return shared if len(shared) > 1 and 2 * many > len(parents) else set()
