"""Set Headstart up and start it, on a machine that has Python and nothing else.

    python start.py                          install what is missing, then open the app
    python start.py --port 8600 --no-browser
    python start.py install                  install only, with what the tests need
    python start.py test [pytest's options]  install, then run the tests; --slow runs all of them
    python start.py --tested                 install the very files that this version was tested
                                             with, by their hashes; also: install --tested

What is installed and older than `requirements-floors.txt` says is renewed at each start.
Everything is installed into the folder `.venv` beside this file; delete it to start afresh.
Standard library only, and no syntax newer than Python 3.6 (hence the quoted annotations): an old
Python must get as far as the sentence that says which one is needed.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
APP = ("requirements.txt",)
TESTS = ("requirements.txt", "requirements-test.txt")
TESTED = ("requirements-tested.txt",)
FLOORS = "requirements-floors.txt"
PORT = 8501
# A file of tests is one worker's, because its tests share what they set up. Each takes 1.5 GB.
SIDE_BY_SIDE = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")


class Refusal(Exception):  # noqa: N818  (what the person reads, not a fault of the program)
    """One sentence: what stands in the way, and what to do about it."""


def main(arguments: "list[str]") -> int:
    """Do what the command line asks and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A code page may lack letters of this folder's name; Python 3.6 cannot change that.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        check_python(sys.version_info[:3], platform.system(), platform.machine(), sys.maxsize)
        if arguments[:1] == ["test"]:
            install(TESTS)
            return run("-m", "pytest", *SIDE_BY_SIDE, *arguments[1:])
        if arguments[:1] == ["install"] and set(arguments[1:]) <= {"--tested"}:
            install(TESTED if arguments[1:] else TESTS)
            return 0
        options = read_options(arguments)
        install(TESTED if options.tested else APP)
        return run(*app_command(free_port(options.port), browser=not options.no_browser))
    except Refusal as refusal:
        print(f"\nHeadstart: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def check_python(
    version: "tuple[int, ...]", system: str, machine: str, largest_number: int
) -> None:
    """Refuse a Python or a machine for which PyTorch and Streamlit are not published.

    Raises:
        Refusal: this Python or this machine cannot run Headstart.
    """
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        this = ".".join(map(str, version))
        command = "py -3.12" if system == "Windows" else "python3.12"
        raise Refusal(
            f"Python 3.11, 3.12 or 3.13 is needed and this is Python {this}; install one of those "
            f"and start again with `{command} start.py`."
        )
    if largest_number < 2**32:
        raise Refusal(
            "PyTorch needs a 64-bit Python and this one has 32 bits; install the 64-bit one "
            "of the same version and start again."
        )
    if (system, machine) == ("Darwin", "x86_64"):
        raise Refusal(
            "PyTorch is no longer published for Intel Macs; on a Mac with Apple silicon install "
            "the arm64 (or universal) Python and start again, else use another computer."
        )


def read_options(arguments: "list[str]") -> argparse.Namespace:
    """Read the options of the app.

    Raises:
        Refusal: an option asks for what cannot be had.
    """
    parser = argparse.ArgumentParser(
        prog="python start.py",
        usage="%(prog)s [--port N] [--no-browser] [--tested] | install [--tested] | "
        "test [pytest's options]",
        description="Install what Headstart needs into .venv, then open it in the browser.",
    )
    parser.add_argument("--port", type=int, default=PORT, help="where the app answers (8501)")
    parser.add_argument("--no-browser", action="store_true", help="open no browser window")
    tested = "install the set of packages that this version was tested with, by their hashes"
    parser.add_argument("--tested", action="store_true", help=tested)
    parser.add_argument("--share", action="store_true", help="not available yet")
    options = parser.parse_args(arguments)
    if options.share:
        raise Refusal(
            "Sharing over the local network is not available yet, because it waits for the "
            "owner's secret; start without --share to use the app on this computer."
        )
    if not 1024 <= options.port <= 65535:
        raise Refusal(
            f"The port must be between 1024 and 65535 and {options.port} is not; "
            f"leave --port out to use {PORT}."
        )
    return options


# --- the environment -------------------------------------------------------------------------


def environment_python() -> Path:
    """Return the path of the Python inside `.venv`."""
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def stamp_file() -> Path:
    """Return the file inside `.venv` that says which requirements were installed to the end."""
    return ENVIRONMENT / "headstart-installed.json"


def fingerprint(requirements: Path) -> str:
    """Return a hash of this Python's version and a requirements file with all that it includes."""
    text = requirements.read_text(encoding="utf-8")
    included = re.findall(r"^-r\s+(\S+)", text, re.MULTILINE)
    parts = [str(sys.version_info[:2]), text]
    parts += [fingerprint(requirements.parent / name) for name in included]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def installed() -> "dict[str, str]":
    """Return the fingerprint of each requirements file that was installed to the end."""
    try:
        stamp = json.loads(stamp_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and environment_python().exists() else {}


def install(files: "tuple[str, ...]") -> None:
    """Bring `.venv` up to the requirements `files`; does nothing when nothing changed or is old.

    Raises:
        Refusal: the environment cannot be made, or pip did not finish.
    """
    done = installed()
    wanted = {name: fingerprint(ROOT / name) for name in (*files, FLOORS)}
    old = too_old(installed_versions(), floors())
    if wanted.items() <= done.items() and not old:
        return
    # From here until pip has finished nothing counts as installed, so an interruption is repeated.
    if stamp_file().exists():
        stamp_file().unlink()
    make_environment()
    print(f"Headstart: {renewing(old) if old else cost(bool(done))}", flush=True)
    pip = ["-m", "pip", "install", "--prefer-binary", "--disable-pip-version-check"]
    # Constraints of ranges have no hashes; that the tested set is above the floors, a test says.
    pip += ["--require-hashes"] if files == TESTED else ["-c", FLOORS]
    if run(*pip, *(word for name in files for word in ("-r", name))) != 0:
        raise Refusal(
            "Installing stopped for the reason that pip gives above; mend it (where it names the "
            "network, connect this computer to the internet) and start again: what was "
            "downloaded is kept."
        )
    stamp_file().write_text(json.dumps(dict(done, **wanted), indent=1), encoding="utf-8")


def floors() -> "dict[str, str]":
    """Return the oldest version of each package that is not renewed."""
    text = (ROOT / FLOORS).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)>=([\d.]+)", text, re.MULTILINE))


def installed_versions() -> "dict[str, str]":
    """Return the version of each package in `.venv`, by its name in small letters and dashes."""
    from importlib.metadata import distributions  # not in the Pythons that `check_python` refuses

    places = [ENVIRONMENT / "Lib" / "site-packages", *ENVIRONMENT.glob("lib/python*/site-packages")]
    found = distributions(path=[str(place) for place in places])
    return {re.sub(r"[-_.]+", "-", one.name).lower(): one.version for one in found if one.name}


def too_old(versions: "dict[str, str]", oldest: "dict[str, str]") -> "dict[str, str]":
    """Return the packages that are older than their floor, with their versions.

    >>> too_old({"urllib3": "1.26.20", "idna": "3.10"}, {"urllib3": "2.5", "idna": "3.7"})
    {'urllib3': '1.26.20'}
    """

    def numbers(version: str) -> "list[int]":
        return [int(part) for part in re.findall(r"\d+", version.split("+")[0])[:4]]

    return {
        name: versions[name]
        for name, floor in oldest.items()
        if name in versions and numbers(versions[name]) < numbers(floor)
    }


def renewing(old: "dict[str, str]") -> str:
    """Say what is renewed, and why."""
    names = ", ".join(f"{name} {version}" for name, version in sorted(old.items()))
    return f"renewing what is older than {FLOORS} allows: {names}."


def cost(again: bool) -> str:
    """Say what installing will take."""
    if again:
        return "the requirements changed; installing what is new."
    # On Linux the published PyTorch brings NVIDIA's libraries along, with or without a GPU.
    linux = platform.system() == "Linux"
    download, disk, minutes = (
        ("3 GB", "6 GB", "3 to 20") if linux else ("0.5 GB", "2 GB", "2 to 10")
    )
    return (
        "installing PyTorch, Streamlit and what they need. The first time this is about "
        f"{download} to download and {disk} on disk, and takes {minutes} minutes; the last step, "
        "unpacking, can be silent for some of them."
    )


def make_environment() -> None:
    """Make `.venv`, complete a half-made one, or replace one of another Python.

    Raises:
        Refusal: Python's venv module is missing, or it failed.
    """
    if Path(sys.prefix).resolve() == ENVIRONMENT:
        return  # we run inside it
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Refusal(
            "This Python came without its venv module; on Debian and Ubuntu install the package "
            "python3-venv (`sudo apt install python3-venv`) and start again."
        )
    settings = ENVIRONMENT / "pyvenv.cfg"
    text = settings.read_text(encoding="utf-8") if settings.exists() else ""
    this = r"^version(_info)? *= *{}\.{}\b".format(*sys.version_info[:2])
    keep = environment_python().exists() and re.search(this, text, re.MULTILINE)
    print(f"Headstart: preparing the folder {ENVIRONMENT}", flush=True)
    try:
        build_environment(clear=not keep)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Refusal(
            f"The folder {ENVIRONMENT} could not be made ({error}); "
            "mend that, or delete the folder, and start again."
        ) from error


def build_environment(clear: bool) -> None:
    """Do what `python -m venv .venv` does, here, so that Ctrl-C is quiet."""
    import venv

    venv.EnvBuilder(clear=clear, with_pip=True, symlinks=os.name != "nt").create(ENVIRONMENT)


# --- the app ---------------------------------------------------------------------------------


def is_free(port: int) -> bool:
    """Ask whether a server could listen on this port of this computer."""
    with socket.socket() as client:
        client.settimeout(1)
        if client.connect_ex(("127.0.0.1", port)) == 0:
            return False  # somebody answers; macOS would let us bind all the same
    with socket.socket() as server:
        if os.name != "nt":  # there the option would hand us a port that is in use
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(first: int) -> int:
    """Return the first free port from `first` on, and say so when it is another.

    Raises:
        Refusal: a hundred ports in a row are taken.
    """
    for port in range(first, min(first + 100, 65536)):
        if is_free(port):
            if port != first:
                print(f"Headstart: port {first} is taken; the app uses {port}.")
            return port
    raise Refusal(f"Port {first} and the ones after it are taken; choose another with --port.")


def app_command(port: int, browser: bool) -> "list[str]":
    """Return the arguments that open the app; its other settings stand in `.streamlit/`."""
    command = ["-m", "streamlit", "run", "app.py"]
    command += ["--server.address=localhost", f"--server.port={port}"]
    # Without this one Streamlit opens a browser wherever the computer has a screen.
    return command if browser else [*command, "--server.headless=true"]


# --- processes -------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    """Run the environment's Python with these arguments and return its exit status."""
    return wait([str(environment_python()), *arguments])


def wait(command: "list[str]") -> int:
    """Run a command to its end and return its exit status; a signal counts as in a shell.

    Raises:
        KeyboardInterrupt: Ctrl-C; the command heard it too and got the time to stop by itself.
    """
    process = subprocess.Popen(command, cwd=str(ROOT))
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        status = process.wait()
    except KeyboardInterrupt:
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.terminate()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
