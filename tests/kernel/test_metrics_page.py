"""Metrics of a process without pages are for the same readers as `/metrics`."""

from __future__ import annotations

from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from kernel import metrics_page

LOOPBACK = "127.0.0.1"


@pytest.fixture(scope="module")
def port() -> int:
    return metrics_page.serve(host=LOOPBACK, port=0)


def status_of(port: int, path: str = "/metrics", **headers: str) -> int:
    try:
        with urlopen(Request(f"http://{LOOPBACK}:{port}{path}", headers=headers)) as answer:
            assert b"homepot_mqtt_connections" in answer.read()
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_they_are_shown_to_those_who_may_read_metrics(port: int, settings: Any) -> None:
    settings.METRICS_ALLOW, settings.METRICS_TOKEN = [f"{LOOPBACK}/32"], ""
    assert status_of(port) == 200
    assert status_of(port, "/") == 404
    settings.METRICS_ALLOW, settings.METRICS_TOKEN = [], "secret-of-the-test"
    assert status_of(port) == 403
    assert status_of(port, Authorization="Bearer wrong") == 403
    assert status_of(port, Authorization="Bearer secret-of-the-test") == 200


def test_a_port_that_is_taken_says_so(port: int) -> None:
    with pytest.raises(OSError, match="in use"):
        metrics_page.serve(host=LOOPBACK, port=port)
