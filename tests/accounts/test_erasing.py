"""The job that erases accounts: twice, in two processes, in chunks, with other apps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import registry
from accounts.choices import Role
from accounts.models import (
    Membership,
    Tenant,
    User,
)
from accounts.services import erasing
from accounts.types import LoggedIn
from kernel import ticker
from tests.accounts import people
from tests.accounts.erasures import (
    entries,
    erase,
    members_of,
    report,
    run,
    shop_of,
)

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def bob(db: None) -> User:
    return people.make_user("bob@example.com", display_name="Bob")


def test_a_tenant_where_others_live_never_ends(ada: User, bob: User, signed_in: APIClient) -> None:
    shop = shop_of((bob, Role.OWNER))
    erase(signed_in)
    # As if an invitation had been accepted in the very moment of the request.
    Membership.objects.create(user=ada, tenant=shop, role=Role.OWNER, created_at=ada.date_joined)
    assert run() == 1
    shop.refresh_from_db()
    assert (shop.name, members_of(shop)) == ("Shop", {bob.email})


def test_the_job_is_safe_to_run_twice(ada: User, signed_in: APIClient) -> None:
    begun = erase(signed_in)
    assert (run(), run()) == (1, 0)
    before = report(begun).json()
    ada.refresh_from_db()
    version = ada.token_version
    run()
    ada.refresh_from_db()
    assert (report(begun).json(), ada.token_version) == (before, version)
    assert len(entries("accounts.user.erased")) == 1


@pytest.mark.django_db(transaction=True)
def test_two_processes_erase_it_once(ada: User, session: LoggedIn) -> None:
    for _ in range(3):
        people.sign_in(ada)
    begun = erase(people.client_of(session))
    outcomes = people.at_once(2, lambda _: run())
    assert sorted(outcomes) == [0, 1]
    assert len(entries("accounts.user.erased")) == 1
    assert report(begun).json()["report"]["erased"]["account"]["sessions_emptied"] == 4


def test_many_rows_go_in_chunks_and_are_all_counted(
    ada: User, signed_in: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        people.sign_in(ada)
    begun = erase(signed_in)
    monkeypatch.setattr(erasing, "BATCH", 2)
    monkeypatch.setattr(erasing, "_STEPS_AT_A_TIME", 2)
    assert run() == 0
    assert report(begun).json()["state"] == "running"
    assert run(5) == 1
    counted = report(begun).json()["report"]["erased"]["account"]
    assert (counted["sessions_emptied"], counted["refresh_tokens_deleted"]) == (7, 7)


def test_the_account_waits_for_the_other_apps(
    ada: User, signed_in: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, tuple[int, ...]]] = []

    def slow(user_id: int, tenant_ids: Any, now: datetime) -> registry.ErasedPart:
        calls.append((user_id, tuple(tenant_ids)))
        return registry.ErasedPart(is_done=len(calls) > 1, counts={"things": len(calls)})

    monkeypatch.setattr(registry, "_erasers", {"slow": slow})
    home = Tenant.objects.get(personal_of=ada)
    begun = erase(signed_in)
    assert run() == 0
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"
    assert run() == 1
    assert calls == [(ada.pk, (home.pk,))] * 2
    assert report(begun).json()["report"]["erased"]["slow"] == {"things": 2}


def test_one_that_fails_holds_up_no_other(
    ada: User, bob: User, signed_in: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(user_id: int, tenant_ids: Any, now: datetime) -> registry.ErasedPart:
        if user_id == ada.pk:
            raise RuntimeError
        return registry.ErasedPart(is_done=True)

    monkeypatch.setattr(registry, "_erasers", {"fails": fails})
    mine = erase(signed_in)
    theirs = erase(people.client_of(people.sign_in(bob)))
    assert run() == 1
    assert [report(begun).json()["state"] for begun in (mine, theirs)] == ["running", "done"]


@pytest.mark.django_db(transaction=True)
def test_the_ticker_runs_it(session: LoggedIn) -> None:
    begun = erase(people.client_of(session))
    (job,) = [job for job in ticker.jobs() if job.name == "accounts.erasing"]
    assert ticker.run_once(job)
    assert report(begun).json()["state"] == "done"
