"""Signing up, through the API and the service."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Membership, Tenant, User
from accounts.services import registration, tenancy
from audit.models import AuditEntry
from kernel import errors
from tests.accounts import people

URL = "/api/v1/auth/register"
ADA = {"email": "Ada@Example.com", "password": people.PASSWORD, "display_name": "Ada"}


@pytest.mark.core
@pytest.mark.django_db
def test_signing_up_answers_with_tokens_the_user_and_a_tenant_of_their_own(api: APIClient) -> None:
    response = api.post(URL, ADA)

    body = response.json()
    assert response.status_code == 201
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 600
    assert body["refresh_expires_in"] == 30 * 24 * 3600
    assert body["user"]["email"] == "ada@example.com"
    assert body["user"]["platform_role"] == "user"
    tenant = Tenant.objects.get()
    assert body["user"]["tenants"] == [{"uid": tenant.uid, "name": "Ada", "role": "owner"}]
    me = people.client_with(body["access_token"]).get("/api/v1/auth/me")
    assert me.json() == body["user"]


@pytest.mark.django_db
def test_no_answer_shows_a_primary_key(api: APIClient) -> None:
    user = api.post(URL, ADA).json()["user"]

    assert user.keys() == {"uid", "email", "display_name", "platform_role", "tenants"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("email", {"email": "not an address"}),
        ("email", {"email": ""}),
        ("email", {"email": None}),
        ("email", {"email": 7}),
        ("email", {"email": f"{'a' * 250}@example.com"}),
        ("email", {"email": "a@example.com\r\nBcc: b@example.com"}),
        ("password", {"password": ""}),
        ("password", {"password": "short"}),
        ("password", {"password": "password123"}),
        ("password", {"password": "1234567890123"}),
        ("password", {"password": "ada@example.com"}),
        ("password", {"password": "x" * 1025}),
        ("display_name", {"display_name": "x" * 81}),
        ("display_name", {"display_name": "Ada\nEve"}),
    ],
)
def test_what_is_wrong_is_named_by_field(
    api: APIClient, field: str, change: dict[str, Any]
) -> None:
    details = people.assert_refused(api.post(URL, {**ADA, **change}), 400, "validation_error")

    assert details.keys() == {field}
    assert not User.objects.exists()


@pytest.mark.core
@pytest.mark.django_db
def test_an_address_is_taken_in_any_case(api: APIClient, ada: User) -> None:
    response = api.post(URL, {**ADA, "email": "ADA@example.COM"})

    assert people.assert_refused(response, 400, "validation_error").keys() == {"email"}


@pytest.mark.core
@pytest.mark.django_db
def test_the_database_itself_refuses_an_address_in_another_case(ada: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="ADA@EXAMPLE.COM", date_joined=timezone.now())


@pytest.mark.django_db
def test_a_caller_cannot_choose_their_platform_role(api: APIClient) -> None:
    api.post(URL, {**ADA, "platform_role": "admin", "is_active": False, "uid": "mine"})

    user = User.objects.get()
    assert (user.platform_role, user.is_active) == ("user", True)
    assert user.uid != "mine"


@pytest.mark.core
@pytest.mark.django_db
def test_registration_and_login_are_in_the_audit_log_of_the_new_tenant(api: APIClient) -> None:
    api.post(URL, ADA, headers={"X-Request-ID": "signup-1"})

    user = User.objects.get()
    entries = AuditEntry.objects.unscoped("test").order_by("pk")
    assert [entry.action for entry in entries] == [
        "accounts.user.registered",
        "accounts.session.opened",
    ]
    for entry in entries:
        assert entry.tenant_id == tenancy.personal_tenant_id(user.pk)
        assert (entry.actor_id, entry.request_id) == (user.uid, "signup-1")


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_of_parallel_registrations_of_one_address_one_wins() -> None:
    results = people.at_once(8, lambda _: people.make_user())

    assert sum(isinstance(result, User) for result in results) == 1
    refusals = [result for result in results if not isinstance(result, User)]
    assert all(isinstance(error, errors.ValidationFailed) for error in refusals), refusals
    assert Tenant.objects.count() == 1
    assert Membership.objects.unscoped("test").count() == 1


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_an_idempotency_key_does_not_get_around_the_limit(api: APIClient) -> None:
    limit = registration.REGISTRATIONS_PER_MINUTE
    # Two windows at most can be touched while this runs.
    for number in range(2 * limit + 1):
        response = api.post(URL, {**ADA, "password": "x"}, headers={"Idempotency-Key": f"{number}"})
    people.assert_refused(response, 429, "rate_limited")
    assert int(response["Retry-After"]) >= 1


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_an_idempotency_key_replays_the_first_answer(api: APIClient) -> None:
    first = api.post(URL, ADA, headers={"Idempotency-Key": "one"})
    again = api.post(URL, ADA, headers={"Idempotency-Key": "one"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert User.objects.count() == 1
