"""Where weights come from, and what is refused: files from strangers cannot run code here."""

from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save, save_file
from torch import Tensor

from tl_core import download
from tl_core.backbones import weights
from tl_core.backbones.card import Card
from tl_core.backbones.catalog import catalogue, family_of, find_card
from tl_core.backbones.load import load_backbone
from tl_core.backbones.published import published
from tl_core.errors import UserError

NAME = "squeezenet1_1"


@pytest.fixture(autouse=True)
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty download folder, and no way out of this machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(download, "urlopen", lambda *_, **__: pytest.fail("asked the internet"))
    folder = weights.download_folder()
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def state() -> dict[str, Tensor]:
    torch.manual_seed(7)
    return dict(family_of(NAME).build(NAME).state_dict())


def publish(monkeypatch: pytest.MonkeyPatch, data: bytes) -> Card:
    """Make the catalogue expect `data` as the published file of the backbone."""
    card = find_card(NAME)
    assert card.weights
    digest = hashlib.sha256(data).hexdigest()
    changed = replace(card.weights, sha256=digest[:8], bytes=len(data))
    card = replace(card, weights=changed)
    monkeypatch.setitem(catalogue(), NAME, card)
    return card


def file_name(name: str = NAME) -> str:
    found = find_card(name).weights
    assert found
    return found.file


def pickled(state: dict[str, Tensor], path: Path) -> bytes:
    torch.save(state, path)
    return path.read_bytes()


def assert_loaded(state: dict[str, Tensor], path: Path | None = None) -> None:
    chain = load_backbone(NAME, None, weights=path)
    loaded, given = (
        sorted(float(tensor.double().sum()) for tensor in tensors.values())
        for tensors in (chain.state_dict(), state)
    )
    assert loaded == given


# --- a file that the person names -------------------------------------------------------------


def test_an_own_safetensors_file_is_read(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_file(state, path)
    assert_loaded(state, path)


def test_a_file_without_the_old_head_will_do_for_a_new_one(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "body.safetensors"
    save_file({k: t for k, t in state.items() if not k.startswith("classifier")}, path)
    assert load_backbone(NAME, 3, weights=path).eval()(torch.randn(1, 3, 64, 64)).shape == (1, 3)
    with pytest.raises(UserError, match=r"missing: classifier\.1\.weight"):
        load_backbone(NAME, None, weights=path)


def test_a_file_in_half_precision_is_computed_with_in_full(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "half.safetensors"
    save_file({key: tensor.half() for key, tensor in state.items()}, path)
    chain = load_backbone(NAME, 3, weights=path)
    assert {p.dtype for p in chain.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("name", "first"), [("resnet18", "conv1.weight"), ("squeezenet1_0", "features.3.squeeze")]
)
def test_weights_of_another_network_are_refused_by_their_first_differences(
    name: str, first: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "mine.safetensors"
    save_file(state, path)
    with pytest.raises(UserError) as refused:
        load_backbone(name, 3, weights=path)
    message = str(refused.value)
    assert message.startswith(f"These weights are not {find_card(name).title}'s")
    assert first in message
    assert len(message) < 600


def test_a_wrong_shape_is_named_with_both_shapes(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_file({**state, "features.0.weight": torch.zeros(64, 1, 3, 3)}, path)
    with pytest.raises(UserError) as refused:
        load_backbone(NAME, 3, weights=path)
    assert "features.0.weight is (64, 1, 3, 3) and should be (64, 3, 3, 3)" in str(refused.value)


@pytest.mark.parametrize("name", ["mine.pth", "mine.pt", "mine.bin", "mine"])
def test_a_pickle_is_refused_with_the_sentence_that_converts_it(
    name: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / name
    pickled(state, path)
    with pytest.raises(UserError) as refused:
        load_backbone(NAME, 3, weights=path)
    assert f"python -m tl_core convert-weights {name} mine.safetensors" in str(refused.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no weights file"):
        load_backbone(NAME, 3, weights=tmp_path / "none.safetensors")


def damaged(kind: str, data: bytes) -> bytes:
    size = int.from_bytes(data[:8], "little")
    return {
        "empty": b"",
        "cut in the header": data[: 8 + size // 2],
        "cut in the tensors": data[:-1000],
        "header of a terabyte": (2**40).to_bytes(8, "little") + data[8:],
        "header that is no text": data[:8] + b"\xff" * size + data[8 + size :],
        "pickle by another name": pickle.dumps({"a": 1}),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "empty",
        "cut in the header",
        "cut in the tensors",
        "header of a terabyte",
        "header that is no text",
        "pickle by another name",
    ],
)
def test_a_damaged_safetensors_file_is_one_sentence(
    kind: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(damaged(kind, save(state)))
    with pytest.raises(UserError, match=r"mine.safetensors cannot be read as safetensors"):
        load_backbone(NAME, 3, weights=path)


# --- pickles and convert-weights --------------------------------------------------------------


class Evil:
    """Writes a file when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.marker, "pwned")


@pytest.fixture(params=["bare pickle", "torch.save", "beside tensors"])
def evil_file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A malicious `.pth` and the file that it would write."""
    path, marker = tmp_path / "evil.pth", tmp_path / "marker"
    if request.param == "bare pickle":
        path.write_bytes(pickle.dumps(Evil(marker)))
    elif request.param == "torch.save":
        torch.save(Evil(marker), path)
    else:
        torch.save({"weight": torch.zeros(2), "extra": Evil(marker)}, path)
    return path, marker


def test_the_malicious_file_would_work_elsewhere(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Evil(tmp_path / "marker")))  # noqa: S301 (it is our own)
    assert (tmp_path / "marker").exists()


def test_convert_does_not_run_a_malicious_file(evil_file: tuple[Path, Path]) -> None:
    path, marker = evil_file
    target = path.with_suffix(".safetensors")
    with pytest.raises(UserError, match=r"evil.pth is not a plain PyTorch weights file"):
        weights.convert(path, target)
    assert not marker.exists()
    assert not target.exists()


def test_a_malicious_file_in_the_download_cache_is_not_opened(
    evil_file: tuple[Path, Path], downloads: Path
) -> None:
    path, marker = evil_file
    path.rename(downloads / file_name())
    with pytest.raises(UserError, match=r"is not the published file \(its hash differs\)"):
        load_backbone(NAME, 3)
    assert not marker.exists()


def test_converting_keeps_every_tensor(state: dict[str, Tensor], tmp_path: Path) -> None:
    source, target = tmp_path / "in.pth", tmp_path / "out.safetensors"
    pickled(state, source)
    assert weights.convert(source, target) == len(state)
    assert_loaded(state, target)


def test_converting_understands_checkpoints_and_odd_tensors(tmp_path: Path) -> None:
    shared = torch.arange(6.0).view(2, 3)
    checkpoint = {
        "state_dict": {"module.a": shared, "module.b": shared, "module.c": shared.t()},
        "epoch": 3,
    }
    torch.save(checkpoint, tmp_path / "in.pth")
    weights.convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    read = weights.read_weights(tmp_path / "out.safetensors", find_card(NAME))
    assert read.keys() == {"a", "b", "c"}
    assert torch.equal(read["c"], shared.t())


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"state_dict": {"a": "b"}}, torch.zeros(2)])
def test_what_is_no_state_dict_is_not_converted(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "in.pth")
    with pytest.raises(UserError, match="holds no state dict"):
        weights.convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_converting_says_what_is_wrong_with_the_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must end in \.safetensors"):
        weights.convert(tmp_path / "in.pth", tmp_path / "out.pth")
    with pytest.raises(UserError, match="There is no weights file"):
        weights.convert(tmp_path / "in.pth", tmp_path / "out.safetensors")


# --- torchvision's download cache -------------------------------------------------------------


def test_a_downloaded_file_is_used_without_asking_the_internet(
    state: dict[str, Tensor], downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, pickled(state, downloads / file_name()))
    assert weights.works_offline(find_card(NAME))
    assert_loaded(state)


def test_the_cache_folder_is_the_one_torch_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights.download_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert weights.download_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert weights.download_folder() == Path(torch.hub.get_dir()).expanduser() / "checkpoints"


def test_a_changed_file_in_the_cache_is_refused(state: dict[str, Tensor], downloads: Path) -> None:
    pickled(state, downloads / file_name())
    with pytest.raises(UserError, match=r"hash differs\); delete it"):
        load_backbone(NAME, 3)


# --- download ---------------------------------------------------------------------------------


@pytest.fixture
def server(file_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A `FileServer` that the catalogue's addresses lead to."""
    from urllib.request import urlopen

    monkeypatch.setattr(download, "urlopen", urlopen)
    address = file_server.url("/weights.pth")
    monkeypatch.setattr(weights, "published", lambda name: replace(published(name), url=address))
    return file_server


def test_a_download_shows_progress_and_is_kept(
    state: dict[str, Tensor],
    server: Any,
    tmp_path: Path,
    downloads: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = pickled(state, tmp_path / "served.pth")
    server.files["/weights.pth"] = body
    publish(monkeypatch, body)
    steps: list[tuple[int, int]] = []
    load_backbone(NAME, 3, progress=lambda done, total: steps.append((done, total)))
    assert len(steps) >= 4
    assert steps == sorted(steps)
    assert {total for _, total in steps} == {len(body)}
    assert steps[-1][0] == len(body)
    assert [path.name for path in downloads.iterdir()] == [file_name()]
    load_backbone(NAME, 3)
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", ["other bytes", "not found"])
def test_a_failed_download_leaves_nothing_behind(
    fault: str, server: Any, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = bytes(range(256)) * 8192
    publish(monkeypatch, good)
    if fault == "other bytes":
        server.files["/weights.pth"] = b"x" * len(good)
    with pytest.raises(UserError, match=r"published hash|could not be downloaded, the server"):
        load_backbone(NAME, 3)
    assert list(downloads.iterdir()) == []


def test_a_broken_download_goes_on_the_next_time(
    state: dict[str, Tensor],
    server: Any,
    tmp_path: Path,
    downloads: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = pickled(state, tmp_path / "served.pth")
    server.files["/weights.pth"] = body
    publish(monkeypatch, body)
    server.cuts = [1000, 0, 0, 0]
    with pytest.raises(UserError, match="could not be downloaded, the connection broke off"):
        load_backbone(NAME, 3)
    assert not weights.works_offline(find_card(NAME))
    assert_loaded(state)
    assert server.asked[-1] == "bytes=1000-"
    assert [path.name for path in downloads.iterdir()] == [file_name()]


def test_offline_the_error_names_what_works_and_where_a_file_may_be_put(
    downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise URLError("no route")

    monkeypatch.setattr(download, "urlopen", offline)
    (downloads / file_name("resnet18")).touch()
    with pytest.raises(UserError) as refused:
        load_backbone(NAME, 3)
    message = str(refused.value)
    assert message.startswith("The weights of SqueezeNet 1.1 could not be downloaded")
    assert "choose a backbone that needs no download (Mini, " in message
    assert "ResNet-18" in message
    assert "ResNet-34" not in message
    assert f"put {file_name()} into {downloads}" in message
    assert list(downloads.iterdir()) == [downloads / file_name("resnet18")]


def test_no_download_starts_on_a_full_disk(
    downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = find_card(NAME)
    assert card.weights
    huge = replace(card, weights=replace(card.weights, bytes=10**18))
    monkeypatch.setitem(catalogue(), NAME, huge)
    with pytest.raises(UserError, match="MB free"):
        load_backbone(NAME, 3)
    assert list(downloads.iterdir()) == []


def test_a_backbone_without_published_weights_starts_from_scratch() -> None:
    assert load_backbone("small", 3)(torch.randn(2, 3, 64, 64)).shape == (2, 3)


# --- real weights -----------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(("name", "at_least"), [("squeezenet1_1", 10), ("mobilenet_v2", 16)])
def test_real_weights_know_real_pictures(name: str, at_least: int, shared_data: Path) -> None:
    """One picture each of 20 ImageNet classes; the file's name begins with its class."""
    from PIL import Image
    from torchvision.models import get_weight

    rows = (shared_data / "weights/imagenet_classes.tsv").read_text().splitlines()
    classes = [row.split("\t")[1] for row in rows]
    card = find_card(name)
    assert card.weights
    transform = get_weight(card.weights.source).transforms()
    file = shared_data / f"weights/{name}-imagenet.safetensors"
    chain = load_backbone(name, None, weights=file).eval()
    paths = sorted((shared_data / "imagenet_samples").iterdir())
    pictures = torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])
    with torch.no_grad():
        best = chain(pictures).argmax(1)
    right = sum(
        path.name.startswith(classes[index]) for path, index in zip(paths, best, strict=True)
    )
    assert right >= at_least


@pytest.mark.shared
def test_the_converter_gives_the_shared_safetensors(shared_data: Path, tmp_path: Path) -> None:
    folder, target = shared_data / "weights", tmp_path / "out.safetensors"
    weights.convert(folder / "squeezenet1_1-imagenet.pth", target)
    card = find_card(NAME)
    ours = weights.read_weights(target, card)
    theirs = weights.read_weights(folder / "squeezenet1_1-imagenet.safetensors", card)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


# --- weights as people have them --------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix", ["model.", "_orig_mod.", "module._orig_mod.", "backbone.", "lit.net.encoder."]
)
def test_a_prefix_that_all_names_share_goes(
    prefix: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "mine.safetensors"
    save_file({f"{prefix}{key}": tensor for key, tensor in state.items()}, path)
    assert_loaded(state, path)
    content = {"epoch": 3, "state_dict": {f"{prefix}{k}": t for k, t in state.items()},
               "optimizer_states": [{"state": {}}], "hyper_parameters": {"lr": 0.1}}  # fmt: skip
    torch.save(content, tmp_path / "in.ckpt")
    assert weights.convert(tmp_path / "in.ckpt", tmp_path / "out.safetensors") == len(state)
    assert_loaded(state, tmp_path / "out.safetensors")


@pytest.mark.parametrize("content", [{1: 1.0, "1": 2.0}, {"module.a": 1.0, "a": 2.0}])
def test_two_names_that_fall_together_are_refused(content: Any, tmp_path: Path) -> None:
    torch.save({key: torch.tensor(value) for key, value in content.items()}, tmp_path / "in.pth")
    with pytest.raises(UserError, match="two tensors that would both be called"):
        weights.convert(tmp_path / "in.pth", tmp_path / "out.safetensors")


def test_two_networks_in_one_file_are_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_file(
        {f"{p}.{k}": t.clone() for p in ("student", "teacher") for k, t in state.items()}, path
    )
    with pytest.raises(UserError, match="holds 2 networks that fit"):
        load_backbone(NAME, 3, weights=path)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html>Virus scan warning</html>", "a web page"),
        (None, "cut off"),
    ],
)
def test_a_download_that_went_wrong_says_what_it_is(
    content: bytes | None, words: str, ending: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / f"mine{ending}"
    if content is None:
        whole = save(state) if ending == ".safetensors" else pickled(state, path)
        content = whole[: len(whole) // 2]
    path.write_bytes(content)
    read = weights.read_pickle if ending == ".pth" else weights._read_safetensors
    with pytest.raises(UserError, match=words):
        read(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(
    value: float, state: dict[str, Tensor], tmp_path: Path
) -> None:
    state["features.0.weight"] = state["features.0.weight"].clone()
    state["features.0.weight"][0, 0, 0, 0] = value
    save_file(state, tmp_path / "mine.safetensors")
    torch.save(state, tmp_path / "in.pth")
    with pytest.raises(UserError, match=r"features\.0\.weight.*no numbers"):
        load_backbone(NAME, 3, weights=tmp_path / "mine.safetensors")
    with pytest.raises(UserError, match=r"features\.0\.weight.*no numbers"):
        weights.convert(tmp_path / "in.pth", tmp_path / "out.safetensors")


@pytest.mark.parametrize("kind", [torch.bool, torch.int8, torch.float8_e4m3fn])
def test_tensors_that_are_no_floats_are_refused(
    kind: torch.dtype, state: dict[str, Tensor], tmp_path: Path
) -> None:
    save_file({key: tensor.to(kind) for key, tensor in state.items()}, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="computes with floating-point numbers"):
        load_backbone(NAME, 3, weights=tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: torch.eye(4).to_sparse(), "sparse"),
        (lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8), "quantised"),
        (lambda: torch.empty(4, device="meta"), "without values"),
        (lambda: torch.zeros(1).expand(1 << 33), "repeated many times"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*quantize:UserWarning")
def test_tensors_that_cannot_be_written_are_a_sentence(
    make: Any, words: str, tmp_path: Path
) -> None:
    torch.save({"odd": make()}, tmp_path / "in.pth")
    with pytest.raises(UserError, match=words):
        weights.convert(tmp_path / "in.pth", tmp_path / "out.safetensors")


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.pth")
    with pytest.raises(UserError, match="a pipe or a device"):
        weights.convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
