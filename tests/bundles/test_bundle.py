"""The file that a run leaves: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from tl_core.backbones.catalog import find_card
from tl_core.backbones.chain import Chain
from tl_core.backbones.load import load_backbone
from tl_core.bundles import bundle as bundle_module
from tl_core.bundles.archive import CARD, FAMILIAR, MANIFEST, amend, read_manifest
from tl_core.bundles.bundle import read_bundle, write_bundle
from tl_core.bundles.manifest import SCHEMA, WEIGHTS, Figures, Manifest
from tl_core.errors import UserError
from tl_core.runs.exporting import export
from tl_core.workspace import Workspace


def contents(bundle: Path) -> tuple[dict[str, Any], bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return json.loads(archive.read(MANIFEST)), archive.read(WEIGHTS)


# --- there and back ---------------------------------------------------------------------------


def test_what_is_written_is_read(bundle: Path, chain: Chain, manifest: Manifest) -> None:
    told, read = read_bundle(bundle)
    assert replace(told, members={}) == manifest
    assert told.members[WEIGHTS].bytes == len(contents(bundle)[1])
    assert read_manifest(bundle) == told
    for name, tensor in chain.state_dict().items():
        assert torch.equal(read.state_dict()[name], tensor), name
    pictures = torch.randn(5, 3, 64, 64)
    with torch.no_grad():
        assert (read(pictures) - chain(pictures)).abs().max() <= 1e-6
    assert not read.training
    assert read.frozen == 1


def test_a_bundle_is_json_and_tensors_and_nothing_that_runs(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        assert archive.namelist() == [MANIFEST, WEIGHTS, FAMILIAR, CARD]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    values, weights = contents(bundle)
    assert values["classes"][2] == "=cmd|' /C calc'!A0"
    assert "head.linear.weight" in load(weights)


def test_the_same_model_gives_the_same_bytes(
    bundle: Path, chain: Chain, manifest: Manifest, tmp_path: Path
) -> None:
    path = tmp_path / "model.headstart"
    write_bundle(path, chain, manifest)
    with zipfile.ZipFile(bundle) as archive:
        amend(path, {FAMILIAR: archive.read(FAMILIAR)})
    assert path.read_bytes() == bundle.read_bytes()


def test_a_damaged_bundle_is_not_handed_out(bundle: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    data = bundle.read_bytes()
    with zipfile.ZipFile(bundle) as archive:
        inside = archive.getinfo(WEIGHTS).header_offset + 5000
    path, target = tmp_path / "model.headstart", tmp_path / "forged.headstart"
    path.write_bytes(data[:inside] + bytes([data[inside] ^ 4]) + data[inside + 1 :])
    with pytest.raises(UserError, match="not a whole Headstart bundle"):
        export(workspace, str(path), "bundle", target)
    assert not target.exists()
    path.write_bytes(data)
    export(workspace, str(path), "bundle", target)
    assert target.read_bytes() == data


def test_what_it_says_changes_and_its_weights_stay(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.headstart"
    shutil.copy(bundle, path)
    figures = {"test": Figures(3, 1, ((0, 1, 0), (0, 1, 0), (1, 0, 0)))}
    told = amend(path, figures=figures, temperature=2.0, threshold=0.9)
    assert read_manifest(path) == told
    assert (told.temperature, told.threshold, told.figures) == (2.0, 0.9, figures)
    assert contents(path)[1] == contents(bundle)[1]
    with zipfile.ZipFile(path) as archive:
        assert "1 of 3" in archive.read(CARD).decode()


def test_a_bundle_of_the_first_version_is_read(bundle: Path, tmp_path: Path, chain: Chain) -> None:
    """As they were written before figures, sizes and a card came into them."""
    values, weights = contents(bundle)
    first = ("backbone", "classes", "preprocessing", "opener", "recipe", "frozen_stages", "dataset",
             "versions")  # fmt: skip
    old = {name: values[name] for name in first}
    old |= {"schema": 1, "weights_sha256": hashlib.sha256(weights).hexdigest()}
    path = tmp_path / "model.headstart"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(MANIFEST, json.dumps(old))
        archive.writestr(WEIGHTS, weights)
    told, read = read_bundle(path)
    assert (told.schema, told.licence, told.figures, told.temperature) == (1, "", {}, 1.0)
    assert torch.equal(read.head.linear.weight, chain.head.linear.weight)
    assert amend(path, threshold=0.5).schema == SCHEMA
    assert read_bundle(path)[0].threshold == 0.5


@pytest.mark.parametrize(
    "name",
    [
        "squeezenet1_1",
        "mnasnet0_5",
        "shufflenet_v2_x0_5",
        "mobilenet_v3_small",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("googlenet", "regnet_y_400mf", "efficientnet_b0", "densenet121", "swin_t",
                         "maxvit_t", "convnext_tiny", "vit_b_32", "alexnet", "zfnet")
        ),
    ],
)  # fmt: skip
def test_every_family_comes_back(name: str, tmp_path: Path, manifest: Manifest) -> None:
    """Read into a network without memory, so whatever the file does not hold would be missing."""
    card = find_card(name)
    chain = load_backbone(name, 3, pretrained=False).eval()
    path = tmp_path / "model.headstart"
    told = replace(
        manifest, backbone=name, preprocessing=card.preprocessing,
        frozen_stages=card.stage_names[:2],
    )  # fmt: skip
    write_bundle(path, chain, told)
    _, read = read_bundle(path)
    assert not any(t.is_meta for t in (*read.parameters(), *read.buffers()))
    size = card.preprocessing.size
    picture = torch.randn(1, 3, size, size)
    with torch.no_grad():
        logits = chain(picture)
        assert (read(picture) - logits).abs().max() <= 1e-6 * logits.abs().max().clamp(min=1)


def test_writing_replaces_the_whole_file_or_nothing(
    tmp_path: Path, chain: Chain, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.headstart"
    path.write_bytes(b"what was there")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "writestr", full)
        with pytest.raises(UserError, match=r"disk became full while writing model\.headstart"):
            write_bundle(path, chain, manifest)
    assert [file.name for file in tmp_path.iterdir()] == ["model.headstart"]
    assert path.read_bytes() == b"what was there"
    write_bundle(path, chain, manifest)
    assert read_bundle(path)[0].classes == manifest.classes
    assert [file.name for file in tmp_path.iterdir()] == ["model.headstart"]


def test_no_space_is_noticed_before_writing(
    tmp_path: Path, chain: Chain, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(10, 9, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match="MB free"):
        write_bundle(tmp_path / "model.headstart", chain, manifest)
    assert not list(tmp_path.iterdir())


# --- from strangers ---------------------------------------------------------------------------


@pytest.fixture
def forge(bundle: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a bundle with a changed manifest or other weights, whose hashes are right again."""
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def write(
        change: Callable[[dict[str, Any]], object] = lambda _: None,
        state: dict[str, torch.Tensor] | None = None,
        manifest: bytes | None = None,
        compression: int = zipfile.ZIP_STORED,
        leave_out: str | None = None,
        extra: dict[str, bytes] | None = None,
        weights: bytes | None = None,
    ) -> Path:
        made = dict(members)
        if state is not None or weights is not None:
            made[WEIGHTS] = save(state) if weights is None else weights
        told = json.loads(made.pop(MANIFEST))
        told["members"] = {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in made.items()
        }
        change(told)
        made[MANIFEST] = json.dumps(told).encode() if manifest is None else manifest
        path = tmp_path / "forged.headstart"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in [*made.items(), *(extra or {}).items()]:
                if name != leave_out:
                    archive.writestr(name, content)
        return path

    return write


@pytest.fixture
def state(bundle: Path) -> dict[str, torch.Tensor]:
    return load(contents(bundle)[1])


@pytest.fixture(autouse=True)
def _nothing_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test here may write beside the file it made."""
    monkeypatch.chdir(tmp_path)
    for name in ("extract", "extractall"):
        monkeypatch.setattr(zipfile.ZipFile, name, pytest.fail)
    yield
    assert {path.name for path in tmp_path.rglob("*")} <= {"forged.headstart", "model.headstart"}
    assert not (tmp_path.parent / "evil").exists()


def refusal(path: Path) -> str:
    """Return the sentence with which a file is refused."""
    with pytest.raises(UserError) as caught:
        read_bundle(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    assert message.endswith(".")
    return message


def test_a_forged_bundle_that_lies_about_nothing_is_read(forge: Callable[..., Path]) -> None:
    assert read_bundle(forge())[0].backbone == "small"


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/evil", "model.pkl", "C:\\evil", "\n", MANIFEST, WEIGHTS]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_does_not_belong_into_it_or_is_there_twice(
    name: str, forge: Callable[..., Path]
) -> None:
    assert "do not belong" in refusal(forge(extra={name: b"\x80\x04."}))


def set_to(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change of the manifest: the last argument is put at the path before it."""

    def change(values: dict[str, Any]) -> None:
        *keys, last, value = path
        for key in keys:
            values = values[key]
        values[last] = value

    return change


def test_the_size_of_pictures_that_it_asks_for_is_bounded(
    forge: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,048 pixels took a gigabyte in the process that predicts."""

    def asks_for(size: int) -> Callable[[dict[str, Any]], None]:
        def change(values: dict[str, Any]) -> None:
            values["preprocessing"] |= {"size": size, "resize": size}

        return change

    assert "pictures of 2,048 pixels, and at most 1,024 are made" in refusal(forge(asks_for(2048)))
    assert read_bundle(forge(asks_for(1024)))[0].preprocessing.size == 1024
    monkeypatch.setenv("HEADSTART_MAX_SEEN_PIXELS", "2048")
    assert read_bundle(forge(asks_for(2048)))[0].preprocessing.size == 2048


@pytest.mark.parametrize(
    "change",
    [
        set_to("classes", []),
        set_to("classes", ["one"]),
        set_to("classes", "ants"),
        set_to("classes", [1, 2, 3]),
        set_to("classes", None),
        set_to("classes", ["a", "b", "\ud800"]),
        set_to("classes", ["a", "b", ""]),
        set_to("classes", ["a", "b", "b"]),
        set_to("classes", ["a", "b"]),
        set_to("classes", [str(n) for n in range(30_000)]),
        set_to("preprocessing", None),
        set_to("preprocessing", "size", 10**9),
        set_to("preprocessing", "size", -1),
        set_to("preprocessing", "size", float("inf")),
        set_to("preprocessing", "size", "many"),
        set_to("preprocessing", "resize", 0),
        set_to("preprocessing", "resize", 10**9),
        set_to("preprocessing", "mean", [0.5]),
        set_to("preprocessing", "mean", [float("nan"), 0, 0]),
        set_to("preprocessing", "std", [1, 1]),
        set_to("preprocessing", "std", [1, 0, 1]),
        set_to("preprocessing", "std", [1, -1, 1]),
        set_to("preprocessing", "interpolation", "__import__('os')"),
        set_to("backbone", "no_such_network"),
        set_to("backbone", "../../evil"),
        set_to("backbone", "squeezenet1_1"),
        set_to("backbone", None),
        set_to("frozen_stages", 3),
        set_to("frozen_stages", ["stem"] * 99),
        set_to("versions", []),
        set_to("schema", SCHEMA + 1),
        set_to("schema", 1),
        set_to("schema", "x"),
        set_to("schema", float("inf")),
        set_to("members", WEIGHTS, "sha256", "0" * 64),
        set_to("members", WEIGHTS, "bytes", 7),
        set_to("members", CARD, "sha256", None),
        set_to("members", "../../evil", {"sha256": "0" * 64, "bytes": 1}),
        set_to("members", {}),
        set_to("temperature", 0),
        set_to("temperature", float("nan")),
        set_to("threshold", 1.5),
        set_to("threshold", None),
        set_to("settings", "epochs", [1]),
        set_to("settings", None),
        set_to("figures", "evil", {"images": 1, "right": 1, "confusion": []}),
        set_to("figures", "validation", "right", 11),
        set_to("figures", "validation", "images", -1),
        set_to("figures", "validation", "images", True),
        set_to("figures", "validation", "confusion", [[1]]),
        set_to("figures", "validation", "confusion", 0, 0, 5),
        set_to("figures", "validation", "confusion", 0, 0, 4.5),
        lambda values: values.pop("opener"),
        lambda values: values.pop("members"),
        lambda values: values.pop("figures"),
        lambda values: values.pop("preprocessing"),
    ],
)
def test_a_manifest_that_lies(
    change: Callable[[dict[str, Any]], object], forge: Callable[..., Path]
) -> None:
    refusal(forge(change))


@pytest.mark.parametrize(("size", "is_read"), [(64, True), (8, False)])
def test_a_network_that_cannot_see_pictures_of_that_size(
    size: int, is_read: bool, forge: Callable[..., Path]
) -> None:
    """SqueezeNet pools until nothing is left of 8 pixels: said when it is read, not later."""

    def change(values: dict[str, Any]) -> None:
        values["backbone"] = "squeezenet1_1"
        values["preprocessing"] |= {"size": size, "resize": size}
        values["frozen_stages"] = []

    path = forge(change, state=load_backbone("squeezenet1_1", 3, pretrained=False).state_dict())
    if is_read:
        assert read_bundle(path)[0].preprocessing.size == size
    else:
        refusal(path)


def test_a_newer_version_says_so(forge: Callable[..., Path]) -> None:
    assert "update Headstart" in refusal(forge(set_to("schema", SCHEMA + 1)))


def test_another_hash_says_so(forge: Callable[..., Path]) -> None:
    assert "hash" in refusal(forge(set_to("members", WEIGHTS, "sha256", "0" * 64)))
    assert "size" in refusal(forge(set_to("members", WEIGHTS, "bytes", 7)))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\xff\xfe", b"null", b"[]", b"3", b'"text"', b"{", b"{}", b"not json",
        b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000,
    ],
    ids=lambda text: text[:8].decode("latin1"),
)  # fmt: skip
def test_a_manifest_that_is_none(text: bytes, forge: Callable[..., Path]) -> None:
    refusal(forge(manifest=text))


@pytest.mark.parametrize(
    ("missing", "words"),
    [(MANIFEST, MANIFEST), (WEIGHTS, "files that its manifest names"), (CARD, "its manifest")],
)
def test_a_missing_member(missing: str, words: str, forge: Callable[..., Path]) -> None:
    assert words in refusal(forge(leave_out=missing))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_nothing_is_decompressed(method: int, forge: Callable[..., Path]) -> None:
    assert "compressed" in refusal(forge(compression=method))


def damaged(state: dict[str, torch.Tensor], how: str) -> dict[str, torch.Tensor]:
    weight = state["head.linear.weight"]
    match how:
        case "extra tensor":
            state["\n".join("evil" for _ in range(1000))] = torch.zeros(1)
        case "missing tensor":
            del state["head.linear.weight"]
        case "missing counter":
            del state["stages.stem.1.num_batches_tracked"]
        case "wrong shape":
            state["head.linear.weight"] = weight[:, :-1].contiguous()
        case "half precision":
            state = {name: tensor.half() for name, tensor in state.items()}
        case "integers":
            state["head.linear.weight"] = weight.to(torch.int64)
        case "nothing":
            state = {}
    return state


@pytest.mark.parametrize(
    "how",
    ["extra tensor", "missing tensor", "missing counter", "wrong shape", "half precision",
     "integers", "nothing"],
)  # fmt: skip
def test_weights_that_are_not_this_networks(
    how: str, forge: Callable[..., Path], state: dict[str, torch.Tensor]
) -> None:
    assert "weights are not Small network" in refusal(forge(state=damaged(state, how)))


def test_another_backbones_weights(forge: Callable[..., Path]) -> None:
    other = load_backbone("squeezenet1_1", 3, pretrained=False).state_dict()
    assert "weights are not Small network" in refusal(forge(state=other))


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_a_file_that_is_cut_off(share: float, forge: Callable[..., Path]) -> None:
    path = forge()
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refusal(path)


def test_files_that_are_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "forged.headstart"
    path.write_bytes(b"\x80\x04\x95 a pickle, perhaps")
    assert "not a whole Headstart bundle" in refusal(path)
    refusal(tmp_path)
    assert "There is no file" in refusal(tmp_path / "nowhere.headstart")


def patched(path: Path, member: str, offset: int, value: bytes) -> Path:
    """Overwrite bytes in a member's record of the zip's table of contents."""
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x01\x02", 0, data.rindex(member.encode()))
    data[start + offset : start + offset + len(value)] = value
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("member", [MANIFEST, WEIGHTS])
@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (24, (0xFFFF_FFF0).to_bytes(4, "little")),  # 4 GB, it says
        (20, (0xFFFF_FFF0).to_bytes(4, "little")),  # likewise, packed
        (8, b"\x01"),  # encrypted
        (10, b"\x63"),  # a method that nobody knows
        (6, b"\xff"),  # made for a version of zip to come
        (16, b"\x00\x00\x00\x00"),  # another checksum
        (42, b"\xff\xff\xff\x7f"),  # lies at 2 GB
    ],
    ids=["size", "packed", "encrypted", "method", "version", "checksum", "place"],
)
def test_a_table_of_contents_that_lies(
    member: str, offset: int, value: bytes, forge: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = patched(forge(), member, offset, value)
    if offset == 24:  # refused by what it says, before a byte of it is read
        read = zipfile.ZipFile.read

        def small_only(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
            assert info.file_size < 100 << 20
            return read(archive, info)

        monkeypatch.setattr(zipfile.ZipFile, "read", small_only)
    refusal(path)


def test_a_safetensors_header_that_lies(
    forge: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = [
        (2**63).to_bytes(8, "little") + b"{}",
        (2**21).to_bytes(8, "little") + b" " * 2**21,
        (2).to_bytes(8, "little") + b"[]",
        (100).to_bytes(8, "little") + b"{}",
        b"short",
        _tensor_header({"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}),
        _tensor_header({"dtype": "F32", "shape": [4], "data_offsets": [0, 4]}),
        _tensor_header({"dtype": "Q8", "shape": [1], "data_offsets": [0, 4]}),
    ]
    monkeypatch.setattr(bundle_module, "_assemble", pytest.fail)
    for data in headers:
        refusal(forge(weights=data))


def test_a_long_table_of_contents_is_not_read(
    forge: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = forge(extra={f"{n:04d}": b"" for n in range(2000)})
    monkeypatch.setattr(zipfile, "ZipFile", pytest.fail)
    assert "no zip as bundles are" in refusal(path)


def _tensor_header(tensor: dict[str, Any]) -> bytes:
    text = json.dumps({"head.linear.weight": tensor}).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * 4
