"""Public picture sets, one click away on a machine with internet.

Addresses and hashes are those that torchvision 0.29 and PyTorch's tutorials state, save that of
FashionMNIST, whose address there has no https; sizes are what the servers answer. Of the large sets
a part is taken that a laptop can train on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tl_core.data import archives
from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.intake import import_entries
from tl_core.data.samples import SAMPLES
from tl_core.data.sources import Entry
from tl_core.download import Progress, Source, UnreachableError, arrived, download
from tl_core.errors import UserError, unknown
from tl_core.workspace import Workspace

Reader = Callable[[Sequence[Path]], AbstractContextManager[list[Entry]]]


@dataclass(frozen=True)
class PublicSet:
    """A picture set that is published elsewhere.

    Attributes:
        key: what scripts call it.
        title: what people call it, and the name of the dataset.
        about: what it shows, in a sentence.
        taken: what is taken of it.
        classes: how many there are.
        pictures: how many are taken.
        licence: one line.
        paper: who made it.
        home: the page that describes it.
        files: what is downloaded, in the order that `read` wants.
        read: opens the downloaded files.
        limits: see `archives.some_of_each`.
    """

    key: str
    title: str
    about: str
    taken: str
    classes: int
    pictures: int
    licence: str
    paper: str
    home: str
    files: tuple[Source, ...]
    read: Reader
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size of the download."""
        return sum(file.bytes for file in self.files)


_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data"
_EUROSAT = "https://huggingface.co/datasets/torchgeo/eurosat/resolve"
_FASHION = (  # the authors' own copy; their other address, torchvision's, has no https
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
)


def _file(base: str, name: str, size: int, digest: str, title: str, prefix: str = "") -> Source:
    return Source(f"{base}/{name}", prefix + name, size, digest, title)


def _fashion(name: str, size: int, md5: str) -> Source:
    return _file(_FASHION, f"{name}-ubyte.gz", size, f"md5:{md5}", "FashionMNIST", "fashion-")


PUBLIC_SETS: tuple[PublicSet, ...] = (
    PublicSet(
        key="ants-bees",
        title="Ants and bees",
        about="The photos of PyTorch's lesson on transfer learning, with its own division.",
        taken="All of them.",
        classes=2,
        pictures=398,
        licence="none is stated; photos from ImageNet, for non-commercial research and teaching",
        paper="S. Chilamkurthy: Transfer Learning for Computer Vision Tutorial (2017)",
        home="https://pytorch.org/tutorials/beginner/transfer_learning_tutorial.html",
        files=(
            _file(
                "https://download.pytorch.org/tutorial",
                "hymenoptera_data.zip",
                47_286_322,
                "sha256:fbc41b31d544714d18dd1230b1e2b455e1557766e13e67f9f5a7a23af7c02209",
                "Ants and bees",
            ),
        ),
        read=archives.class_folders,
    ),
    PublicSet(
        key="pets",
        title="Oxford-IIIT Pet",
        about="37 breeds of cats and dogs, photographed by their owners.",
        taken="100 of about 200 photos of each breed, so that a laptop can train on it.",
        classes=37,
        pictures=3700,
        licence="CC BY-SA 4.0",
        paper="Parkhi, Vedaldi, Zisserman, Jawahar: Cats and Dogs (CVPR 2012)",
        home=f"{_OXFORD}/pets/",
        files=(
            _file(
                f"{_OXFORD}/pets/data",
                "images.tar.gz",
                791_918_971,
                "md5:5c4f3ee8e5d25df40f4fd59a7f44e54c",
                "Oxford-IIIT Pet",
                "pets-",
            ),
        ),
        read=archives.pets,
        limits={"": 100},
    ),
    PublicSet(
        key="flowers",
        title="Flowers102",
        about="102 kinds of flowers that grow in the United Kingdom, 10 photos of each to learn "
        "from.",
        taken="The authors' own division, with 10 of at least 20 test photos of each kind.",
        classes=102,
        pictures=3060,
        licence="none is stated; photos from the web, for research and teaching",
        paper="Nilsback, Zisserman: Automated Flower Classification (ICVGIP 2008)",
        home=f"{_OXFORD}/flowers/102/",
        files=tuple(
            _file(f"{_OXFORD}/flowers/102", name, size, f"md5:{md5}", "Flowers102", "flowers-")
            for name, size, md5 in (
                ("102flowers.tgz", 344_862_509, "52808999861908f626f3c1f4e79d11fa"),
                ("imagelabels.mat", 502, "e0620be6f572b9609742df49c70aed4d"),
                ("setid.mat", 14_989, "a5357ecc9cb78c4bef273ce3793fc85c"),
            )
        ),
        read=archives.flowers,
        limits={"test": 10},
    ),
    PublicSet(
        key="eurosat",
        title="EuroSAT",
        about="What covers the ground, seen from a satellite: forest, river, motorway and more.",
        taken="300 of 2,000 to 3,000 pictures of each class, so that a laptop can train on it.",
        classes=10,
        pictures=3000,
        licence="MIT; contains Copernicus Sentinel data",
        paper="Helber, Bischke, Dengel, Borth: EuroSAT (IEEE JSTARS 2019)",
        home="https://github.com/phelber/EuroSAT",
        files=(
            _file(
                f"{_EUROSAT}/c877bcd43f099cd0196738f714544e355477f3fd",
                "EuroSAT.zip",
                94_280_567,
                "md5:c8fa014336c82ac7804f0398fcb19387",
                "EuroSAT",
            ),
        ),
        read=archives.class_folders,
        limits={"": 300},
    ),
    PublicSet(
        key="fashion",
        title="FashionMNIST",
        about="Clothes as small grey pictures of 28 × 28 pixels, far from any photo.",
        taken="200 of 6,000 pictures of each class to learn from and 50 of 1,000 for the test, so "
        "that a laptop can train on it.",
        classes=10,
        pictures=2500,
        licence="MIT",
        paper="Xiao, Rasul, Vollgraf: Fashion-MNIST (2017)",
        home="https://github.com/zalandoresearch/fashion-mnist",
        files=(
            _fashion("train-images-idx3", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            _fashion("train-labels-idx1", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
            _fashion("t10k-images-idx3", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
            _fashion("t10k-labels-idx1", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
        read=archives.fashion,
        limits={"train": 200, "test": 50},
    ),
)


def find_public(key: str) -> PublicSet:
    """Return the public set that scripts call `key`.

    Raises:
        UserError: there is none.
    """
    for known in PUBLIC_SETS:
        if known.key == key:
            return known
    raise unknown("public set", key, [known.key for known in PUBLIC_SETS])


def here_already(workspace: Workspace, chosen: PublicSet) -> Dataset | None:
    """Return a public set that was imported before, or `None`."""
    for dataset in list_datasets(workspace):
        if dataset.name == chosen.title and len(dataset.classes) == chosen.classes:
            return dataset
    return None


def bytes_here(workspace: Workspace, chosen: PublicSet) -> int:
    """Return how much of a set's download is on this machine, whole files and begun ones."""
    targets = [workspace.downloads / file.file for file in chosen.files]
    return sum(path.stat().st_size if path.is_file() else arrived(path) for path in targets)


def public_set(
    workspace: Workspace,
    key: str,
    *,
    downloading: Progress | None = None,
    importing: Progress | None = None,
) -> Dataset:
    """Return a public set as a dataset of the workspace, downloaded when it is first asked for.

    The archives are deleted once the pictures are in the workspace.

    Args:
        workspace: where the dataset goes.
        key: of the set.
        downloading: called with bytes done and bytes in all.
        importing: called with (pictures done, pictures in all).

    Raises:
        UserError: there is no such set, no connection, no space, or what arrived is not what was
            published.
    """
    chosen = find_public(key)
    if known := here_already(workspace, chosen):
        return known
    files = _download(workspace, chosen, downloading)
    with chosen.read(files) as entries:
        taken = archives.some_of_each(entries, chosen.limits)
        dataset = import_entries(workspace, taken, chosen.title, progress=importing)
    for file in files:
        file.unlink(missing_ok=True)
    return dataset


def _download(workspace: Workspace, chosen: PublicSet, downloading: Progress | None) -> list[Path]:
    files: list[Path] = []
    before = 0

    def tell(done: int, _: int) -> None:
        if downloading:
            downloading(before + done, chosen.bytes)

    for source in chosen.files:
        try:
            files.append(download(source, workspace.downloads, tell))
        except UnreachableError as error:
            ready = " or ".join(sample.title for sample in SAMPLES)
            raise UserError(
                f"{chosen.title} could not be downloaded, {error}; what had arrived is kept, so "
                f"try again when there is a connection, or take {ready}, which need no internet."
            ) from error
        before += source.bytes
    return files
