"""`start.py`: which Python it takes, when it installs, which port it picks; it installs nothing."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
BITS_64 = 2**63 - 1


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A fresh `start` module whose root is an empty folder with two requirements files."""
    spec = importlib.util.spec_from_file_location("start", ROOT / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    (tmp_path / "requirements.txt").write_text("streamlit\n")
    (tmp_path / "requirements-more.txt").write_text("onnx\n")
    (tmp_path / "requirements-test.txt").write_text("-r requirements-more.txt\npytest\n")
    (tmp_path / "requirements-tested.txt").write_text("streamlit==1.67.0 --hash=sha256:00\n")
    (tmp_path / "requirements-floors.txt").write_text("# why\nurllib3>=2.5\nidna>=3.7\n")
    return module


@pytest.fixture
def calls(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What `start` would have run; making the environment leaves its Python behind."""
    commands: list[list[str]] = []

    def build_environment(clear: bool) -> None:
        commands.append(["venv", "anew" if clear else "again"])
        python = start.environment_python()
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()
        version = "version = {}.{}.0\n".format(*sys.version_info[:2])
        (start.ENVIRONMENT / "pyvenv.cfg").write_text(version)

    monkeypatch.setattr(start, "build_environment", build_environment)
    monkeypatch.setattr(start, "wait", lambda command: commands.append(command) or 0)
    return commands


class TestPython:
    @pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 4), (3, 13, 9)])
    def test_supported(self, start: ModuleType, version: tuple[int, ...]) -> None:
        start.check_python(version, "Linux", "x86_64", BITS_64)

    @pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13), (3, 14, 0), (4, 0, 0)])
    def test_others_are_told_which_is_needed(
        self, start: ModuleType, version: tuple[int, ...]
    ) -> None:
        with pytest.raises(start.Refusal, match=r"3\.11, 3\.12 or 3\.13 is needed") as refused:
            start.check_python(version, "Linux", "x86_64", BITS_64)
        assert ".".join(map(str, version)) in str(refused.value)

    def test_windows_is_told_its_own_command(self, start: ModuleType) -> None:
        with pytest.raises(start.Refusal, match=r"py -3\.12 start\.py"):
            start.check_python((3, 10, 0), "Windows", "AMD64", BITS_64)

    def test_machines_without_pytorch(self, start: ModuleType) -> None:
        with pytest.raises(start.Refusal, match="64-bit"):
            start.check_python((3, 12, 0), "Windows", "x86", 2**31 - 1)
        with pytest.raises(start.Refusal, match="Intel Macs"):
            start.check_python((3, 12, 0), "Darwin", "x86_64", BITS_64)

    def test_an_old_python_gets_as_far_as_the_sentence(self) -> None:
        source = (ROOT / "start.py").read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 6))
        assert "from __future__ import annotations" not in source  # Python 3.6 refuses it

    def test_the_check_comes_first(
        self, start: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(start.sys, "version_info", (3, 9, 1, "final", 0))
        assert start.main(["test"]) == 2
        assert calls == []


class TestInstall:
    def test_first_time(self, start: ModuleType, calls: list[list[str]]) -> None:
        start.install(start.APP)
        make, pip = calls
        assert make == ["venv", "anew"]
        assert pip[:4] == [str(start.environment_python()), "-m", "pip", "install"]
        assert pip[-2:] == ["-r", "requirements.txt"]
        assert "--prefer-binary" in pip

    def test_nothing_changed_nothing_done(self, start: ModuleType, calls: list[list[str]]) -> None:
        start.install(start.TESTS)
        calls.clear()
        start.install(start.TESTS)
        start.install(start.APP)
        assert calls == []

    def test_tests_add_to_the_app(self, start: ModuleType, calls: list[list[str]]) -> None:
        start.install(start.APP)
        calls.clear()
        start.install(start.TESTS)
        assert calls[0] == ["venv", "again"]
        assert calls[1][-4:] == ["-r", "requirements.txt", "-r", "requirements-test.txt"]

    @pytest.mark.parametrize(
        "changed", ["requirements.txt", "requirements-test.txt", "requirements-more.txt"]
    )
    def test_a_changed_file_is_installed(
        self, start: ModuleType, calls: list[list[str]], changed: str
    ) -> None:
        start.install(start.TESTS)
        calls.clear()
        with (start.ROOT / changed).open("a") as file:
            file.write("natsort\n")
        start.install(start.TESTS)
        assert len(calls) == 2

    def test_another_python_starts_afresh(
        self, start: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        start.install(start.APP)
        calls.clear()
        monkeypatch.setattr(start.sys, "version_info", (3, 99, 0, "final", 0))
        start.install(start.APP)
        assert calls[0] == ["venv", "anew"]

    @pytest.mark.parametrize("outcome", [1, KeyboardInterrupt()])
    def test_interrupted_is_repeated(
        self,
        start: ModuleType,
        calls: list[list[str]],
        monkeypatch: pytest.MonkeyPatch,
        outcome: int | KeyboardInterrupt,
    ) -> None:
        start.install(start.APP)
        (start.ROOT / "requirements.txt").write_text("streamlit\nplotly\n")

        def fail(*_: str) -> int:
            if isinstance(outcome, KeyboardInterrupt):
                raise outcome
            return outcome

        with monkeypatch.context() as patch:
            patch.setattr(start, "run", fail)
            with pytest.raises((start.Refusal, KeyboardInterrupt)):
                start.install(start.APP)
        # Going back to the old file must not make the half-changed environment look finished.
        (start.ROOT / "requirements.txt").write_text("streamlit\n")
        calls.clear()
        start.install(start.APP)
        assert len(calls) == 2

    @pytest.mark.usefixtures("calls")
    def test_a_broken_stamp_is_no_stamp(self, start: ModuleType) -> None:
        start.install(start.APP)
        start.stamp_file().write_text("{half")
        assert start.installed() == {}
        start.stamp_file().write_text(json.dumps([1]))
        assert start.installed() == {}

    def test_a_python_that_went_away_is_replaced(
        self, start: ModuleType, calls: list[list[str]]
    ) -> None:
        start.install(start.APP)
        start.environment_python().unlink()
        calls.clear()
        start.install(start.APP)
        assert calls[0] == ["venv", "anew"]

    def test_debian_without_venv(
        self, start: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            start.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name
        )
        with pytest.raises(start.Refusal, match="python3-venv"):
            start.install(start.APP)
        assert calls == []

    @pytest.mark.usefixtures("calls")
    def test_failing_pip_says_what_to_do(
        self, start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(start, "wait", lambda command: int("pip" in command))
        assert start.main(["--no-browser"]) == 2
        assert "start again" in capsys.readouterr().err
        assert start.installed() == {}

    def test_a_folder_that_cannot_be_made(
        self, start: ModuleType, capsys: pytest.CaptureFixture[str]
    ) -> None:
        start.ENVIRONMENT.write_text("a file where the folder should be")
        assert start.main(["install"]) == 2
        assert "could not be made" in capsys.readouterr().err


class TestApp:
    def test_a_free_port_is_kept(
        self, start: ModuleType, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        assert start.free_port(port) == port
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
    def test_a_taken_port_is_passed_over_and_said(
        self, start: ModuleType, address: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with socket.socket() as server:
            server.bind((address, 0))
            server.listen()
            taken = server.getsockname()[1]
            chosen = start.free_port(taken)
        assert chosen > taken
        assert f"port {taken} is taken; the app uses {chosen}" in capsys.readouterr().out

    def test_all_taken(self, start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(start, "is_free", lambda _: False)
        with pytest.raises(start.Refusal, match="--port"):
            start.free_port(65500)

    def test_command(self, start: ModuleType, calls: list[list[str]]) -> None:
        assert start.main(["--no-browser"]) == 0
        command = calls[-1]
        assert command[1:5] == ["-m", "streamlit", "run", "app.py"]
        assert "--server.address=localhost" in command
        assert "--server.headless=true" in command
        assert "--server.headless=true" not in start.app_command(8501, browser=True)

    @pytest.mark.parametrize("options", [["--share"], ["--port", "80"], ["--port", "70000"]])
    def test_refused_before_anything_is_installed(
        self,
        start: ModuleType,
        calls: list[list[str]],
        options: list[str],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert start.main(options) == 2
        assert calls == []
        assert capsys.readouterr().err.count("\n") == 2  # an empty line and one sentence


class TestFloors:
    def put(self, start: ModuleType, name: str, version: str) -> None:
        place = start.ENVIRONMENT / "lib" / "python3.11" / "site-packages"
        folder = place / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")

    def test_what_is_older_is_renewed_and_said(
        self, start: ModuleType, calls: list[list[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        start.install(start.APP)
        self.put(start, "urllib3", "2.6.1")
        self.put(start, "idna", "3.10")
        calls.clear()
        start.install(start.APP)
        assert calls == [], "nothing is old"
        self.put(start, "idna", "3.4")
        (start.ENVIRONMENT / "lib/python3.11/site-packages/idna-3.10.dist-info/METADATA").unlink()
        start.install(start.APP)
        assert calls[-1][-4:] == ["-c", "requirements-floors.txt", "-r", "requirements.txt"]
        assert "renewing what is older than requirements-floors.txt allows: idna 3.4." in (
            capsys.readouterr().out
        )

    def test_raised_floors_are_installed(self, start: ModuleType, calls: list[list[str]]) -> None:
        start.install(start.APP)
        calls.clear()
        (start.ROOT / "requirements-floors.txt").write_text("urllib3>=2.6\n")
        start.install(start.APP)
        assert calls[-1][-2:] == ["-r", "requirements.txt"]

    @pytest.mark.parametrize(
        ("version", "floor", "is_old"),
        [("2.9", "2.10", True), ("2.10.0", "2.10", False), ("2.13.0+cpu", "2.11", False),
         ("2026.10.19.post1", "2024.7.4", False), ("1.67.0rc1", "1.68", True)],
    )  # fmt: skip
    def test_versions_are_numbers(
        self, start: ModuleType, version: str, floor: str, is_old: bool
    ) -> None:
        assert bool(start.too_old({"x": version}, {"x": floor})) == is_old


class TestTested:
    def test_the_tested_set_is_installed_by_hash(
        self, start: ModuleType, calls: list[list[str]]
    ) -> None:
        assert start.main(["install", "--tested"]) == 0
        assert calls[-1][-3:] == ["--require-hashes", "-r", "requirements-tested.txt"]
        assert start.main(["--tested", "--no-browser"]) == 0
        assert calls[-1][1:4] == ["-m", "streamlit", "run"]
        assert sum("pip" in call for call in calls) == 1, "it is there already"

    def pinned(self) -> dict[str, set[str]]:
        text = (ROOT / "requirements-tested.txt").read_text(encoding="utf-8")
        found: dict[str, set[str]] = {}
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE):
            found.setdefault(name.lower(), set()).add(version)
        return found

    def test_every_requirement_is_in_it_and_within_its_range(self) -> None:
        pinned = self.pinned()
        files = [ROOT / name for name in ("requirements.txt", "requirements-test.txt")]
        files += sorted(ROOT.glob("requirements-[elfz]*.txt"))
        for file in files:
            for line in file.read_text(encoding="utf-8").splitlines():
                if line.startswith(("#", "-r")) or not line.strip():
                    continue
                wanted = Requirement(line)
                assert wanted.name.lower() in pinned, f"{wanted} of {file.name}"
                assert all(v in wanted.specifier for v in pinned[wanted.name.lower()]), str(wanted)

    def test_it_is_not_below_the_floors(
        self, start: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(start, "ROOT", ROOT)
        floors = start.floors()
        assert len(floors) >= 10
        for name, versions in self.pinned().items():
            for version in versions:
                assert start.too_old({name: version}, floors) == {}

    def test_every_pin_has_hashes(self) -> None:
        text = (ROOT / "requirements-tested.txt").read_text(encoding="utf-8")
        blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
        assert len(blocks) >= 80
        assert all("--hash=sha256:" in block for block in blocks)


class TestTest:
    def test_arguments_go_to_pytest(self, start: ModuleType, calls: list[list[str]]) -> None:
        assert start.main(["test", "--slow", "-k", "a or b"]) == 0
        assert calls[-1][1:] == ["-m", "pytest", *start.SIDE_BY_SIDE, "--slow", "-k", "a or b"]

    def test_exit_status_is_passed_on(
        self, start: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(start, "install", lambda _: None)
        monkeypatch.setattr(start, "wait", lambda _: 5)
        assert start.main(["test"]) == 5

    def test_install_only(self, start: ModuleType, calls: list[list[str]]) -> None:
        assert start.main(["install"]) == 0
        assert calls[-1][-1] == "requirements-test.txt"


class TestWait:
    def test_exit_status(self, start: ModuleType) -> None:
        assert start.wait([sys.executable, "-c", "raise SystemExit(7)"]) == 7

    @pytest.mark.skipif(sys.platform == "win32", reason="signals as in POSIX shells")
    def test_stopped_by_a_signal(self, start: ModuleType) -> None:
        stop = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
        assert start.wait([sys.executable, "-c", stop]) == 128 + signal.SIGTERM

    @pytest.mark.skipif(sys.platform == "win32", reason="process groups as in POSIX shells")
    def test_ctrl_c_ends_quietly(self) -> None:
        """The child hears Ctrl-C too, stops in its own way, and the status is 130."""
        child = (
            "import time\ntry: print('up', flush=True); time.sleep(30)\n"
            "except KeyboardInterrupt: time.sleep(0.5); print('stopped cleanly', flush=True)"
        )
        script = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); import start\n"
            "start.install = lambda files: None\n"
            f"start.run = lambda *_: start.wait([sys.executable, '-c', {child!r}])\n"
            "sys.exit(start.main(['test']))"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell's background job ignores Ctrl-C, and so would every process it starts.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stdout.readline() == "up\n"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (130, "stopped cleanly\n", "")
