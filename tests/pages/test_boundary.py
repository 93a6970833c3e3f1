"""Strangers at the page server: other names, other ports, frames; over real HTTP and sockets."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator

import pytest
import websockets

from benchmarks.served import Served, serve
from pages.shared.boundary import Names, configured_names

ROUTES = (
    "/",
    "/storage",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/handed-out/none",
    "/static/none.js",
    "/favicon.png",
    "/media/none",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("home")) as served:
        yield served


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """As an operator sets it up behind a proxy: a public name, and a path."""
    with serve(
        tmp_path_factory.mktemp("home"), "--browser.serverAddress=lab.example", base="lab/hs"
    ) as served:
        yield served


def ask(
    app: Served, path: str, host: str | None, method: str = "GET", **headers: str
) -> http.client.HTTPResponse:
    """Ask over HTTP; without a `host` there is no such line."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    for name, value in (headers | ({"Host": host} if host is not None else {})).items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def knock(app: Served, host: str, origin: str | None, base: str = "") -> str:
    """Open the socket of a session; return what was refused, or nothing."""

    async def go() -> str:
        try:
            async with websockets.connect(
                f"ws://{host}{base}/_stcore/stream",
                host="127.0.0.1",
                port=app.port,
                origin=websockets.Origin(origin) if origin else None,
                subprotocols=[websockets.Subprotocol("streamlit")],
                proxy=None,
            ):
                return ""
        except websockets.InvalidStatus as refused:
            return f"{refused.response.status_code} {refused.response.body.decode()}"

    return asyncio.run(go())


@pytest.mark.parametrize("path", ROUTES)
def test_a_stranger_s_name_is_refused_on_every_route(app: Served, path: str) -> None:
    for host in ("evil.example", f"evil.example:{app.port}", "localhost.evil.example", "10.0.0.7"):
        answer = ask(app, path, host)
        assert answer.status == 403
        assert b"is not one that Headstart is known by" in answer.read()


@pytest.mark.parametrize("path", ROUTES)
def test_every_answer_forbids_frames_and_guesses(app: Served, path: str) -> None:
    for host in (f"localhost:{app.port}", "evil.example"):
        answer = ask(app, path, host)
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "localhost."])
def test_the_own_names_are_answered(app: Served, host: str) -> None:
    for name in (host, f"{host}:{app.port}", f"{host}:9000"):
        assert ask(app, "/", name).status == 200
        assert ask(app, "/storage", name, Origin=f"http://{name}").status == 200
    assert knock(app, f"{host}:{app.port}", f"http://{host.lower()}:{app.port}") == ""


@pytest.mark.parametrize("host", [None, "", "localhost:x", "evil@localhost", "localhost/evil"])
def test_what_is_no_name_is_refused(app: Served, host: str | None) -> None:
    assert ask(app, "/_stcore/health", host).status in (400, 403)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("origin", ["http://localhost:9999", "http://evil.example", "null"])
def test_another_page_is_refused(app: Served, method: str, origin: str) -> None:
    for path in ("/", "/_stcore/upload_file/session/file", "/handed-out/none"):
        answer = ask(app, path, f"localhost:{app.port}", method, Origin=origin)
        assert answer.status == 403
        assert b"Another page asked for this" in answer.read()


def test_sockets_are_asked_the_same(app: Served) -> None:
    here = f"localhost:{app.port}"
    assert knock(app, here, f"http://{here}") == ""
    assert knock(app, here, None) == "", "what is no browser says no origin"
    assert "403 This address" in knock(app, f"evil.example:{app.port}", None)
    assert "403 This address" in knock(app, "evil.example", "http://evil.example")
    for origin in ("http://localhost:9999", f"http://127.0.0.1:{app.port}", "http://localhost",
                   "http://evil.example", f"http://evil.example:{app.port}"):  # fmt: skip
        assert "403 Another page" in knock(app, here, origin), origin


def test_a_proxy_with_a_path_is_answered_by_the_name_that_the_operator_gave(
    proxied: Served,
) -> None:
    for host in ("lab.example", "lab.example:8443", f"127.0.0.1:{proxied.port}"):
        assert ask(proxied, "/lab/hs/", host, Origin="https://lab.example").status == 200
        assert knock(proxied, host, "https://lab.example", "/lab/hs") == ""
    assert knock(proxied, "lab.example:8443", "https://lab.example:8443", "/lab/hs") == ""
    assert "403" in knock(proxied, "lab.example", "https://evil.example", "/lab/hs")
    assert "403" in knock(proxied, "evil.example", "https://evil.example", "/lab/hs")
    assert ask(proxied, "/lab/hs/", "evil.example").status == 403


def test_the_settings_name_hosts_and_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, object] = {
        "server.address": "0.0.0.0",  # noqa: S104
        "server.allowedHosts": ["*.Lab.example"],
        "server.corsAllowedOrigins": ["https://Other.example/"],
    }
    monkeypatch.setattr("pages.shared.boundary.st.get_option", settings.get)
    names = configured_names()
    assert names.includes("192.168.1.5:8501"), "a number cannot be made to lead elsewhere"
    assert names.includes("a.lab.example")
    assert not names.includes("lab.example.evil")
    assert names.trusts("https://other.example", "a.lab.example")
    settings["server.address"] = "192.168.1.5"
    assert configured_names().includes("192.168.1.5")
    assert not configured_names().includes("192.168.1.6")
    assert Names(hosts=("*",)).includes("anything.example")
