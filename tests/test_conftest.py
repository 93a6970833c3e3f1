"""Which tests run where: absent means skipped, required means failed. Tried on a pytest inside."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tl_core.workspace import Workspace

pytest_plugins = ["pytester"]

NEEDS = """
    import pytest

    @pytest.mark.shared
    def test_photos(): pass

    def test_fixture(shared_data): pass

    @pytest.mark.browser
    def test_page(): pass

    @pytest.mark.slow
    def test_slow(): pass

    @pytest.mark.slow
    @pytest.mark.shared
    def test_slow_photos(): pass

    def test_plain(): pass
"""


@pytest.fixture
def inside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with our conftest, on a machine that has neither shared data nor Chromium."""
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    monkeypatch.setenv("HEADSTART_SHARED", str(pytester.path / "nowhere"))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("HEADSTART_REQUIRE", raising=False)
    return pytester


def run(inside: pytest.Pytester, *options: str, source: str = NEEDS) -> pytest.RunResult:
    inside.makepyfile(source)
    return inside.runpytest_inprocess("-p", "no:cacheprovider", "-rs", *options)


def test_absent_is_skipped_with_its_reason(inside: pytest.Pytester) -> None:
    result = run(inside)
    result.assert_outcomes(passed=1, skipped=5)
    result.stdout.fnmatch_lines_random(
        ["*shared data is not at*", "*Chromium is not installed*", "*run with --slow*"]
    )


def test_required_fails(inside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_REQUIRE", "browser, shared")
    result = run(inside)
    # A slow test that nobody asked for is still no failure.
    result.assert_outcomes(passed=1, errors=3, skipped=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*HEADSTART_REQUIRE names shared*"])


def test_only_what_is_named_is_required(
    inside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_REQUIRE", "browser")
    run(inside).assert_outcomes(passed=1, errors=1, skipped=4)


def test_what_may_be_missing_comes_first(
    inside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_REQUIRE", "shared")
    both = """
        import pytest

        @pytest.mark.shared
        @pytest.mark.browser
        def test_both(): pass
    """
    run(inside, source=both).assert_outcomes(skipped=1)


def test_present_runs(inside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_SHARED", str(inside.mkdir("here")))
    run(inside, "--slow").assert_outcomes(passed=5, skipped=1)


def test_a_marker_that_does_not_exist_is_refused(
    inside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_REQUIRE", "browsers")
    result = run(inside)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*knows browser, gpu, shared, not browsers*"])


def test_no_network_but_this_machine() -> None:
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("example.org", 80), timeout=1)
    with socket.socket() as client, pytest.raises(OSError, match="no network"):
        client.connect(("192.0.2.1", 80))
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()


def test_workspace_is_empty_and_named(workspace: Workspace) -> None:
    assert Workspace.open() == workspace
    assert not any(workspace.runs.iterdir())


def test_photo_folder_is_repeatable_and_distinct(photo_folder: Callable[..., Path]) -> None:
    classes = {"red": 8, "blue": 8, "a word": 3}

    def hashes(root: Path) -> list[str]:
        return [hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*.png"))]

    first, second = photo_folder(classes), photo_folder(classes)
    assert first != second
    assert hashes(first) == hashes(second)
    assert len(set(hashes(first))) == 19
    with Image.open(photo_folder(size=20) / "red" / "000.png") as picture:
        assert picture.size == (20, 20)
        red, green, blue = picture.resize((1, 1)).getpixel((0, 0))
    assert red > 2 * max(green, blue)
