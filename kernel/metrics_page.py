"""The metrics of a process that serves no pages, to those who may read `/metrics`."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kernel.middleware.trusted_proxy import is_within

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_SILENCE_S = 10


def may_read(*, address: str, authorization: str) -> bool:
    """Whether the caller shows METRICS_TOKEN, or comes from an address in METRICS_ALLOW."""
    scheme, _, presented = authorization.partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return hmac.compare_digest(presented.strip().encode(), settings.METRICS_TOKEN.encode())
    return is_within(address, settings.METRICS_ALLOW)


def serve(*, host: str, port: int) -> int:
    """Answer on a thread for as long as the process lives; returns the port. Raises OSError."""
    server = make_server(host, port, _page, server_class=_Server, handler_class=_Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_address[1])


def _page(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    plain = [("Content-Type", "text/plain; charset=utf-8")]
    if environ["PATH_INFO"] != "/metrics" or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        start_response("404 Not Found", plain)
        return [b"Not Found\n"]
    address, shown = environ["REMOTE_ADDR"], environ.get("HTTP_AUTHORIZATION", "")
    if not may_read(address=address, authorization=shown):
        start_response("403 Forbidden", plain)
        return [b"Forbidden\n"]
    start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
    return [generate_latest()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = _SILENCE_S

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a scrape every few seconds is no news."""
