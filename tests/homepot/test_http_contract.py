"""What every answer keeps to: HTTPS where it is enforced, problem details, security headers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

pytestmark = [pytest.mark.core, pytest.mark.django_db]

DEVICES = "/api/v1/devices"


def test_plain_http_from_elsewhere_is_426_and_never_a_redirect(
    client: Client, settings: Any
) -> None:
    settings.ENFORCE_HTTPS = True

    answer = client.get(DEVICES, REMOTE_ADDR="192.0.2.9")

    assert (answer.status_code, answer.json()["code"]) == (426, "https_required")
    assert answer["Upgrade"].startswith("TLS/")
    assert "Location" not in answer


def test_loopback_and_https_pass_the_guard(client: Client, settings: Any) -> None:
    settings.ENFORCE_HTTPS = True

    assert client.get(DEVICES, REMOTE_ADDR="127.0.0.1").status_code == 401
    assert client.get(DEVICES, REMOTE_ADDR="192.0.2.9", secure=True).status_code == 401


def test_a_stranger_cannot_claim_to_have_come_over_https(client: Client, settings: Any) -> None:
    settings.ENFORCE_HTTPS = True
    settings.TRUSTED_PROXIES = ["198.51.100.0/24"]
    claimed = {"HTTP_X_FORWARDED_PROTO": "https"}

    assert client.get(DEVICES, REMOTE_ADDR="192.0.2.9", **claimed).status_code == 426
    assert client.get(DEVICES, REMOTE_ADDR="198.51.100.7", **claimed).status_code == 401


def test_plain_http_is_served_where_https_is_not_enforced(client: Client, settings: Any) -> None:
    settings.ENFORCE_HTTPS = False

    assert client.get(DEVICES, REMOTE_ADDR="192.0.2.9").status_code == 401


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [(DEVICES, 401, "not_authenticated"), ("/api/v1/no-such-route", 404, "not_found")],
)
def test_a_refusal_is_problem_details_for_who_accepts_them(
    client: Client, address: str, status: int, code: str
) -> None:
    answer = client.get(address, headers={"Accept": "application/problem+json"})

    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code) == (answer.status_code, code)
    assert body["type"] == f"urn:homepot:error:{code}"
    assert body.keys() >= {"title", "detail", "message", "details", "request_id"}


def test_a_refusal_is_in_our_four_members_otherwise(client: Client) -> None:
    answer = client.get(DEVICES)

    assert answer["Content-Type"] == "application/json"
    assert answer.json().keys() == {"code", "message", "details", "request_id"}


@pytest.mark.parametrize("address", ["/login", DEVICES, "/health", "/no-such-page"])
def test_every_answer_carries_the_security_headers(client: Client, address: str) -> None:
    answer = client.get(address)

    directives = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )
    assert directives["script-src"] == "'self'"
    assert directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_only_the_api_reference_may_have_inline_styles_and_nothing_inline_scripts(
    client: Client,
) -> None:
    policy = client.get("/api/docs/")["Content-Security-Policy"]

    assert "script-src 'self';" in f"{policy};"
    assert policy.count("'unsafe-inline'") == 1
