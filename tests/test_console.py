"""Consoles that are not UTF-8: nothing fails, and a table is UTF-8 in all of them."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tl_core import console
from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import write_bundle
from tl_core.bundles.manifest import Manifest
from tl_core.cli import main
from tl_core.console import table_output

ROOT = Path(__file__).parents[1]
CODE_PAGES = ("ascii", "cp1252", "cp932", "utf-8")
CLASSES = ("犬", "ねこ 🐈")


@pytest.fixture(params=CODE_PAGES)
def written(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, bytes]]:
    """Run a command whose output goes to a code page: exit status, and the bytes it wrote."""

    def run(*argv: object) -> tuple[int, bytes]:
        raw = io.BytesIO()
        out = io.TextIOWrapper(raw, request.param, "strict")
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), request.param, "strict"))
        status = main([str(part) for part in argv])
        out.flush()
        assert out.encoding == request.param, "and the console is what it was"
        return status, raw.getvalue()

    return run


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "model.headstart"
    manifest = Manifest(
        backbone="small", classes=CLASSES, preprocessing=find_card("small").preprocessing,
        opener="1", recipe="scratch", frozen_stages=(), dataset="0" * 16,
        versions={}, licence="", dataset_name="ペット",
    )  # fmt: skip
    write_bundle(path, load_backbone("small", len(CLASSES), pretrained=False), manifest)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "ペット"
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for shade in range(4):
            colour = (200 * number, 20 * shade, 90)
            Image.new("RGB", (40, 40), colour).save(folder / name / f"{shade}.png")
    return folder


def test_a_table_is_utf_8_on_every_console(
    written: Callable[..., tuple[int, bytes]], bundle: Path, photos: Path
) -> None:
    status, content = written("predict", "--model", bundle, "--csv", photos)
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    assert len(rows) == 8
    assert {"path", *CLASSES} <= rows[0].keys()
    assert {Path(row["path"]).parent.name for row in rows} == set(CLASSES)
    assert b"\r" not in content


@pytest.mark.usefixtures("workspace")
def test_no_other_answer_fails(
    written: Callable[..., tuple[int, bytes]], bundle: Path, photos: Path
) -> None:
    assert written("predict", "--model", bundle, photos)[0] == 0
    status, said = written("import", photos)
    assert status == 0
    assert b"Imported 8 pictures in 2 classes as" in said
    with pytest.raises(SystemExit) as left:
        written("study", "--help")
    assert left.value.code == 0
    assert written("predict", "--model", bundle, photos / "ねずみ.png")[0] == 2


def test_a_process_in_a_code_page(photos: Path, tmp_path: Path) -> None:
    settings = {"PYTHONIOENCODING": "cp1252", "HEADSTART_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "tl_core", "import", str(photos)],
        env=os.environ | settings, cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert rb"\u30da\u30c3\u30c8" in done.stdout, "what the code page lacks is escaped"


def test_a_table_steers_no_terminal(
    written: Callable[..., tuple[int, bytes]], bundle: Path, photos: Path
) -> None:
    (photos / CLASSES[0] / "0.png").rename(photos / "a\x1b[2J\x07.png")
    status, content = written("predict", "--model", bundle, "--csv", photos)
    assert status == 0
    assert b"a?[2J?.png" in content
    assert b"\x1b" not in content


@pytest.mark.parametrize(
    ("system", "begins"), [("win32", b"\xef\xbb\xbf\xe7"), ("linux", b"\xe7\x8a\xac")]
)
def test_excel_is_told_where_a_file_is_written_on_windows(
    system: str, begins: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    with path.open("w", encoding="cp1252") as out:
        monkeypatch.setattr(console.sys, "platform", system)
        monkeypatch.setattr(sys, "stdout", out)
        with table_output() as table:
            table.write("犬\n")
        print("after: é")  # noqa: T201
    assert path.read_bytes().startswith(begins)
    assert path.read_bytes().endswith("after: é\n".encode("cp1252"))
