"""Readings over HTTP: every answer of the route, the same from the raw door and from Django."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from devicelink.http.door import PATH
from devices.models import DevicePresence
from devices.services import credentials, presence, unpairing
from edge.protocol import limits
from telemetry.models import LatestMetrics, Reading
from tests.devicelink.household import Board, Resident
from tests.devicelink.readings_over_http import (
    Answer,
    Call,
    ProductServer,
    batch,
    call_django,
    keys_of,
    reading,
    stored,
)
from tests.devicelink.serving import LOOPBACK

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def product(transactional_db: None) -> Iterator[ProductServer]:
    """The whole application, served."""
    with ProductServer() as server:
        yield server


@pytest.fixture(params=["door", "django"])
def call(request: pytest.FixtureRequest, transactional_db: None) -> Call:
    """One request to the route, by either way."""
    if request.param == "django":
        return call_django
    server: ProductServer = request.getfixturevalue("product")
    return server.call


def wrong_until_limited(attempt: Callable[[], Answer]) -> Answer:
    """Try a wrong key until that is refused; a minute may begin anew once in between."""
    limit = credentials.FAILED_LOGINS_PER_MINUTE
    answers = []
    while not answers or (answers[-1].status == 401 and len(answers) <= 2 * limit):
        answers.append(attempt())
    assert len(answers) > limit
    assert answers[-1].status == 429
    return answers[-1]


def refused(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """Check the one shape of a refusal; returns its details."""
    assert (answer.status, answer.body["code"]) == (status, code), answer
    assert set(answer.body) == {"code", "message", "details", "request_id"}
    assert answer.body["request_id"] == answer.headers["x-request-id"]
    details: dict[str, Any] = answer.body["details"]
    return details


def test_one_reading_is_stored_and_acknowledged(call: Call, board: Board) -> None:
    before = timezone.now()
    answer = call({"boot_id": "b1", **reading(7, cpu_percent=12.5)}, **keys_of(board))
    assert answer.status == 202, answer
    server_time = datetime.fromisoformat(answer.body.pop("server_time"))
    assert timedelta() <= server_time - before < timedelta(seconds=30)
    assert answer.body == {"stored": 1, "duplicates": 0, "rejected": [], "acked_seq": 7}
    row = Reading.objects.unscoped("test").get()
    assert (row.device_id, row.boot_id, row.seq, row.metrics) == (
        board.device_id,
        "b1",
        7,
        {"cpu_percent": 12.5},
    )
    latest = LatestMetrics.objects.unscoped("test").get(device_id=board.device_id)
    assert latest.metrics == {"cpu_percent": 12.5}


def test_each_reading_of_a_batch_has_its_own_verdict(call: Call, board: Board) -> None:
    call(batch(1, 2), **keys_of(board))
    body = batch(2, 3)
    body["readings"] += [
        {"seq": 4, "metrics": {"Not A Name": 1}},
        "nothing",
        {"seq": 6, "metrics": {"cpu_percent": "much"}},
        reading(5),
        {"metrics": {"cpu_percent": 1}},
    ]
    answer = call(body, **keys_of(board))
    assert answer.status == 202
    assert (answer.body["stored"], answer.body["duplicates"]) == (2, 1)
    assert answer.body["rejected"] == [
        {"index": 2, "seq": 4, "reason": "metric_name_invalid"},
        {"index": 3, "seq": None, "reason": "not_an_object"},
        {"index": 4, "seq": 6, "reason": "metric_value_invalid"},
        {"index": 6, "seq": None, "reason": "seq_invalid"},
    ]
    assert answer.body["acked_seq"] == 6
    assert stored() == [("b1", 1), ("b1", 2), ("b1", 3), ("b1", 5)]


def test_it_is_400_only_when_nothing_can_be_used(call: Call, board: Board) -> None:
    body = {"boot_id": "b1", "readings": [{"seq": 9, "metrics": {}}, {"seq": -1}]}
    details = refused(call(body, **keys_of(board)), 400, "validation_error")
    assert details == {
        "readings": [
            {"index": 0, "seq": 9, "reason": "metrics_invalid"},
            {"index": 1, "seq": None, "reason": "seq_invalid"},
        ],
        "acked_seq": 9,
    }
    assert stored() == []


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"", {"body": ["malformed"]}),
        (b"{", {"body": ["malformed"]}),
        (b"[1]", {"body": ["a frame is a JSON object"]}),
        (b'{"seq":1,"seq":1}', {"body": ["duplicate_key"]}),
        (b"\xff", {"body": ["not_utf8"]}),
        (b'{"boot_id":"b","seq":1,"metrics":{"a":1e999}}', {"body": ["not_finite"]}),
        ({"boot_id": "b", "readings": []}, {"readings"}),
        ({"boot_id": "b", "readings": [reading(n) for n in range(1001)]}, {"readings"}),
        ({"boot_id": "not a reference", **reading(1)}, {"boot_id"}),
        ({"boot_id": "~" + "0" * 32, **reading(1)}, {"boot_id"}),
        ({"type": "heartbeat", "boot_id": "b", **reading(1)}, {"type"}),
    ],
    ids=lambda value: None if isinstance(value, dict | set) else str(value)[:20],
)
def test_what_is_no_batch_is_400(call: Call, board: Board, body: Any, details: Any) -> None:
    said = refused(call(body, **keys_of(board)), 400, "validation_error")
    assert said == details if isinstance(details, dict) else set(said) == details
    assert stored() == []


def test_a_thousand_readings_are_taken(call: Call, board: Board) -> None:
    answer = call(batch(*range(limits.MAX_READINGS)), **keys_of(board))
    assert (answer.status, answer.body["stored"]) == (202, 1000)
    assert (answer.body["acked_seq"], len(stored())) == (999, 1000)


def test_the_key_may_come_as_a_bearer_and_the_device_by_its_name(call: Call, board: Board) -> None:
    headers = {"X_Device_ID": board.uid, "Authorization": f"Bearer {board.token}"}
    assert call(batch(1), **headers).status == 202


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"X_API_Key": "wrong"}, "invalid_credentials"),
        ({"X_Device_ID": "nobody"}, "invalid_credentials"),
        ({"X_API_Key": ""}, "invalid_credentials"),
        ({"Authorization": "Bearer both"}, "invalid_credentials"),
    ],
    ids=["wrong key", "unknown device", "no key", "two keys"],
)
def test_a_stranger_is_401(call: Call, board: Board, change: dict[str, str], code: str) -> None:
    answer = call(batch(1), **{**keys_of(board), **change})
    refused(answer, 401, code)
    assert answer.headers["www-authenticate"] == 'Bearer realm="homepot"'
    assert stored() == []


def test_without_any_key_it_is_401(call: Call, board: Board) -> None:
    refused(call(batch(1)), 401, "not_authenticated")


def test_the_thirty_first_wrong_key_of_an_address_is_429(call: Call, board: Board) -> None:
    wrong = {**keys_of(board), "X_API_Key": "wrong"}
    answer = wrong_until_limited(lambda: call(batch(1), **wrong))
    refused(answer, 429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    # The right key of a neighbour behind the same address still opens.
    assert call(batch(1), **keys_of(board)).status == 202


def test_the_key_of_an_ended_life_is_told_so(call: Call, resident: Resident, board: Board) -> None:
    assert call(batch(1), **keys_of(board)).status == 202
    unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    refused(call(batch(2), **keys_of(board)), 401, "device_unpaired")
    assert stored() == [("b1", 1)]


def test_a_revoked_key_stores_nothing_more(call: Call, resident: Resident, board: Board) -> None:
    assert call(batch(1), **keys_of(board)).status == 202
    credentials.revoke_credential(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    refused(call(batch(2), **keys_of(board)), 401, "invalid_credentials")
    assert stored() == [("b1", 1)]


def test_another_method_is_405(call: Call, board: Board) -> None:
    refused(call(b"", method="PUT", **keys_of(board)), 405, "method_not_allowed")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_another_media_type_is_415(call: Call, board: Board, content_type: str) -> None:
    answer = call(batch(1), Content_Type=content_type, **keys_of(board))
    refused(answer, 415, "unsupported_media_type")


def test_another_encoding_is_415(call: Call, board: Board) -> None:
    answer = call(batch(1), Content_Encoding="br", **keys_of(board))
    refused(answer, 415, "unsupported_media_type")


def test_a_body_past_the_limit_is_413(call: Call, board: Board) -> None:
    body = json.dumps(batch(1)).encode()
    body += b" " * (limits.MAX_HTTP_BODY_BYTES - len(body))
    assert call(body, **keys_of(board)).status == 202
    refused(call(body + b" ", **keys_of(board)), 413, "payload_too_large")


def test_gzip_is_inflated(call: Call, board: Board) -> None:
    body = gzip.compress(json.dumps(batch(*range(200))).encode())
    answer = call(body, Content_Encoding="gzip", **keys_of(board))
    assert (answer.status, answer.body["stored"]) == (202, 200)


def test_a_gzip_bomb_is_413(call: Call, board: Board) -> None:
    bomb = gzip.compress(b" " * 50 * 1024 * 1024, 9)
    assert len(bomb) < limits.MAX_HTTP_BODY_BYTES
    answer = call(bomb, Content_Encoding="gzip", **keys_of(board))
    refused(answer, 413, "payload_too_large")


@pytest.mark.parametrize(
    "body",
    [b"", b"plain", gzip.compress(b"{}")[:-3], gzip.compress(b"{}") + b"more"],
    ids=["empty", "plain", "cut", "more"],
)
def test_what_is_no_gzip_is_400(call: Call, board: Board, body: bytes) -> None:
    answer = call(body, Content_Encoding="gzip", **keys_of(board))
    assert refused(answer, 400, "validation_error") == {"body": ["not_gzip"]}


def test_the_request_id_comes_back_and_problems_are_told_as_asked(call: Call, board: Board) -> None:
    headers = {**keys_of(board), "X_Request_ID": "abc-1"}
    assert call(batch(1), **headers).headers["x-request-id"] == "abc-1"
    answer = call(b"{", Accept="application/problem+json", **headers)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.body["request_id"] == "abc-1"
    assert (answer.body["type"], answer.body["status"]) == (
        "urn:homepot:error:validation_error",
        400,
    )


def test_a_reading_brings_the_device_online(call: Call, board: Board) -> None:
    def row() -> DevicePresence:
        return DevicePresence.objects.get(device_id=board.device_id)

    assert not row().is_online
    assert call(batch(1), **keys_of(board)).status == 202
    assert row().is_online
    # Gone silent and swept: the next reading, by a key that is remembered, brings it back.
    presence.sweep(timezone.now() + timedelta(days=1))
    assert not row().is_online
    assert call(batch(2), **keys_of(board)).status == 202
    assert row().is_online


# Devices without a counter


def test_readings_without_numbers_are_stored_every_time(call: Call, board: Board) -> None:
    body = {"readings": [{"metrics": {"a": 1}}, {"metrics": {"a": 2}}]}
    for _ in range(2):
        answer = call(body, **keys_of(board))
        assert (answer.status, answer.body["stored"], answer.body["acked_seq"]) == (202, 2, None)
    assert [seq for _, seq in stored()] == [0, 1, 0, 1]
    assert len({boot_id for boot_id, _ in stored()}) == 2


def test_an_idempotency_key_makes_their_repeat_harmless(call: Call, board: Board) -> None:
    body = {"metrics": {"a": 1}}
    keys = {**keys_of(board), "Idempotency_Key": "try-1"}
    assert call(body, **keys).body["stored"] == 1
    again = call(body, **keys)
    assert (again.status, again.body["stored"], again.body["duplicates"]) == (202, 0, 1)
    # Another key, or other readings under the same one, are other readings.
    assert call(body, **{**keys, "Idempotency_Key": "try-2"}).body["stored"] == 1
    assert call({"metrics": {"a": 2}}, **keys).body["stored"] == 1
    assert len(stored()) == 3


def test_a_number_without_its_boot_is_refused(call: Call, board: Board) -> None:
    details = refused(call(reading(3), **keys_of(board)), 400, "validation_error")
    assert details["readings"] == [{"index": 0, "seq": 3, "reason": "seq_without_boot"}]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_unusable_idempotency_key_is_400(call: Call, board: Board, key: str) -> None:
    answer = call({"metrics": {"a": 1}}, Idempotency_Key=key, **keys_of(board))
    assert set(refused(answer, 400, "validation_error")) == {"Idempotency-Key"}


# The raw door is as Django's


def test_both_ways_put_the_same_headers_on_an_answer(product: ProductServer, board: Board) -> None:
    by_server = {"date", "server", "content-length", "x-request-id"}
    by_drf = {"vary", "allow"}
    for body in (batch(1), b"{"):
        raw = product.call(body, **keys_of(board)).headers
        reference = call_django(body, **keys_of(board)).headers
        for headers in (raw, reference):
            policy = headers.pop("content-security-policy")
            headers["policy"] = " ".join(sorted(policy.split("; ")))
        assert {name: raw[name] for name in raw if name not in by_server} == {
            name: value for name, value in reference.items() if name not in by_server | by_drf
        }


def test_plain_http_is_426_where_that_is_enforced(
    product: ProductServer, board: Board, settings: Any
) -> None:
    settings.ENFORCE_HTTPS, settings.TRUSTED_PROXIES = True, ["127.0.0.0/8"]
    keys = keys_of(board)
    far = {"X_Forwarded_For": "192.0.2.7"}
    refused(product.call(batch(1), **keys, **far), 426, "https_required")
    refused(product.call(batch(1), **keys, **far, X_Forwarded_Proto="http"), 426, "https_required")
    assert product.call(batch(1), **keys, **far, X_Forwarded_Proto="https").status == 202
    # Whoever is no proxy of ours may claim what they like.
    settings.TRUSTED_PROXIES = []
    assert product.call(batch(2), **keys, **far).status == 202


def test_wrong_keys_are_counted_against_the_forwarded_address(
    product: ProductServer, board: Board, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    wrong = {**keys_of(board), "X_API_Key": "wrong"}
    wrong_until_limited(lambda: product.call(batch(1), X_Forwarded_For="192.0.2.7", **wrong))
    assert product.call(batch(1), X_Forwarded_For="192.0.2.8", **wrong).status == 401


def test_a_host_that_is_not_ours_is_400(
    product: ProductServer, board: Board, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["homepot.example"]
    assert product.call(batch(1), **keys_of(board)).status == 400
    assert product.call(batch(1), Host="homepot.example:8000", **keys_of(board)).status == 202


def test_a_body_in_pieces_is_held_to_the_same_limit(product: ProductServer, board: Board) -> None:
    def send(pieces: list[bytes]) -> int:
        connection = http.client.HTTPConnection(LOOPBACK, product.port, timeout=20)
        headers = {"Content-Type": "application/json"}
        headers |= {name.replace("_", "-"): value for name, value in keys_of(board).items()}
        try:
            connection.request("POST", PATH, iter(pieces), headers, encode_chunked=True)
            return connection.getresponse().status
        finally:
            connection.close()

    whole = json.dumps(batch(1)).encode()
    assert send([whole[:10], whole[10:]]) == 202
    assert send([whole, b" " * limits.MAX_HTTP_BODY_BYTES]) == 413


def test_a_body_that_never_ends_is_408(
    product: ProductServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicelink.http.request.BODY_SECONDS", 0.3)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Device-ID: {board.uid}\r\nX-API-Key: {board.token}\r\nContent-Length: 50\r\n\r\n{{"
    )
    with socket.create_connection((LOOPBACK, product.port), timeout=10) as peer:
        peer.sendall(head.encode())
        answer = peer.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert b"request_timeout" in answer + peer.recv(65536)


def test_the_time_of_the_device_is_kept(call: Call, board: Board) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    body = {"boot_id": "b1", "seq": 1, "at": "2026-01-02T04:04:05.678901+01:00"}
    assert call({**body, "metrics": {"a": 1}}, **keys_of(board)).status == 202
    assert Reading.objects.unscoped("test").get().at == at
