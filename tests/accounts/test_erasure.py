"""Having one's account erased: at once nobody can use it, and soon it tells of nobody."""

from __future__ import annotations

import pytest
from django.test import override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role, TenantKind
from accounts.models import (
    AccountErasure,
    Invitation,
    LoginSession,
    Membership,
    Preferences,
    RefreshToken,
    SocketTicket,
    Tenant,
    User,
)
from accounts.services import access, erasure, lifecycle, tickets
from accounts.types import LoggedIn
from kernel import errors, tokens
from kernel.actors import Actor
from tests.accounts import people
from tests.accounts.erasures import (
    PASSWORD,
    URL,
    entries,
    erase,
    invitation,
    members_of,
    report,
    run,
    shop_of,
)
from tests.accounts.people import assert_refused

pytestmark = [pytest.mark.core, pytest.mark.django_db]
SYSTEM = Actor.system("test")


@pytest.fixture
def bob(db: None) -> User:
    return people.make_user("bob@example.com", display_name="Bob")


# At once


def test_the_account_ends_with_the_request(
    ada: User, session: LoggedIn, signed_in: APIClient, api: APIClient
) -> None:
    elsewhere = people.client_of(people.sign_in(ada))
    begun = erase(signed_in)
    assert begun["state"] == "queued"
    for client in (signed_in, elsewhere):
        assert_refused(client.get("/api/v1/auth/me"), 401, "not_authenticated")
    reasons = set(LoginSession.objects.filter(user=ada).values_list("end_reason", flat=True))
    assert reasons == {"account_erased"}
    login = {"email": ada.email, "password": people.PASSWORD}
    assert_refused(api.post("/api/v1/auth/login", login), 401, "invalid_credentials")
    refresh = {"refresh_token": people.tokens_of(session).refresh_token}
    assert_refused(api.post("/api/v1/auth/refresh", refresh), 401, "invalid_credentials")
    (entry,) = entries("accounts.user.erasure_requested")
    assert (entry.actor_id, entry.target_id) == (ada.uid, ada.uid)


def test_a_second_call_finds_nobody_signed_in(ada: User, signed_in: APIClient) -> None:
    erase(signed_in)
    assert_refused(signed_in.post(URL, PASSWORD), 401, "not_authenticated")
    assert AccountErasure.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_at_once_one_begins_it(session: LoggedIn) -> None:
    clients = [people.client_of(session) for _ in range(4)]
    answers = people.at_once(4, lambda number: clients[number].post(URL, PASSWORD))
    assert sorted(answer.status_code for answer in answers) == [202, 401, 401, 401]
    assert AccountErasure.objects.count() == 1


def test_only_the_right_password_erases(ada: User, signed_in: APIClient) -> None:
    for body in ({"password": "wrong"}, {}, {"password": ""}):
        details = assert_refused(signed_in.post(URL, body), 400, "validation_error")
        assert details.keys() == {"password"}
    assert signed_in.get("/api/v1/auth/me").status_code == 200
    assert not AccountErasure.objects.exists()


@override_settings(LOGIN_ATTEMPTS_PER_MINUTE=2)
def test_guessing_the_password_is_limited(signed_in: APIClient) -> None:
    # Two windows at most can be touched while this runs.
    answers = [signed_in.post(URL, {"password": "wrong"}).status_code for _ in range(5)]
    assert answers.count(400) <= 4
    assert answers[-1] == 429


def test_a_browser_forgets_its_cookie(ada: User) -> None:
    browser = people.browser_of(ada)
    answer = browser.post(URL, PASSWORD, content_type="application/json")
    assert answer.status_code == 202
    assert_refused(browser.get("/api/v1/auth/me"), 401, "not_authenticated")


# What stands in the way


def test_the_last_owner_hands_over_first(ada: User, bob: User, signed_in: APIClient) -> None:
    shop = shop_of((ada, Role.OWNER), (bob, Role.ADMIN))
    named = [{"uid": shop.uid, "name": "Shop"}]
    outlook = signed_in.get(URL).json()
    assert (outlook["is_possible"], outlook["hand_over_first"]) == (False, named)
    details = assert_refused(signed_in.post(URL, PASSWORD), 409, "last_owner")
    assert details == {"tenants": named}
    assert signed_in.get("/api/v1/auth/me").status_code == 200
    Membership.objects.unscoped("test").filter(user=bob, tenant=shop).update(role=Role.OWNER)
    assert signed_in.get(URL).json()["is_possible"] is True
    erase(signed_in)
    assert members_of(shop) == {bob.email}
    (entry,) = entries("accounts.membership.removed")
    assert (entry.tenant_id, entry.target_id) == (shop.pk, ada.uid)


def test_the_last_administrator_stays(db: None) -> None:
    root = people.make_admin()
    client = people.client_of(people.sign_in(root))
    assert client.get(URL).json()["is_last_administrator"] is True
    assert_refused(client.post(URL, PASSWORD), 409, "conflict")
    people.make_admin("root2@example.com")
    assert client.get(URL).json()["is_possible"] is True
    erase(client)


def test_an_owner_who_cannot_sign_in_is_no_heir(ada: User, bob: User, signed_in: APIClient) -> None:
    shop_of((ada, Role.OWNER), (bob, Role.OWNER))
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert_refused(signed_in.post(URL, PASSWORD), 409, "last_owner")


def test_what_would_happen_is_told_before(ada: User, bob: User, signed_in: APIClient) -> None:
    shop = shop_of((ada, Role.VIEWER), (bob, Role.OWNER))
    alone = shop_of((ada, Role.OWNER))
    outlook = signed_in.get(URL).json()
    assert [tenant["uid"] for tenant in outlook["leaves"]] == [shop.uid]
    home = Tenant.objects.get(personal_of=ada)
    assert [tenant["uid"] for tenant in outlook["ends"]] == [home.uid, alone.uid]
    assert not AccountErasure.objects.exists()


def test_a_home_that_others_own_too_goes_on_without_the_name(
    ada: User, bob: User, signed_in: APIClient
) -> None:
    home = Tenant.objects.get(personal_of=ada)
    Membership.objects.create(user=bob, tenant=home, role=Role.OWNER, created_at=ada.date_joined)
    erase(signed_in)
    assert run() == 1
    home.refresh_from_db()
    assert (home.name, home.kind, home.personal_of) == ("Home", TenantKind.ORGANISATION, None)
    assert members_of(home) == {bob.email}


# Soon after


def test_nothing_of_the_person_is_left(ada: User, bob: User, signed_in: APIClient) -> None:
    actor = erasing_actor(ada)
    tickets.issue_ticket(actor=actor, now=timezone.now())
    signed_in.patch("/api/v1/preferences", {"dashboard_layout": {"a": 1}})
    shop = shop_of((bob, Role.OWNER))
    invitation(shop, email=ada.email), invitation(shop, email="other@example.com")
    begun = erase(signed_in)
    assert run() == 1
    ada.refresh_from_db()
    assert ada.email == f"erased-{ada.uid}@invalid".lower()
    assert (ada.display_name, ada.is_active) == ("", False)
    assert ada.erased_at is not None
    assert not ada.has_usable_password()
    told = LoginSession.objects.filter(user=ada).values_list("user_agent", "address")
    assert set(told) == {("", "")}
    assert not RefreshToken.objects.filter(session__user=ada).exists()
    assert not SocketTicket.objects.exists()
    assert not Preferences.objects.exists()
    assert not Membership.objects.unscoped("test").filter(user=ada).exists()
    assert Tenant.objects.get(personal_of=ada).name == "Erased"
    left = Invitation.objects.unscoped("test").values_list("email", flat=True)
    assert list(left) == ["other@example.com"]
    erased = report(begun).json()["report"]["erased"]["account"]
    # The actor's own session and the client's.
    assert erased["sessions_emptied"] == LoginSession.objects.filter(user=ada).count()
    assert erased["preferences_deleted"] == erased["invitations_deleted"] == 1


def erasing_actor(user: User) -> Actor:
    opened = people.sign_in(user)
    token = people.tokens_of(opened).access_token
    return access.authenticate_token(token=token, now=timezone.now()).actor


def test_the_report_is_for_who_holds_its_token(ada: User, signed_in: APIClient) -> None:
    begun = erase(signed_in)
    waiting = report(begun).json()
    assert (waiting["erasure"], waiting["state"], waiting["report"]) == (
        begun["erasure"], "queued", None,
    )  # fmt: skip
    run()
    done = report(begun).json()
    assert (done["state"], done["report"].keys()) == ("done", {"erased", "kept"})
    assert done["finished_at"] is not None
    assert "audit" in done["report"]["kept"]["account"]
    shown = str(done)
    assert not [word for word in (ada.email, "Ada", "digest") if word in shown]


@pytest.mark.parametrize("token", ["", "wrong", "\xe9"])
def test_without_the_token_there_is_no_report(signed_in: APIClient, token: str) -> None:
    begun = erase(signed_in)
    refused = report(begun, token)
    assert_refused(refused, 404, "not_found")
    unknown = APIClient().get("/api/v1/auth/erasures/unknown", headers={"X-Report-Token": token})
    drop = {"request_id"}
    assert {k: v for k, v in unknown.json().items() if k not in drop} == {
        k: v for k, v in refused.json().items() if k not in drop
    }


def test_the_token_is_stored_as_a_digest_only(signed_in: APIClient) -> None:
    begun = erase(signed_in)
    row = AccountErasure.objects.get()
    assert begun["report_token"] not in str(row.report)
    assert tokens.digest(begun["report_token"]) in str(row.report)


def test_the_address_is_free_again_and_leads_to_a_stranger(
    ada: User, signed_in: APIClient, api: APIClient
) -> None:
    erase(signed_in)
    run()
    new = api.post(
        "/api/v1/auth/register", {"email": "ada@example.com", "password": people.PASSWORD}
    )
    assert new.status_code == 201
    assert new.json()["user"]["uid"] != ada.uid


def test_nobody_brings_the_account_back(ada: User, signed_in: APIClient) -> None:
    erase(signed_in)
    for _ in range(2):
        with pytest.raises(errors.Conflict):
            lifecycle.reactivate_user(user_id=ada.pk, actor=SYSTEM, now=timezone.now())
        with pytest.raises(errors.Conflict):
            lifecycle.change_platform_role(
                user_id=ada.pk, platform_role="admin", actor=SYSTEM, now=timezone.now()
            )
        run()


def test_nobody_gets_into_a_tenant_that_ends(ada: User, signed_in: APIClient) -> None:
    home = Tenant.objects.get(personal_of=ada)
    open_one = invitation(home, email="bob@example.com")
    erase(signed_in)
    open_one.refresh_from_db()
    assert open_one.revoked_at is not None


def test_links_i_sent_end_and_lose_my_name(ada: User, bob: User, signed_in: APIClient) -> None:
    shop = shop_of((ada, Role.ADMIN), (bob, Role.OWNER))
    answer = signed_in.post(f"/api/v1/tenants/{shop.uid}/invitations", {"role": "viewer"})
    assert answer.status_code == 201, answer.content
    theirs = invitation(shop, email="eve@example.com")
    erase(signed_in)
    mine = Invitation.objects.unscoped("test").get(uid=answer.json()["uid"])
    assert "Ada" in mine.created_by
    assert mine.revoked_at is not None
    run()
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.created_by.strip(), theirs.revoked_at) == (ada.uid, None)


def test_a_stranger_foresees_nothing(api: APIClient) -> None:
    assert_refused(api.get(URL), 401, "not_authenticated")
    assert_refused(api.post(URL, PASSWORD), 401, "not_authenticated")
    with pytest.raises(errors.NotAuthenticated):
        erasure.foresee_erasure(actor=SYSTEM)
