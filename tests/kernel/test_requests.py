"""Bodies, addresses and request ids of what comes in."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from kernel import errors
from kernel.api.parsers import StrictJSONParser
from kernel.logs import current_request_id
from kernel.middleware.cors import CorsMiddleware
from kernel.middleware.request_id import RequestIdMiddleware
from kernel.middleware.trusted_proxy import TrustedProxyMiddleware, client_address, is_within
from kernel.uuid7 import uuid7

PROXIES = ["10.0.0.0/8", "2001:db8::/32"]


def parse(body: bytes) -> Any:
    return StrictJSONParser().parse(BytesIO(body))


def test_an_object_is_taken_and_no_body_is_an_empty_one() -> None:
    assert parse(b'{"name":"K\xc3\xbcche","count":1}') == {"name": "Küche", "count": 1}
    assert parse(b"") == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "malformed"),
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"a":NaN}', "not_finite"),
        (b'{"a":1e999}', "not_finite"),
        (b'{"a":9223372036854775808}', "integer_out_of_range"),
        (b'{"a":"\\u0000"}', "nul_character"),
        (b'{"a":"\\ud800"}', "lone_surrogate"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too_deep"),
        (b"[" * 100_000, "too_deep"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_strict_json_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(errors.ValidationFailed) as refusal:
        parse(body)
    assert refusal.value.details == {"body": [reason]}


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_only_an_object_is_a_body(body: bytes) -> None:
    with pytest.raises(errors.ValidationFailed):
        parse(body)


def test_a_body_over_a_mebibyte_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(errors.PayloadTooLarge):
        parse(b" " * (1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "127.0.0.1, 198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "198.51.100.9, 10.0.0.2", "198.51.100.9"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.9, 10.0.0.2, 10.0.0.3", "198.51.100.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "nonsense, 198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "198.51.100.9:443", "10.0.0.1"),
        ("10.0.0.1", ", ,", "10.0.0.1"),
        ("2001:db8::1", "2001:4860::8", "2001:4860::8"),
        ("", "198.51.100.9", ""),
        ("unix:", "198.51.100.9", "unix:"),
    ],
)
def test_a_forwarded_address_counts_only_as_far_as_our_proxies_wrote_it(
    peer: str, forwarded: str, expected: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == expected


def test_an_ipv4_peer_of_a_dual_stack_socket_is_the_same_peer() -> None:
    assert is_within("::ffff:10.1.2.3", PROXIES)
    assert not is_within("::ffff:192.0.2.1", PROXIES)
    assert client_address("::ffff:10.0.0.1", "198.51.100.9", PROXIES) == "198.51.100.9"


@pytest.mark.parametrize("origin", ["https://app.example", "https://evil.example"])
def test_cors_is_for_configured_origins_and_keeps_what_caches_must_know(
    settings: Any, origin: str
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    request = RequestFactory().get("/api/v1/devices", headers={"Origin": origin})
    answer = CorsMiddleware(lambda _: HttpResponse(headers={"Vary": "Accept"}))(request)
    allowed = answer.get("Access-Control-Allow-Origin")
    assert allowed == (origin if origin == "https://app.example" else None)
    assert answer["Vary"] == ("Accept, Origin" if allowed else "Accept")
    assert not answer.has_header("Access-Control-Allow-Credentials")


def test_no_address_is_within_no_network() -> None:
    assert not is_within("127.0.0.1", [])
    assert not is_within("not an address", ["0.0.0.0/0"])
    assert not is_within("::1", ["127.0.0.1/32"])


def through(middleware: Any, request: HttpRequest) -> tuple[HttpRequest, HttpResponse]:
    seen: list[HttpRequest] = []

    def view(inner: HttpRequest) -> HttpResponse:
        seen.append(inner)
        return HttpResponse(current_request_id())

    return request, middleware(view)(request)


@pytest.mark.parametrize(
    ("peer", "is_secure", "host"),
    [("10.0.0.1", True, "testserver:80"), ("192.0.2.1", False, "testserver")],
)
def test_forwarded_headers_of_a_stranger_are_dropped(
    settings: Any, peer: str, is_secure: bool, host: str
) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    request = RequestFactory().get(
        "/",
        REMOTE_ADDR=peer,
        headers={
            "X-Forwarded-For": "198.51.100.9",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil.example",
        },
    )
    request, _ = through(TrustedProxyMiddleware, request)
    assert request.META["REMOTE_ADDR"] == ("198.51.100.9" if is_secure else "192.0.2.1")
    assert request.is_secure() is is_secure
    assert request.get_host() == host
    assert not [name for name in request.META if name.startswith("HTTP_X_FORWARDED")]


def test_a_proxy_that_names_several_schemes_is_believed_for_its_own() -> None:
    meta = {"REMOTE_ADDR": "10.0.0.1"}
    request = RequestFactory().get("/", headers={"X-Forwarded-Proto": "https, http"}, **meta)
    request, _ = through(TrustedProxyMiddleware, request)
    assert not request.is_secure()


@pytest.mark.parametrize("presented", ["abc-123", "a" * 64, "A.b_c:d-1"])
def test_a_sane_request_id_is_kept(presented: str) -> None:
    request = RequestFactory().get("/", headers={"X-Request-ID": presented})
    _, response = through(RequestIdMiddleware, request)
    assert response["X-Request-ID"] == presented
    assert response.content.decode() == presented


@pytest.mark.parametrize("presented", ["", "a" * 65, "two words", "x\r\nSet-Cookie: a=b", "é"])
def test_any_other_request_id_is_replaced(presented: str) -> None:
    request = RequestFactory().get("/")
    request.META["HTTP_X_REQUEST_ID"] = presented
    _, response = through(RequestIdMiddleware, request)
    assert response["X-Request-ID"] != presented
    assert len(response["X-Request-ID"]) == 36


def test_uuid7s_are_valid_unique_and_ordered_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1_750_000_000_000, 1_750_000_000_000 + 1000))
    monkeypatch.setattr("kernel.uuid7.time.time_ns", lambda: next(clock) * 1_000_000)
    made = [uuid7() for _ in range(1000)]
    assert made == sorted(made)
    assert [str(item) for item in made] == sorted(str(item) for item in made)
    assert len(set(made)) == 1000
    assert {(item.version, item.variant) for item in made} == {(7, "specified in RFC 4122")}
    assert made[0].int >> 80 == 1_750_000_000_000
