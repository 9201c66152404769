"""A small server of device lives: registers at a site or by hardware, and knows living keys."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROVISION_KEY = "the-provision-key"
RETURN_PATH = "/api/v1/provision/return"
ACCESS_TOKEN = "a-persons-access-token"


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: Any
    body: dict[str, Any]


@dataclass
class Lives:
    """Each new Idempotency-Key begins a life; the same one gets the same answer again."""

    ws_url: str
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    # By uid: the keys that are good. An ended life is in `ended`.
    keys: dict[str, set[str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    lose_answers: int = 0
    # None: the provisioning key is a batch key.
    claim_code: str | None = None
    # What is answered to who comes back, one after the other; then and otherwise 401.
    returning: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    refuse_with: tuple[int, dict[str, Any]] | None = None
    _given: dict[str, dict[str, Any]] = field(default_factory=dict)

    def end_life(self, uid: str) -> None:
        self.ended.add(uid)

    @property
    def registrations(self) -> list[Request]:
        return [one for one in self.requests if one.method == "POST" and one.path != RETURN_PATH]

    @property
    def returns(self) -> list[Request]:
        return [one for one in self.requests if one.path == RETURN_PATH]

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.method == "GET":
            return self._answer_self(request)
        if request.path == RETURN_PATH:
            no = (401, {"code": "invalid_credentials"})
            return self.returning.pop(0) if self.returning else no
        if self.refuse_with is not None:
            return self.refuse_with
        by_key = request.headers["X-Provision-Key"] == PROVISION_KEY
        by_person = request.headers["Authorization"] == f"Bearer {ACCESS_TOKEN}"
        if not by_key and not by_person:
            return 401, {"code": "invalid_credentials", "message": "no"}
        idempotency_key = request.headers["Idempotency-Key"]
        if idempotency_key not in self._given:
            self._given[idempotency_key] = self._begin_life(request)
        return 201, self._given[idempotency_key]

    def _begin_life(self, request: Request) -> dict[str, Any]:
        number = len(self.keys) + 1
        uid, key = f"life-{number}", f"secret-key-{number}"
        self.keys[uid] = {key}
        if "/sites/" in request.path:
            described = {name: request.body[name] for name in ("device_id", "name", "device_type")}
            return described | {"uid": uid, "api_key": key, "pairing": "paired"}
        return {
            "device_uid": uid,
            "device_token": key,
            "claim_code": self.claim_code and f"{self.claim_code}{number}",
            "claim_expires_at": self.claim_code and "2099-01-01T00:00:00Z",
            "ws_url": self.ws_url,
        }

    def _answer_self(self, request: Request) -> tuple[int, dict[str, Any]]:
        uid, key = request.headers["X-Device-ID"], request.headers["X-API-Key"]
        if request.path != "/api/v1/devices/self":
            return 404, {"code": "not_found"}
        if key not in self.keys.get(uid, ()):
            return 401, {"code": "invalid_credentials"}
        return (401, {"code": "device_unpaired"}) if uid in self.ended else (200, {"uid": uid})


@contextmanager
def lives_stub(ws_url: str = "ws://127.0.0.1:9/ws/device") -> Iterator[Lives]:
    lives = Lives(ws_url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            self._do(json.loads(body or "{}"))

        def do_GET(self) -> None:
            self._do({})

        def _do(self, body: dict[str, Any]) -> None:
            request = Request(self.command, self.path, self.headers, body)
            lives.requests.append(request)
            status, content = lives.answer(request)
            if lives.lose_answers and request.path != RETURN_PATH:
                lives.lose_answers -= 1
                self.close_connection = True
                return
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    lives.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield lives
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
