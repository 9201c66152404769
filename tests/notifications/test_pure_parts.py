"""Signatures, seals, quiet hours, the states of a delivery, and what messages say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homepot.settings.email import mail_server
from homepot.settings.environment import InvalidSetting
from notifications import quiet_hours, sealing, signatures, state_machine, wording
from notifications.types import Attempt

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def attempt_of(purpose: str = "changes", **more: Any) -> Attempt:
    values: dict[str, Any] = {
        "delivery_id": 1,
        "delivery_uid": "msg_1",
        "lease": "x",
        "purpose": purpose,
        "transport": "email",
        "created_at": NOON,
        "attempts": 0,
        "channel_uid": "c",
        "channel_name": "On-call",
        "tenant_uid": "t",
        "tenant_name": "Store",
        "to": "a@example.com",
    }
    return Attempt(**values | more)


def change_of(kind: str, **more: Any) -> dict[str, Any]:
    device = {"uid": "d", "name": "Till 1", "device_class": "server", "is_simulated": False}
    return {
        "id": "n",
        "kind": kind,
        "at": "2026-03-01T12:00:00Z",
        "device": device,
        "site": {"id": "s", "name": "Harbour"},
        **more,
    }


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    # From the reference libraries of Standard Webhooks.
    assert (
        signatures.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_while_secrets_overlap_each_of_them_signs() -> None:
    first, second = signatures.new_secret(), signatures.new_secret()
    headers = signatures.headers(
        message_id="msg_1", timestamp=7, body=b"{}", secrets=[first, second]
    )
    signed = headers["webhook-signature"].split(" ")
    for secret, found in zip((first, second), signed, strict=True):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = hmac.new(key, b"msg_1.7.{}", hashlib.sha256).digest()
        assert found == "v1," + base64.b64encode(wanted).decode()


@given(secret=st.text(min_size=1, max_size=80))
def test_a_sealed_secret_opens_with_its_key_and_context_only(secret: str) -> None:
    sealed = sealing.seal(secret, key="installation", context="channel")
    assert sealing.unseal(sealed, key="installation", context="channel") == secret
    assert secret.encode() not in sealed or len(secret) < 3
    for key, context in (("another", "channel"), ("installation", "other")):
        with pytest.raises(sealing.CannotOpen):
            sealing.unseal(sealed, key=key, context=context)
    with pytest.raises(sealing.CannotOpen):
        sealing.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), key="installation", context="channel")


@pytest.mark.parametrize(
    ("hours", "zone", "at", "is_quiet"),
    [
        (("22:00", "07:00"), "UTC", "23:00", True),
        (("22:00", "07:00"), "UTC", "06:59", True),
        (("22:00", "07:00"), "UTC", "07:00", False),
        (("22:00", "07:00"), "UTC", "12:00", False),
        (("12:00", "13:00"), "UTC", "12:30", True),
        (("12:00", "13:00"), "UTC", "13:00", False),
        (("12:00", "13:00"), "Europe/Berlin", "11:30", True),
        (("12:00", "13:00"), "Europe/Berlin", "12:30", False),
    ],
)
def test_quiet_hours(hours: tuple[str, str], zone: str, at: str, is_quiet: bool) -> None:
    wanted = {"from": hours[0], "to": hours[1], "time_zone": zone}
    now = datetime.fromisoformat(f"2026-01-15T{at}:00+00:00")
    assert quiet_hours.are_quiet(wanted, now) is is_quiet


@pytest.mark.parametrize(
    "hours",
    [
        {},
        {"from": "22:00"},
        {"from": "24:00", "to": "07:00"},
        {"from": "2:00", "to": "07:00"},
        {"from": "x", "to": "y"},
        {"from": 1, "to": 2},
        {"from": "07:00", "to": "07:00"},
        {"from": "22:00", "to": "07:00", "time_zone": "Mars/Base"},
        {"from": "22:00", "to": "07:00", "time_zone": "../../etc/passwd"},
    ],
)
def test_what_are_no_quiet_hours(hours: dict[str, Any]) -> None:
    with pytest.raises(quiet_hours.NoQuietHours):
        quiet_hours.read(hours)


def test_every_state_of_a_delivery_leads_to_an_end() -> None:
    ends = {state for state, following in state_machine.TRANSITIONS.items() if not following}
    assert ends == {"delivered", "dead", "dropped"}
    for state in state_machine.TRANSITIONS:
        reached, new = set[str](), {state}
        while new:
            reached |= new
            new = {after for one in new for after in state_machine.TRANSITIONS[one]} - reached
        assert reached & ends, state


def test_waits_grow_and_end_within_a_day() -> None:
    waits = [state_machine.retry_after(tried, chance=0.5) for tried in range(1, 40)]
    assert waits[:3] == [timedelta(seconds=seconds) for seconds in (10, 20, 40)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)
    spread = {state_machine.retry_after(9, chance=chance / 10) for chance in range(10)}
    assert len(spread) == 10


@given(tried=st.integers(0, 10_000), chance=st.floats(0, 0.999), asked=st.integers(0, 10**6))
def test_no_wait_is_longer_than_the_longest(tried: int, chance: float, asked: int) -> None:
    wait = state_machine.retry_after(tried, chance=chance, asked=timedelta(seconds=asked))
    assert timedelta(0) < wait <= state_machine.LONGEST_RETRY * 1.2


@given(name=st.text(max_size=300))
def test_a_subject_is_one_line_whatever_things_are_called(name: str) -> None:
    change = change_of("offline", device={"name": name})
    attempt = attempt_of(tenant_name=name, changes=(change,), count=1)
    said = wording.subject(attempt)
    assert said.splitlines() == [said]
    assert len(said) <= 200


def test_a_mail_lists_some_and_counts_the_rest() -> None:
    changes = tuple(change_of("offline") for _ in range(60))
    attempt = attempt_of(changes=changes, count=60)
    assert wording.subject(attempt) == "[Store] 60 offline"
    text = wording.text(attempt, unsubscribe="https://example.com/x")
    assert text.count("Till 1 at Harbour is offline") == wording.LISTED
    assert "10 more" in text
    assert "https://example.com/x" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_of("online"), "Till 1 at Harbour is back online"),
        (change_of("online", site=None), "Till 1 is back online"),
        (change_of("site_outage", lost=4, total=5), "Outage at Harbour: 4 of 5 devices were lost"),
        (change_of("flapping_ended", connectivity="online"), "Till 1 at Harbour is calm again and online"),
    ],
)  # fmt: skip
def test_sentences(change: dict[str, Any], said: str) -> None:
    assert wording.sentence(change) == said


def test_the_body_of_a_webhook_is_the_same_each_time_it_is_tried() -> None:
    first = wording.webhook_body(attempt_of(changes=(change_of("offline"),), attempts=0))
    again = wording.webhook_body(attempt_of(changes=(change_of("offline"),), attempts=7))
    assert first == again
    message = json.loads(first)
    assert (message["type"], message["timestamp"]) == (
        "devices.status_changed",
        "2026-03-01T12:00:00Z",
    )
    assert message["data"]["changes"] == [change_of("offline")]


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("", (False, "dummy", "", 0, False, False)),
        ("console:", (True, "console", "", 0, False, False)),
        ("smtp://mail.example.com", (True, "smtp", "mail.example.com", 587, False, True)),
        ("smtp://mail:25?tls=none", (True, "smtp", "mail", 25, False, False)),
        ("smtps://mail.example.com", (True, "smtp", "mail.example.com", 465, True, False)),
    ],
)
def test_where_mail_goes(url: str, wanted: tuple[object, ...]) -> None:
    found = mail_server(url)
    backend = found.backend.split(".")[-2]
    assert wanted == (
        found.is_configured, backend, found.host, found.port, found.is_wrapped_in_tls,
        found.starts_tls,
    )  # fmt: skip


def test_user_and_password_are_unescaped() -> None:
    found = mail_server("smtp://me%40example.com:p%3Aw@mail.example.com:2525")
    assert (found.user, found.password, found.port) == ("me@example.com", "p:w", 2525)


@pytest.mark.parametrize(
    "url", ["smtp://", "mail.example.com", "http://x", "smtp://h?tls=maybe", "smtp://h:x"]
)
def test_what_is_no_mail_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        mail_server(url)
    assert "maybe" not in str(refused.value)
