"""No log line ever carries a credential, whatever shape it came in."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from kernel import tokens
from kernel.logs import (
    ConsoleFormatter,
    JSONFormatter,
    RedactingFilter,
    bind_request_id,
    redact,
)

SECRET = tokens.new_token()
JWT = "eyJhbGciOiJIUzI1NiIsImtpZCI6InQxIn0.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
PASSWORD = "correct-battery"
CODE = "7K3M9QXR"

CARRIERS = [
    "GET /ws/device?uid=board-1&token={}",
    "GET /ws/client?ticket={}",
    "/ws/client/?ticket={} HTTP/1.1",
    "Authorization: Bearer {}",
    "authorization: Basic {}",
    "{{'Authorization': 'Bearer {}'}}",
    '{{"authorization": "Bearer {}"}}',
    "X-API-Key: {}",
    "x_api_key={}",
    "X-Provision-Key: {}",
    '{{"provision_key":"{}"}}',
    '{{"password":"{}"}}',
    '{{"new_password": "{}"}}',
    "password={}&email=a@b.c",
    "{{'device_token': '{}'}}",
    '{{"refresh_token":"{}"}}',
    '{{"access_token":"{}"}}',
    '{{"claim_code": "{}"}}',
    "claim_code={}",
    "Cookie: homepot_session={}",
    "Cookie: a=b; homepot_session={}",
    "Set-Cookie: homepot_session={}; HttpOnly",
    "csrfmiddlewaretoken={}",
    "X-CSRFToken: {}",
    "SECRET_KEY='{}'",
    "HOMEPOT_JWT_KEYS=k1:{}",
    "HOMEPOT_ADMIN_PASSWORD={}",
    "METRICS_TOKEN={}",
    "DEVICE_PROVISION_KEY={}",
    "postgresql://homepot:{}@db/homepot",
    "redis://:{}@cache:6379/0",
    "ticket={}",
    "Idempotency-Key: {}",
    "[(b'x-provision-key', b'{}')]",
    '("x-api-key", "{}")',
    r'"{{\"password\": \"{}\"}}"',
    "HOMEPOT_JWT_KEYS=k1:{0},k2:{0}",
]
QUOTED = [
    '{{"password": "{}"}}',
    "{{'password': '{}', 'email': 'a@b.c'}}",
    '{{"password": "{}',
]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    "secret", [SECRET, JWT, PASSWORD, CODE], ids=["token", "jwt", "pw", "code"]
)
def test_no_credential_survives_in_any_carrier(carrier: str, secret: str) -> None:
    assert secret not in redact(carrier.format(secret))


@pytest.mark.parametrize("carrier", QUOTED)
def test_a_quoted_password_goes_whole(carrier: str) -> None:
    written = redact(carrier.format(r"correct horse, it\'s \"battery\"; staple"))
    assert not {"correct", "horse", "battery", "staple"} & set(written.split('"')), written
    assert "horse" not in written
    assert "staple" not in written


def test_a_password_within_quoted_json_goes_whole() -> None:
    assert "horse" not in redact(r'"{\"password\": \"correct horse\"}"')


def test_what_stands_after_a_quoted_secret_stays() -> None:
    written = redact('{"password": "a b", "email": "ada@example.com"}')
    assert written == '{"password": "[redacted]", "email": "ada@example.com"}'


@pytest.mark.parametrize("secret", [SECRET, JWT], ids=["token", "jwt"])
@pytest.mark.parametrize("carrier", ["{}", "got <{}>", "a={}", "[{}]", "x,{},y", '"{}"'])
def test_a_token_is_known_by_its_looks_alone(carrier: str, secret: str) -> None:
    assert secret not in redact(carrier.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v1/devices/board-1 200",
        "the token bucket is full",
        "0197f3c0-8d5e-7c3a-9b1e-2f6a7d8c9e0f",
        "A job failed job=devices.presence.sweep",
        "postgresql://db/homepot",
        "password was wrong",
    ],
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.fixture(params=[JSONFormatter, ConsoleFormatter])
def log(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger set up as the product's."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("canary")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)
    bind_request_id("")


def test_arguments_extras_and_tracebacks_are_redacted(
    log: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = log
    logger.warning("login with %s", {"password": PASSWORD})
    logger.warning("call", extra={"url": f"/ws/device?token={SECRET}", "nested": {"token": CODE}})
    logger.warning("list", extra={"headers": [("authorization", f"Bearer {SECRET}")]})
    try:
        raise ValueError(f"token={SECRET}") from KeyError(f"password={PASSWORD}")
    except ValueError:
        logger.exception("failed")
    written = stream.getvalue()
    assert "ValueError" in written
    for secret in (SECRET, PASSWORD, CODE):
        assert secret not in written


def test_arguments_that_do_not_fit_are_written_redacted_and_raise_nothing(
    log: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = log
    logger.warning("%d tries of %s", "many", {"token": CODE}, "one too many")
    assert "tries of" in stream.getvalue()
    assert CODE not in stream.getvalue()


def test_lines_carry_the_request_id(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    bind_request_id("req-77")
    logger.info("hello")
    assert "req-77" in stream.getvalue()


def test_json_lines_are_json(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.info('a "quoted"\nline', extra={"count": 3})
    if stream.getvalue().startswith("{"):
        entry = json.loads(stream.getvalue())
        assert (entry["message"], entry["count"]) == ('a "quoted"\nline', 3)
        assert entry["level"] == "info"
