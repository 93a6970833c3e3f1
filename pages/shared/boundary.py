"""Whom the page server answers: who calls it by its own name, from one of its own pages.

Listening on this computer alone keeps other computers out, and not other pages of this browser: a
name of theirs may lead here (DNS rebinding), another port of this machine is one of theirs too,
and a frame of theirs may hold Storage under a stranger's buttons. So every request, of a page, a
file, an upload or a socket, is asked for the name and for the page it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

LOOPBACK = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (compared with, not listened on)
PROTECTION = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",  # the same to browsers that do not read the line above
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Names:
    """What this server is called.

    Attributes:
        hosts: names and addresses without a port; `*.lab.example` is every name below it, and
            `*` every name there is.
        origins: pages of another host or port that the operator trusts, as browsers write them.
        addresses: whether any bare address is one: a name can be made to lead here, a number not.
    """

    hosts: tuple[str, ...] = LOOPBACK
    origins: tuple[str, ...] = ()
    addresses: bool = False

    def includes(self, host: str) -> bool:
        """Whether a request that calls us `host`, with or without a port, means us.

        >>> [Names().includes(host) for host in ("localhost:8501", "[::1]:80", "evil.example")]
        [True, True, False]
        """
        name = _hostname(host)
        if not name:
            return False
        if self.addresses and _is_address(name):
            return True
        return any(
            name.endswith(known[1:]) if known.startswith("*") else name == known
            for known in self.hosts
        )

    def trusts(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` may ask what it asks of `host`.

        >>> Names().trusts("http://localhost:8501", "localhost:8501")
        True
        >>> Names().trusts("http://localhost:9999", "localhost:8501")
        False
        """
        scheme, _, place = origin.lower().partition("://")
        return scheme in ("http", "https") and (
            place == host.lower() or origin.lower() in self.origins
        )


def configured_names() -> Names:
    """Return what the operator calls this server, in Streamlit's own settings."""
    listens = str(st.get_option("server.address") or WILDCARDS[0])
    public = str(st.get_option("browser.serverAddress") or LOOPBACK[0])
    named = [*LOOPBACK, public, *_listed("server.allowedHosts")]
    if listens not in WILDCARDS:
        named.append(listens)
    hosts = tuple(name.strip().strip("[]").lower().rstrip(".") for name in named)
    # A proxy before us may call us by our own name while the browser knows only the public one.
    ports = ("", f":{st.get_option('browser.serverPort')}")
    proxied = [
        f"{scheme}://{public}{port}"
        for scheme in ("http", "https")
        for port in ports
        if public not in LOOPBACK
    ]
    origins = tuple(
        origin.strip().lower().rstrip("/")
        for origin in (*proxied, *_listed("server.corsAllowedOrigins"))
    )
    return Names(hosts, origins, addresses=listens in WILDCARDS)


class Boundary:
    """Middleware that refuses strangers, and tells browsers not to frame us or guess at kinds.

    Args:
        app: what it stands before.
        names: what this server is called; `None` reads the settings.
    """

    def __init__(self, app: ASGIApp, names: Names | None = None) -> None:
        self.app = app
        self.names = names or configured_names()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                _protect(message)
            await send(message)

        if reason := self._refusal(scope):
            await _refuse(reason, scope, receive, send_protected)
            return
        # Streamlit compares an origin with this machine's public address, and asks a service of
        # the internet for it. The origin is one of ours by now; only a login, which Headstart has
        # none of, would read it.
        headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        await self.app({**scope, "headers": headers}, receive, send_protected)

    def _refusal(self, scope: Scope) -> str:
        """Return why a request is not answered, or nothing."""
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        if len(hosts) != 1 or not self.names.includes(hosts[0]):
            return (
                "This address is not one that Headstart is known by; open it as "
                "http://localhost with its port, or name the address in the setting "
                "server.allowedHosts when you start Headstart."
            )
        if not all(self.names.trusts(origin, hosts[0]) for origin in origins):
            return (
                "Another page asked for this, and Headstart answers its own pages alone; open "
                "Headstart in a tab, or name the page's address in the settings "
                "browser.serverAddress or server.corsAllowedOrigins when you start it."
            )
        return ""


async def _refuse(reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    response = PlainTextResponse(reason, 403)
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": ""})


def _protect(message: Message) -> None:
    headers = MutableHeaders(raw=message.get("headers", []))
    for name, value in PROTECTION.items():
        # Of several policies every one holds; of the others a second one is none at all.
        if name == "Content-Security-Policy":
            headers.append(name, value)
        else:
            headers[name] = value
    message["headers"] = headers.raw


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _hostname(host: str) -> str:
    """Return the name in `host`, small and without port, brackets and last dot; or nothing."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is not the number of a port
    except ValueError:
        return ""
    extra = (parts.username, parts.password, parts.path, parts.query, parts.fragment)
    return "" if any(part for part in extra) or "@" in host else (parts.hostname or "").rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _listed(option: str) -> Iterable[str]:
    return [str(value) for value in st.get_option(option) or ()]
