"""Files that a page hands out, over real HTTP: at the root, and below the path of a proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from benchmarks.served import ROOT, serve

# The app's own routes and links; the file it offers is known here.
APP = """
import os
from contextlib import asynccontextmanager
from pathlib import Path
import streamlit as st
from pages.shared.downloads import ROUTES, address_of

@asynccontextmanager
async def start(_):
    home = Path(os.environ["HEADSTART_HOME"])
    (home / "address").write_text(address_of(home / "file.bin", "a name.bin"))
    yield

app = st.App(Path(__file__).with_name("script.py"), lifespan=start, routes=ROUTES)
"""


@pytest.fixture
def offered(tmp_path: Path) -> Iterator[Callable[[str], tuple[str, str]]]:
    """Return a function that serves a file below a path, and says where the server and it are."""
    (tmp_path / "script.py").write_text("import streamlit as st")
    (tmp_path / "offering.py").write_text(APP)
    (tmp_path / "file.bin").write_bytes(b"what is handed out" * 1000)
    served = []

    def go(base: str) -> tuple[str, str]:
        one = serve(
            tmp_path,
            base=base,
            app=tmp_path / "offering.py",
            environment={"PYTHONPATH": str(ROOT)},
        )
        served.append(one)
        return f"http://127.0.0.1:{one.__enter__().port}", (tmp_path / "address").read_text()

    yield go
    for one in served:
        one.__exit__(None, None, None)


@pytest.mark.parametrize("base", ["", "hs", "lab/hs"])
def test_a_link_leads_to_its_file(
    offered: Callable[[str], tuple[str, str]], tmp_path: Path, base: str
) -> None:
    server, address = offered(base)
    prefix = f"/{base}" if base else ""
    assert address.startswith(f"{prefix}/handed-out/")
    with urlopen(server + address) as answer:  # noqa: S310 (of this machine)
        assert answer.read() == (tmp_path / "file.bin").read_bytes()
        assert "attachment" in answer.headers["Content-Disposition"]
        assert "a%20name.bin" in answer.headers["Content-Disposition"]
    # A proxy that takes the path away asks for the rest.
    with urlopen(server + address.removeprefix(prefix)) as answer:  # noqa: S310
        assert answer.read() == (tmp_path / "file.bin").read_bytes()
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{server}{prefix}/handed-out/unknown")  # noqa: S310
