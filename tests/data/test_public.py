"""Public sets: small archives of the same layouts, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
from scipy.io import savemat

from tests.data.conftest import make_picture
from tl_core import download
from tl_core.data import archives, public
from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.public import PUBLIC_SETS, PublicSet, bytes_here, find_public, public_set
from tl_core.errors import UserError
from tl_core.workspace import Workspace

Publish = Callable[..., PublicSet]


def zipped(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for seed, name in enumerate(names):
            archive.writestr(name, make_picture(seed, kind="JPEG"))
    return buffer.getvalue()


def tarred(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for seed, name in enumerate(names):
            info = tarfile.TarInfo(name)
            data = b"" if name.endswith("/") else make_picture(seed, kind="JPEG")
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def idx(values: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, values.ndim])
    shape = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return gzip.compress(head + shape + values.astype(np.uint8).tobytes())


def mat(**values: Any) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, values)
    return buffer.getvalue()


def hymenoptera() -> list[bytes]:
    base, classes = "hymenoptera_data", ("ants", "bees")
    names = [f"{base}/{s}/{c}/{n}.jpg" for s in ("train", "val") for c in classes for n in range(3)]
    return [zipped(names)]


def eurosat() -> list[bytes]:
    return [zipped([f"2750/{c}/{c}_{n}.jpg" for c in ("Forest", "SeaLake") for n in range(9)])]


def pets() -> list[bytes]:
    breeds = ("great_pyrenees", "Abyssinian")
    pictures = [f"images/{breed}_{n}.jpg" for n in range(9) for breed in breeds]
    return [tarred(["images/", *pictures, "images/Abyssinian_3.mat"])]


def flowers() -> list[bytes]:
    """Two kinds, 1 (pink primrose) and 102 (blackberry lily), taking turns; 24 pictures."""
    archive = tarred(["jpg/", *(f"jpg/image_{n:05}.jpg" for n in range(1, 25))])
    labels = mat(labels=np.array([[1, 102] * 12]))
    ids = {"trnid": range(21, 25), "valid": range(17, 21), "tstid": range(1, 17)}
    return [archive, labels, mat(**{key: np.array([list(of)]) for key, of in ids.items()})]


def fashion() -> list[bytes]:
    rng = np.random.default_rng(0)
    files = []
    for count in (60, 40):
        files.append(idx(rng.integers(0, 256, (count, 28, 28))))
        files.append(idx(np.arange(count) % 2 * 9))
    return files


PACKED = {
    "ants-bees": (hymenoptera, {}),
    "eurosat": (eurosat, {"": 5}),
    "pets": (pets, {"": 5}),
    "flowers": (flowers, {"test": 3}),
    "fashion": (fashion, {"train": 20, "test": 10}),
}


@pytest.fixture
def publish(file_server: Any, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Return a function that puts a set on the server and its address into the catalogue."""

    def put(key: str) -> PublicSet:
        pack, limits = PACKED[key]
        sources = []
        for source, body in zip(find_public(key).files, pack(), strict=True):
            kind = source.digest.partition(":")[0]
            digest = f"{kind}:{hashlib.new(kind, body).hexdigest()}"
            file_server.files[f"/{source.file}"] = body
            url = file_server.url(f"/{source.file}")
            sources.append(replace(source, url=url, bytes=len(body), digest=digest))
        chosen = replace(find_public(key), classes=2, files=tuple(sources), limits=limits)
        monkeypatch.setattr(public, "PUBLIC_SETS", (chosen,))
        return chosen

    return put


def shares(dataset: Dataset) -> Counter[tuple[str, str]]:
    return Counter((item.split, dataset.classes[item.label]) for item in dataset.items)


def test_ants_and_bees_keep_their_division(publish: Publish, workspace: Workspace) -> None:
    publish("ants-bees")
    dataset = public_set(workspace, "ants-bees")
    assert dataset.name == "Ants and bees"
    assert shares(dataset) == {
        (split, name): 3 for split in ("train", "validation") for name in ("ants", "bees")
    }


def test_pets_are_named_by_their_files(publish: Publish, workspace: Workspace) -> None:
    publish("pets")
    dataset = public_set(workspace, "pets")
    assert dataset.counts() == {"Abyssinian": 5, "Great Pyrenees": 5}
    assert dataset.skipped == ()


def test_flowers_keep_their_names_and_division(publish: Publish, workspace: Workspace) -> None:
    publish("flowers")
    dataset = public_set(workspace, "flowers")
    assert dataset.given_split
    names = ("pink primrose", "blackberry lily")
    sizes = {"train": 2, "validation": 2, "test": 3}
    assert shares(dataset) == {(split, name): n for split, n in sizes.items() for name in names}
    label_of = {item.name.rpartition("/")[2]: dataset.classes[item.label] for item in dataset.items}
    assert label_of["00021.jpg"] == "pink primrose", "odd numbers are kind 1"
    assert label_of["00022.jpg"] == "blackberry lily"


def test_eurosat_is_cut_to_what_a_laptop_can_train_on(
    publish: Publish, workspace: Workspace
) -> None:
    publish("eurosat")
    dataset = public_set(workspace, "eurosat")
    assert dataset.counts() == {"Forest": 5, "SeaLake": 5}
    assert not dataset.given_split


def test_fashion_is_drawn_from_numbers(publish: Publish, workspace: Workspace) -> None:
    publish("fashion")
    dataset = public_set(workspace, "fashion")
    assert dataset.counts() == {"Ankle boot": 30, "T-shirt or top": 30}
    split = Counter(item.split for item in dataset.items)
    assert split == {"train": 34, "validation": 6, "test": 20}
    pixels = np.random.default_rng(0).integers(0, 256, (60, 28, 28))
    first = next(item for item in dataset.items if item.name.endswith("/00000.png"))
    from tl_core.data.decode import open_image

    assert any(
        np.array_equal(np.asarray(open_image(dataset.path(first)))[..., 0], shown)
        for shown in pixels
    )


@pytest.mark.parametrize("key", PACKED)
def test_a_set_is_downloaded_once_and_its_archive_is_not_kept(
    key: str, publish: Publish, file_server: Any, workspace: Workspace
) -> None:
    chosen = publish(key)
    steps: list[tuple[int, int]] = []
    taken: list[tuple[int, int]] = []
    dataset = public_set(
        workspace, key, downloading=lambda *s: steps.append(s), importing=lambda *s: taken.append(s)
    )
    assert steps == sorted(steps)
    assert steps[-1] == (chosen.bytes, chosen.bytes)
    assert taken[-1] == (len(dataset.items), len(dataset.items))
    assert list(workspace.downloads.iterdir()) == []
    assert public_set(workspace, key) == dataset
    assert len(file_server.asked) == len(chosen.files)


def test_a_broken_download_goes_on_the_next_time(
    publish: Publish, file_server: Any, workspace: Workspace
) -> None:
    chosen = publish("flowers")
    file_server.cuts = [900, 0, 0, 0]
    with pytest.raises(UserError) as refused:
        public_set(workspace, "flowers")
    assert "Flowers102 could not be downloaded, the connection broke off" in str(refused.value)
    assert "what had arrived is kept" in str(refused.value)
    assert bytes_here(workspace, chosen) == 900
    assert list_datasets(workspace) == []
    public_set(workspace, "flowers")
    assert "bytes=900-" in file_server.asked
    assert bytes_here(workspace, chosen) == 0


def test_offline_the_sentence_names_what_works(
    publish: Publish, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise URLError("no route")

    publish("eurosat")
    monkeypatch.setattr(download, "urlopen", offline)
    with pytest.raises(UserError) as refused:
        public_set(workspace, "eurosat")
    assert str(refused.value) == (
        "EuroSAT could not be downloaded, this machine seems to be offline; what had arrived is "
        "kept, so try again when there is a connection, or take Phones and laptops or Handwritten "
        "digits, which need no internet."
    )


def test_a_failed_import_keeps_the_archive(
    publish: Publish, file_server: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise UserError("The disk became full")

    publish("eurosat")
    with monkeypatch.context() as patch:
        patch.setattr(public, "import_entries", full)
        with pytest.raises(UserError, match="became full"):
            public_set(workspace, "eurosat")
    public_set(workspace, "eurosat")
    assert len(file_server.asked) == 1


@pytest.mark.parametrize("damage", ["cut short", "no archive", "a file inside"])
def test_a_damaged_tar_is_one_sentence(damage: str, workspace: Workspace) -> None:
    path = workspace.root / "images.tar.gz"
    data = pets()[0]
    if damage == "cut short":
        data = data[: len(data) // 2]
    elif damage == "no archive":
        data = b"not found"
    else:
        data = data[:200] + b"\xff" * 50 + data[250:]
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"images\.tar\.gz is damaged"), archives.pets([path]):
        pass


def test_a_tar_is_read_in_its_own_order(publish: Publish, workspace: Workspace) -> None:
    """Any other order would unpack 800 MB again for every picture."""
    publish("pets")
    path = workspace.root / "images.tar.gz"
    path.write_bytes(pets()[0])
    with archives.pets([path]) as entries:
        assert [entry.name for entry in entries[:3]] == [
            "Great Pyrenees/great_pyrenees_0.jpg",
            "Abyssinian/Abyssinian_0.jpg",
            "Great Pyrenees/great_pyrenees_1.jpg",
        ]
        kept = archives.some_of_each(entries, {"": 4})
    order = [entries.index(entry) for entry in kept]
    assert order == sorted(order)
    assert len(order) == 8


@pytest.mark.parametrize("chosen", PUBLIC_SETS, ids=lambda chosen: chosen.key)
def test_every_set_says_what_it_is(chosen: PublicSet) -> None:
    """And its addresses and hashes are torchvision's, where torchvision has the set."""
    assert all((chosen.title, chosen.about, chosen.taken, chosen.licence, chosen.paper))
    assert chosen.home.startswith("https://")
    theirs = torchvision_resources()
    for source in chosen.files:
        assert source.bytes > 0
        name = source.url.rpartition("/")[2]
        if chosen.key != "ants-bees":
            assert theirs[name] == source.digest.removeprefix("md5:")
    assert len({source.file for every in PUBLIC_SETS for source in every.files}) == sum(
        len(every.files) for every in PUBLIC_SETS
    )


def torchvision_resources() -> dict[str, str]:
    """Return torchvision's md5 by file name; EuroSAT's stands inside a function."""
    import inspect
    import re

    from torchvision.datasets import EuroSAT, FashionMNIST, Flowers102, OxfordIIITPet

    found = dict(Flowers102._file_dict.values()) | dict(FashionMNIST.resources)
    found |= {url.rpartition("/")[2]: md5 for url, md5 in OxfordIIITPet._RESOURCES}
    source = inspect.getsource(EuroSAT.download)
    url, md5 = (re.search(p, source) for p in (r"https://[^\"]+", r"md5=\"(\w+)\""))
    assert url
    assert md5
    assert any(file.url == url[0] for every in PUBLIC_SETS for file in every.files)
    return found | {url[0].rpartition("/")[2]: md5[1]}


def test_flower_names_are_torchvisions() -> None:
    from torchvision.datasets import Flowers102

    assert list(archives.FLOWERS) == [name.rstrip("?") for name in Flowers102.classes]


def test_an_unknown_set_is_said_with_the_nearest() -> None:
    with pytest.raises(UserError, match="'flower'; the nearest are flowers"):
        find_public("flower")


def test_nothing_comes_by_plain_http() -> None:
    """A file that is checked by MD5 could be replaced on its way."""
    addresses = [file.url for chosen in PUBLIC_SETS for file in chosen.files]
    assert len(addresses) >= len(PUBLIC_SETS)
    assert [address for address in addresses if not address.startswith("https://")] == []
