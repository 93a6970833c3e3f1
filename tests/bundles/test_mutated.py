"""A thousand damaged and hostile bundles: each refused in a sentence, or answering as it should."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tl_core.bundles.archive import FAMILIAR, MANIFEST
from tl_core.bundles.manifest import WEIGHTS
from tl_core.bundles.predict import Model, Prediction
from tl_core.errors import UserError

QUICK, ALL = 40, 1000
Members = dict[str, bytes]
PATHS = ("../../evil", "/etc/evil", "..\\evil", "C:\\evil", "a/../../evil", "\0evil", "e" * 300, "")
VALUES = (
    None, True, -1, 0, 1e308, float("nan"), float("inf"), 10**30, "", "evil", "\ud800", "\0",
    "__import__('os')", [], {}, [[]], ["a", "a"], list(range(999)), {"a": 1}, "../../evil",
)  # fmt: skip
EXECUTING = ("pickle.find_class", "os.system", "subprocess.Popen", "os.exec", "os.posix_spawn")
_executed: list[str] | None = None


def _watch(event: str, _arguments: Any) -> None:
    if _executed is not None and event in EXECUTING:
        _executed.append(event)


sys.addaudithook(_watch)  # (for the length of the process; it does nothing while nobody looks)


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch executed",)


# --- how a bundle is changed: each takes and returns bytes of files, or of the whole --------------


def packed(members: Members, twice: str = "") -> bytes:
    """Return a zip whose manifest states the right sizes and hashes."""
    file = Path("mutant.headstart")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            for _ in range(1 + (name == twice)):
                archive.writestr(zipfile.ZipInfo(name), content)
    return file.read_bytes()


def told(members: Members, change: Callable[[Any], None] = lambda _: None) -> Members:
    """Let the manifest state what the files are, then change it."""
    values = json.loads(members[MANIFEST])
    values["members"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in members.items()
        if name != MANIFEST
    }
    change(values)
    return members | {MANIFEST: json.dumps(values).encode()}


def places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container in a manifest with every key in it."""
    keys = list(values) if isinstance(values, dict) else range(len(values))
    for key in keys:
        yield values, key
        if isinstance(values[key], dict | list):
            yield from places(values[key])


def flipped_anywhere(members: Members, dice: random.Random) -> bytes:
    data = bytearray(packed(members))
    for _ in range(dice.randint(1, 8)):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def flipped_where_it_matters(members: Members, dice: random.Random) -> bytes:
    data = bytearray(packed(members))
    for _ in range(dice.randint(1, 3)):
        at = dice.choice([dice.randrange(3000), -1 - dice.randrange(300)])
        data[at] ^= 1 << dice.randrange(8)
    return bytes(data)


def field_removed(members: Members, dice: random.Random) -> bytes:
    def remove(values: Any) -> None:
        container, key = dice.choice(list(places(values)))
        del container[key]

    return packed(told(members, remove))


def field_changed(members: Members, dice: random.Random) -> bytes:
    def change(values: Any) -> None:
        container, key = dice.choice(list(places(values)))
        container[key] = dice.choice(VALUES)

    return packed(told(members, change))


def path_changed(members: Members, dice: random.Random) -> bytes:
    old, new = dice.choice(list(members)), dice.choice(PATHS)
    moved = {new if name == old else name: content for name, content in members.items()}
    return packed(told(moved) if MANIFEST in moved and dice.random() < 0.5 else moved)


def pickle_inserted(members: Members, dice: random.Random) -> bytes:
    evil = pickle.dumps(Evil(), protocol=dice.randrange(6))
    name = dice.choice([*members, "data.pkl", "archive/data.pkl", "model.pth"])
    changed = members | {name: evil + members.get(name, b"") * dice.randrange(2)}
    return packed(told(changed) if name != MANIFEST else changed)


def entry_twice(members: Members, dice: random.Random) -> bytes:
    return packed(members, twice=dice.choice(list(members)))


def size_lied(members: Members, dice: random.Random) -> bytes:
    def lie(values: Any) -> None:
        name = dice.choice(list(values["members"]))
        values["members"][name]["bytes"] = dice.choice([0, -1, 7, 1 << 40, 10**30, 2.5, "9"])

    if dice.random() < 0.3:
        return packed(told(members, lie))
    data = bytearray(packed(members))
    mark = dice.choice([b"PK\1\2", b"PK\3\4", b"PK\5\6"])
    found = [n for n in range(len(data) - 600, len(data) - 22) if data[n : n + 4] == mark] or [0]
    at = dice.choice(found) + dice.randrange(6, 22)
    data[at : at + 4] = struct.pack("<I", dice.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data)]))
    return bytes(data)


def header_changed(members: Members, dice: random.Random) -> bytes:
    file = dice.choice([WEIGHTS, FAMILIAR])
    weights = members[file]
    size = int.from_bytes(weights[:8], "little")
    header, rest = json.loads(weights[8 : 8 + size]), weights[8 + size :]
    container, key = dice.choice(list(places(header)))
    container[key] = dice.choice([*VALUES, "F64", "I32", "BOOL", [2**40], [0, 2**50]])
    text = json.dumps(header).encode()
    length = dice.choice([len(text)] * 4 + [0, 1, 2**31, 2**63])
    return packed(told(members | {file: struct.pack("<Q", length) + text + rest}))


def numbers_changed(members: Members, dice: random.Random) -> bytes:
    file = dice.choice([WEIGHTS, FAMILIAR])
    weights = bytearray(members[file])
    start = 8 + int.from_bytes(weights[:8], "little")
    worst = struct.pack("<f", dice.choice([float("nan"), float("inf"), -3e38, 1e-45]))
    for _ in range(dice.choice([1, 1000])):
        at = start + 4 * dice.randrange((len(weights) - start) // 4)
        weights[at : at + 4] = worst
    return packed(told(members | {file: bytes(weights)}))


def cut_off_or_extended(members: Members, dice: random.Random) -> bytes:
    data = packed(members)
    junk = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 99)))
    return dice.choice([data[: dice.randrange(len(data))], data + junk, junk + data, junk, b""])


MUTATIONS = (
    flipped_anywhere, flipped_where_it_matters, field_removed, field_changed, path_changed,
    pickle_inserted, entry_twice, size_lied, header_changed, numbers_changed, cut_off_or_extended,
)  # fmt: skip


@pytest.fixture
def members(bundle: Path) -> Members:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What of the kinds that execute happened while it was watched."""
    global _executed
    monkeypatch.chdir(tmp_path)
    _executed = []
    yield _executed
    _executed = None


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("count", [QUICK, pytest.param(ALL, marks=pytest.mark.slow)])
def test_all_are_refused_or_right(
    count: int, bundle: Path, members: Members, executed: list[str], tmp_path: Path
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    photo = Image.fromarray(picture[0])
    whole = Model(bundle, body="eager")
    expected = whole.probabilities(picture)
    refused: list[str] = []
    path = tmp_path / "mutant.headstart"
    for number in range(count):
        dice = random.Random(number)
        mutation = MUTATIONS[number % len(MUTATIONS)]
        path.write_bytes(mutation(members, dice))
        executed.clear()  # (packing is not watched)
        try:
            model = Model(path, body="eager")
            shares = model.probabilities(picture)
            assert isinstance(*model.predict([photo]), Prediction)
        except UserError as error:
            refused.append(str(error))
        else:
            said = f"{mutation.__name__} {number}"
            assert np.isfinite(shares).all(), said
            assert shares.shape == (1, len(model.classes)), said
            assert abs(shares.sum() - 1) < 1e-5, said
            meant = mutation in (field_changed, field_removed, numbers_changed)
            assert meant or np.array_equal(shares, expected), said
        assert not executed, f"{mutation.__name__} {number}: {executed}"
        assert {file.name for file in tmp_path.iterdir()} == {path.name}
    print(f"{len(refused)} of {count} refused, the others right")  # noqa: T201
    assert count / 2 < len(refused) < count
    assert not [said for said in refused if "\n" in said or not said.endswith(".")]


def test_the_watch_sees_what_executes(executed: list[str], tmp_path: Path) -> None:
    """As a reader that trusts would do it: so the test above can fail."""
    pickle.loads(pickle.dumps(Evil()))  # noqa: S301
    assert "pickle.find_class" in executed
    assert (tmp_path / "executed").exists() or sys.platform == "win32"
