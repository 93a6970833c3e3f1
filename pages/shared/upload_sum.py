"""What all browsers together may have uploaded at once: uploads lie in the page server's memory.

Streamlit limits one file and not their sum. What counts is what lies there and what is arriving,
against the stated limit and half of the machine's memory;
`tests/pages/test_upload_sum.py` says when a version of Streamlit keeps uploads elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import get_instance

from tl_core.data.limits import limits
from tl_core.runs.memory import physical_memory

UPLOADS = "/_stcore/upload_file/"
TOO_MUCH = (
    "The pictures that are being uploaded would take more memory than this server gives to all "
    "uploads together; wait until others are through, upload fewer at a time, or set "
    "HEADSTART_MAX_UPLOADS_MB to more and start Headstart again."
)
NO_LENGTH = "An upload has to say how long it is; send it with a Content-Length."


def uploaded_bytes() -> int:
    """Return the bytes of all uploads that lie in memory."""
    kept = get_instance().uploaded_file_mgr.file_storage  # type: ignore[attr-defined]
    return sum(len(file.data) for files in list(kept.values()) for file in list(files.values()))


class UploadSum:
    """Middleware that refuses an upload for which there is no room beside the others.

    Args:
        app: what it stands before.
        held: returns the bytes that lie there already.
    """

    def __init__(self, app: ASGIApp, held: Callable[[], int] = uploaded_bytes) -> None:
        self.app, self._held, self._arriving = app, held, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        is_upload = scope["type"] == "http" and UPLOADS in scope["path"]
        if not is_upload or scope["method"] not in ("PUT", "POST"):
            await self.app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not length.isdigit():
            await PlainTextResponse(NO_LENGTH, 411)(scope, receive, send)
            return
        most = _most()
        if self._held() + self._arriving + int(length) > most:
            await PlainTextResponse(TOO_MUCH, 413)(scope, receive, send)
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            more = len(message.get("body", b""))
            arrived += more
            self._arriving += more
            if self._held() + self._arriving > most:  # several began while there was room for each
                raise HTTPException(413, TOO_MUCH)
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self._arriving -= arrived


def _most() -> int:
    """Return the bytes that all uploads together may take."""
    most, physical = limits().uploads_bytes, physical_memory()
    return most if physical is None else min(most, physical // 2)
