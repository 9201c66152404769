"""Claim codes: one owner, once, and no way to try them out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.errors import TenantRequired
from audit.models import AuditEntry
from devices.errors import ClaimCodeInvalid
from devices.models import ClaimCode
from devices.services import claiming
from kernel.actors import Actor
from kernel.errors import RateLimited
from kernel.tokens import CROCKFORD_ALPHABET
from tests.factories.devices import provision
from tests.factories.users import client_of, make_actor, make_user, sign_in, tenant_of
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def claim(code: str, actor: Actor) -> Any:
    return claiming.claim_device(code=code, actor=actor, now=timezone.now())


def wrong_code(number: int) -> str:
    return f"ZZZZZZ{CROCKFORD_ALPHABET[number // 32]}{CROCKFORD_ALPHABET[number % 32]}"


@pytest.mark.parametrize(
    "typed",
    [
        lambda code: code,
        lambda code: code.lower(),
        lambda code: f"{code[:4]}-{code[4:]}",
        lambda code: f"  {code[:2]} {code[2:5]}--{code[5:]} ".lower(),
        lambda code: code.replace("0", "O").replace("1", "l"),
    ],
)
def test_a_code_is_read_as_people_write_it(owner: Actor, typed: Any) -> None:
    made = provision()
    device = claim(typed(made.claim_code), owner)
    assert (device.uid, device.pairing) == (made.device_uid, "paired")
    assert device.tenant_id == tenant_of(owner)


def test_a_code_works_once(owner: Actor) -> None:
    made = provision()
    claim(made.claim_code, owner)
    for actor in (owner, make_actor(address="192.0.2.2")):
        with pytest.raises(ClaimCodeInvalid):
            claim(made.claim_code, actor)


def test_claiming_is_told_to_the_audit_once(owner: Actor) -> None:
    made = provision()
    claim(made.claim_code, owner)
    entries = AuditEntry.objects.unscoped("tests look at everything")
    (entry,) = entries.filter(action="devices.device.claimed")
    assert (entry.tenant_id, entry.target_id) == (tenant_of(owner), made.device_uid)
    assert made.claim_code not in f"{entry.before}{entry.after}{entry.cause}"


def test_who_has_no_tenant_claims_nothing() -> None:
    nobody = Actor(kind="user", id="x", label="x")
    with pytest.raises(TenantRequired):
        claim(provision().claim_code, nobody)


def test_five_wrong_tries_lock_an_address_even_for_the_right_code(owner: Actor) -> None:
    right = provision().claim_code
    for number in range(5):
        with pytest.raises(ClaimCodeInvalid):
            claim(wrong_code(number), owner)
    with pytest.raises(RateLimited):
        claim(right, owner)
    assert claim(right, make_actor(address="192.0.2.2")).pairing == "paired"


def test_five_wrong_tries_of_one_code_lock_it_for_every_address(owner: Actor) -> None:
    made = provision()
    ClaimCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for number in range(5):
        with pytest.raises(ClaimCodeInvalid):
            claim(made.claim_code, make_actor(address=f"192.0.2.{10 + number}"))
    with pytest.raises(RateLimited):
        claim(made.claim_code, owner)


def test_a_lock_ends(owner: Actor) -> None:
    made = provision()
    for number in range(5):
        with pytest.raises(ClaimCodeInvalid):
            claim(wrong_code(number), owner)
    later = timezone.now() + timedelta(seconds=claiming.LOCK_SECONDS + 1)
    device = claiming.claim_device(code=made.claim_code, actor=owner, now=later)
    assert device.pairing == "paired"


def test_unknown_expired_and_used_codes_get_one_answer(api: APIClient, owner: Actor) -> None:
    expired, used = provision(), provision()
    ClaimCode.objects.filter(device_id=expired.device_id).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )
    claim(used.claim_code, make_actor())

    def answer(code: str) -> tuple[int, dict[str, Any]]:
        response = api.post("/api/v1/devices/claim", {"claim_code": code}, format="json")
        body = response.json()
        assert body.pop("request_id")
        return response.status_code, body

    answers = [answer(code) for code in (wrong_code(7), expired.claim_code, used.claim_code)]
    assert answers[0] == answers[1] == answers[2]
    assert (answers[0][0], answers[0][1]["code"]) == (404, "claim_code_invalid")


def test_the_api_claims_and_names(api: APIClient) -> None:
    made = provision()
    body = {"claim_code": made.claim_code.lower(), "name": " Lobby "}
    answer = api.post("/api/v1/devices/claim", body, format="json")
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["uid"], shown["name"], shown["pairing"]) == (made.device_uid, "Lobby", "paired")
    assert shown["connectivity"] == "never_connected"
    assert not {"id", "pk", "tenant_id"} & shown.keys()


def test_too_many_wrong_tries_are_429_with_a_time(api: APIClient) -> None:
    for number in range(5):
        api.post("/api/v1/devices/claim", {"claim_code": wrong_code(number)}, format="json")
    answer = api.post("/api/v1/devices/claim", {"claim_code": wrong_code(9)}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_claim_at_once_one_becomes_the_owner() -> None:
    made = provision()
    actors = [make_actor(address=f"192.0.2.{number}") for number in range(20)]
    outcomes = run_at_once(20, lambda number: claim(made.claim_code, actors[number]).tenant_id)
    owners = [outcome for outcome in outcomes if isinstance(outcome, int)]
    refused = [outcome for outcome in outcomes if not isinstance(outcome, int)]
    assert len(owners) == 1, outcomes
    assert all(isinstance(error, (ClaimCodeInvalid, RateLimited)) for error in refused), refused
    entries = AuditEntry.objects.unscoped("tests look at everything")
    assert entries.filter(action="devices.device.claimed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_burst_of_wrong_tries_is_looked_at_five_times_and_no_more() -> None:
    guesser = make_actor(address="192.0.2.77")
    outcomes = run_at_once(20, lambda number: claim(wrong_code(number), guesser))
    looked_at = [outcome for outcome in outcomes if isinstance(outcome, ClaimCodeInvalid)]
    assert len(looked_at) == claiming.WRONG_TRIES, outcomes
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 15, outcomes


def test_right_codes_do_not_count_against_an_address(owner: Actor) -> None:
    for _ in range(claiming.WRONG_TRIES + 3):
        assert claim(provision().claim_code, owner).pairing == "paired"


def test_a_user_sees_nothing_of_an_unclaimed_device() -> None:
    made = provision()
    client = client_of(sign_in(make_user()))
    assert client.get(f"/api/v1/devices/{made.device_uid}").status_code == 404
