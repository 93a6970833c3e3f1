"""Files that a page hands out: read from the disk while they travel, never held in memory."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from tl_core.workspace import new_id

_MOST = 500
_PATH = "handed-out"
_offered: OrderedDict[str, tuple[Path, str]] = OrderedDict()
_turn = Lock()  # sessions run in threads


def offer(label: str, path: Path, name: str, icon: str = ":material/download:") -> None:
    """Show a button that downloads a file of this machine.

    Args:
        label: on the button.
        path: of the file.
        name: what the browser calls it.
        icon: on the button.
    """
    st.link_button(label, address_of(path, name), icon=icon)


def address_of(path: Path, name: str) -> str:
    """Return where a browser finds a file, below the path that the app is served at."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return "/".join(["", *filter(None, [base]), _PATH, token_of(path, name)])


def token_of(path: Path, name: str) -> str:
    """Return the unguessable part of a file's address, the same as long as it is remembered."""
    with _turn:
        known = [token for token, offered in _offered.items() if offered == (path, name)]
        token = known[0] if known else new_id()
        _offered[token] = path, name
        _offered.move_to_end(token)
        while len(_offered) > _MOST:
            _offered.popitem(last=False)
    return token


async def hand_out(request: Request) -> Response:
    """Answer the request for a file."""
    path, name = _offered.get(request.path_params["token"], (None, ""))
    if path is None or not path.is_file():
        return PlainTextResponse(
            "This file is no longer offered; go back to the page and make it again.", 404
        )
    return FileResponse(path, filename=name, media_type="application/octet-stream")


# Streamlit puts its own routes below `server.baseUrlPath`, and not these. A proxy may hand the path
# on or take it away, so both are answered.
ROUTES = [Route(f"{base}/{_PATH}/{{token}}", hand_out) for base in ("", "/{base:path}")]
