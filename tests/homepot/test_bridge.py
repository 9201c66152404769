"""The bridge between ASGI and Django: bodies, headers, streams and answers that wait."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from homepot.serving import bridge as bridge_module
from homepot.serving.bridge import DjangoBridge
from homepot.serving.environ import environ_of
from kernel import realtime
from kernel.api.views import json_response
from kernel.deferral import Deferral
from tests.server_process import LOOPBACK, free_port

seen: dict[str, Any] = {}


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    seen["threads"] = seen.get("threads", set()) | {threading.current_thread().name}
    return json_response(
        {"body": request.body.decode(), "device": request.headers.get("X-Device-ID")}
    )


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[bytes]:
        for number in range(3):
            seen["last_piece"] = number
            yield b"%d" % number

    return StreamingHttpResponse(pieces())


def endless(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield b"more"
        finally:
            seen["is_closed"] = True

    return StreamingHttpResponse(pieces())


def wait(request: HttpRequest) -> HttpResponse:
    response = json_response({"state": "queued"}, status=202)
    response["X-From-Middleware"] = "kept"
    response.deferral = Deferral(
        topic=realtime.command_topic(request.GET["for"]),
        timeout_s=float(request.GET["seconds"]),
        accept=lambda message: message["final"],
        resolve=lambda message: json_response(
            {"state": "open" if message is None else "done"}, status=200 if message else 202
        ),
    )
    return response


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


urlpatterns = [
    path("echo", echo),
    path("stream", stream),
    path("endless", endless),
    path("wait", wait),
    path("api/fail", fail),
]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]


def _scope(target: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Any:
    address, _, query = target.partition("?")
    raw = {"host": "localhost", **(headers or {})}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": address,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in raw.items()],
        "client": ("127.0.0.1", 1234),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }


async def _ask(
    bridge: DjangoBridge, scope: Any, *chunks: bytes
) -> tuple[int, dict[str, str], bytes]:
    events = [
        {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
        for index, chunk in enumerate(chunks or (b"",))
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not events:
            # A client that waits for its answer says nothing more.
            await asyncio.Event().wait()
        return events.pop(0)

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await bridge(scope, receive, send)
    if not sent:
        return 0, {}, b""
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(event["body"] for event in sent[1:])


def _run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def test_a_body_in_pieces_arrives_whole() -> None:
    status, headers, body = _run(_ask(DjangoBridge(), _scope("/echo", method="POST"), b"ab", b"cd"))

    assert status == 200
    assert json.loads(body)["body"] == "abcd"
    assert headers["content-length"] == str(len(body))
    assert headers["x-request-id"]


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_over_the_limit_is_413_in_our_shape(settings: Any, is_declared: bool) -> None:
    settings.MAX_BODY_BYTES = 10
    headers = {"content-length": "11"} if is_declared else {}

    status, answered, body = _run(
        _ask(DjangoBridge(), _scope("/echo", method="POST", headers=headers), b"123456", b"78901")
    )

    assert status == 413
    assert json.loads(body)["code"] == "payload_too_large"
    assert json.loads(body)["request_id"] == answered["x-request-id"]


def test_an_address_may_have_a_limit_of_its_own(settings: Any) -> None:
    settings.MAX_BODY_BYTES = 4
    settings.BODY_LIMITS = {"/echo": 8}
    fits, _, _ = _run(_ask(DjangoBridge(), _scope("/echo", method="POST"), b"1234", b"5678"))
    larger, _, _ = _run(_ask(DjangoBridge(), _scope("/echo", method="POST"), b"12345", b"6789"))
    elsewhere, _, _ = _run(_ask(DjangoBridge(), _scope("/echo/", method="POST"), b"12345"))
    assert (fits, larger, elsewhere) == (200, 413, 413)


def test_a_client_that_leaves_before_its_body_is_whole_reaches_no_view() -> None:
    async def scenario() -> tuple[int, Any, bytes]:
        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        sent: list[Any] = []

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)

        await DjangoBridge()(_scope("/echo", method="POST"), receive, send)
        return len(sent), None, b""

    assert _run(scenario())[0] == 0


def test_a_body_that_never_ends_is_408_in_our_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_module, "BODY_SECONDS", 0.05)
    sent: list[Any] = []

    async def scenario() -> None:
        pieces = iter([{"type": "http.request", "body": b"a", "more_body": True}])

        async def receive() -> dict[str, Any]:
            piece = next(pieces, None)
            return piece if piece is not None else await asyncio.Future()

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)

        await DjangoBridge()(_scope("/echo", method="POST"), receive, send)

    _run(scenario())

    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "request_timeout"


def test_a_header_with_an_underscore_cannot_pose_as_another() -> None:
    scope = _scope("/echo", headers={"x-device_id": "forged", "x-device-id": "true"})

    assert environ_of(scope, b"")["HTTP_X_DEVICE_ID"] == "true"
    _, _, body = _run(_ask(DjangoBridge(), scope))
    assert json.loads(body)["device"] == "true"


def test_a_header_sent_twice_is_joined_as_http_says() -> None:
    scope = _scope("/echo")
    scope["headers"] += [
        (b"accept", b"a/b"),
        (b"accept", b"c/d"),
        (b"cookie", b"x=1"),
        (b"cookie", b"y=2"),
    ]

    environ = environ_of(scope, b"")

    assert environ["HTTP_ACCEPT"] == "a/b,c/d"
    assert environ["HTTP_COOKIE"] == "x=1; y=2"


def test_a_stream_is_not_read_ahead_of_its_reader() -> None:
    async def scenario() -> list[tuple[bytes, int]]:
        taken: list[tuple[bytes, int]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(event: dict[str, Any]) -> None:
            if event.get("more_body"):
                taken.append((event["body"], seen["last_piece"]))

        await DjangoBridge()(_scope("/stream"), receive, send)
        return taken

    assert _run(scenario()) == [(b"0", 0), (b"1", 1), (b"2", 2)]


def test_an_answer_waits_for_its_message_and_keeps_the_headers() -> None:
    async def scenario() -> Any:
        await realtime.start()
        try:
            asking = asyncio.ensure_future(_ask(DjangoBridge(), _scope("/wait?for=one&seconds=5")))
            while realtime.command_topic("one") not in realtime.hub()._subscribers:
                await asyncio.sleep(0.005)
            realtime.publish(realtime.command_topic("one"), {"final": False})
            realtime.publish(realtime.command_topic("one"), {"final": True})
            return await asyncio.wait_for(asking, 5)
        finally:
            await realtime.stop()

    status, headers, body = _run(scenario())

    assert (status, json.loads(body)) == (200, {"state": "done"})
    assert headers["x-from-middleware"] == "kept"
    assert headers["content-length"] == str(len(body))


def test_an_answer_whose_time_is_up_says_what_the_database_says() -> None:
    async def scenario() -> Any:
        return await _ask(DjangoBridge(), _scope("/wait?for=nobody&seconds=0.05"))

    status, _, body = _run(scenario())

    assert (status, json.loads(body)) == (202, {"state": "open"})


def test_waiting_requests_hold_no_thread(settings: Any) -> None:
    settings.WEB_THREADS = 1

    async def scenario() -> int:
        bridge = DjangoBridge()
        waiting = [
            asyncio.ensure_future(_ask(bridge, _scope("/wait?for=later&seconds=1.5")))
            for _ in range(5)
        ]
        await asyncio.sleep(0.1)
        status, _, _ = await asyncio.wait_for(_ask(bridge, _scope("/echo")), 1)
        assert not any(task.done() for task in waiting)
        await asyncio.gather(*waiting)
        return status

    assert _run(scenario()) == 200


def test_more_requests_than_can_wait_are_told_so(settings: Any) -> None:
    settings.WEB_THREADS = 1
    bridge = DjangoBridge()
    bridge._most_waiting = 0

    status, headers, body = _run(_ask(bridge, _scope("/echo")))

    assert (status, json.loads(body)["code"]) == (503, "unavailable")
    assert headers["retry-after"] == "2"


def test_a_bug_in_a_view_is_a_500_in_our_shape_with_its_request_id() -> None:
    status, headers, body = _run(
        _ask(DjangoBridge(), _scope("/api/fail", headers={"x-request-id": "abc-1"}))
    )

    assert (status, json.loads(body)["code"]) == (500, "internal_error")
    assert json.loads(body)["request_id"] == headers["x-request-id"] == "abc-1"
    assert "a bug" not in body.decode()


def test_requests_run_on_the_fixed_pool_only(settings: Any) -> None:
    settings.WEB_THREADS = 2
    seen["threads"] = set()

    async def scenario() -> None:
        bridge = DjangoBridge()
        await asyncio.gather(*(_ask(bridge, _scope("/echo")) for _ in range(40)))

    _run(scenario())

    assert 1 <= len(seen["threads"]) <= 2
    assert all(name.startswith("web") for name in seen["threads"])


def test_a_client_that_hangs_up_ends_its_stream() -> None:
    async def ask() -> int:
        hung_up = asyncio.Event()
        events = [{"type": "http.request", "body": b"", "more_body": False}]
        sent = []

        async def receive() -> dict[str, Any]:
            if events:
                return events.pop()
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)
            if len(sent) == 10:
                hung_up.set()
                # As a server does: what is sent from now on goes nowhere.
                await asyncio.sleep(0)

        async with asyncio.timeout(10):
            await DjangoBridge()(_scope("/endless"), receive, send)
        return len(sent)

    seen.pop("is_closed", None)
    assert _run(ask()) <= 12
    assert seen["is_closed"]


def test_under_the_real_server_too_who_hangs_up_ends_the_stream() -> None:
    port = free_port()
    config = uvicorn.Config(
        DjangoBridge(), host=LOOPBACK, port=port, lifespan="off", log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    seen.pop("is_closed", None)
    thread.start()
    try:
        _until(lambda: server.started)
        with socket.create_connection((LOOPBACK, port), timeout=10) as client:
            client.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in client.recv(100)
        _until(lambda: "is_closed" in seen)
    finally:
        server.should_exit = True
        thread.join(20)


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
