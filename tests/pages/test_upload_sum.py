"""All uploads together take a stated amount of memory, and no more; over real HTTP and without."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from benchmarks.served import Served, serve
from pages.shared import upload_sum
from pages.shared.upload_sum import TOO_MUCH, UPLOADS, UploadSum, uploaded_bytes

MB = 1_000_000


@pytest.fixture(autouse=True)
def ten_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MAX_UPLOADS_MB", "10")


async def take(_scope, receive, send) -> None:
    got, more = 0, True
    while more:
        message = await receive()
        got, more = got + len(message["body"]), message["more_body"]
    await PlainTextResponse(str(got))({"type": "http"}, receive, send)


def put(
    uploads: UploadSum, size: int, path: str = UPLOADS + "s/f", length: bool = True
) -> tuple[int, str]:
    """Send so many bytes to an app behind the sum; return its status and text."""
    left, said = [size], []

    async def receive():
        left[0] -= MB
        return {"type": "http.request", "body": b"x" * MB, "more_body": left[0] > 0}

    async def send(message) -> None:
        said.append(message)

    headers = [(b"content-length", str(size).encode())] if length else []
    scope = {"type": "http", "method": "PUT", "path": path, "headers": headers}
    asyncio.run(uploads(scope, receive, send))
    return said[0]["status"], said[1]["body"].decode()


def test_what_fits_is_taken_again_and_again() -> None:
    uploads = UploadSum(take, lambda: 5 * MB)
    assert [put(uploads, 4 * MB) for _ in range(4)] == [(200, str(4 * MB))] * 4


def test_what_does_not_fit_beside_the_others_is_refused() -> None:
    uploads = UploadSum(take, lambda: 7 * MB)
    assert put(uploads, 4 * MB) == (413, TOO_MUCH)
    assert put(uploads, 4 * MB, "/other")[0] == 200


def test_an_upload_of_no_length_is_refused() -> None:
    assert put(UploadSum(take, lambda: 0), MB, length=False)[0] == 411


def test_several_that_arrive_at_once_are_counted_together() -> None:
    """Each of three finds room for itself; the one that would go beyond it is ended."""
    arrived: list[int] = []

    async def gather(_scope, receive, _send) -> None:
        got = 0
        while True:
            message = await receive()
            got += len(message["body"])
            if not message["more_body"]:
                arrived.append(got)
                await asyncio.sleep(0.2)  # it lies in the form that is read, and not yet with us
                return

    uploads = UploadSum(gather, lambda: 0)

    async def upload() -> int:
        left = [4 * MB]

        async def receive():
            await asyncio.sleep(0)
            left[0] -= MB
            return {"type": "http.request", "body": b"x" * MB, "more_body": left[0] > 0}

        async def send(_message) -> None:
            pass

        scope = {"type": "http", "method": "PUT", "path": UPLOADS + "s/f",
                 "headers": [(b"content-length", str(4 * MB).encode())]}  # fmt: skip
        try:
            await uploads(scope, receive, send)
        except HTTPException as refused:
            return refused.status_code
        return 200

    async def go() -> list[int]:
        return await asyncio.gather(*(upload() for _ in range(3)))

    assert sorted(asyncio.run(go())) == [200, 200, 413]
    assert arrived == [4 * MB] * 2
    assert uploads._arriving == 0


def test_half_of_a_small_machine_s_memory_is_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_sum, "physical_memory", lambda: 4 * MB)
    uploads = UploadSum(take, lambda: 0)
    assert [put(uploads, size * MB)[0] for size in (3, 2)] == [413, 200]


def test_streamlit_still_keeps_uploads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager(UPLOADS)
    for session in "ab":
        for file in "12":
            manager.add_file(session, UploadedFileRec(file, file, "", b"x" * 7))
    runtime = type("Runtime", (), {"uploaded_file_mgr": manager})()
    monkeypatch.setattr(upload_sum, "get_instance", lambda: runtime)
    assert uploaded_bytes() == 28


@pytest.fixture
def app(tmp_path) -> Iterator[Served]:
    with serve(tmp_path, environment={"HEADSTART_MAX_UPLOADS_MB": "1"}) as served:
        yield served


def test_the_server_asks_before_it_reads(app: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=20)
    connection.putrequest("PUT", UPLOADS + "session/file")
    connection.putheader("Content-Length", str(2 * MB))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.read().decode()) == (413, TOO_MUCH)
    small = http.client.HTTPConnection("127.0.0.1", app.port, timeout=20)
    small.request("PUT", UPLOADS + "session/file", body=b"x" * 1000)
    assert small.getresponse().status in (400, 403), "Streamlit's own answer to a stranger"
