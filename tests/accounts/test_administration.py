"""What platform administrators look at and change."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import PlatformRole, Role, TenantKind
from accounts.models import Membership, Tenant, User
from accounts.services import administration
from accounts.types import LoggedIn
from audit.models import AuditEntry
from kernel import errors
from kernel.actors import Actor
from tests.accounts import people
from tests.accounts.people import assert_refused

pytestmark = [pytest.mark.core, pytest.mark.django_db]
USERS = "/api/v1/admin/users"
TENANTS = "/api/v1/admin/tenants"


@pytest.fixture
def root(db: None) -> User:
    return people.make_admin()


@pytest.fixture
def admin(root: User) -> APIClient:
    return people.client_of(people.sign_in(root))


def platform_log(action: str) -> list[AuditEntry]:
    entries = AuditEntry.objects.unscoped("test").filter(action=action, tenant_id=None)
    return list(entries.order_by("seq"))


def emails(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [user["email"] for user in answer.json()["items"]]


@pytest.mark.parametrize("path", [USERS, TENANTS, f"{USERS}/someone"])
def test_nobody_else_gets_in(signed_in: APIClient, api: APIClient, path: str) -> None:
    assert_refused(signed_in.get(path), 403, "permission_denied")
    assert_refused(api.get(path), 401, "not_authenticated")
    assert AuditEntry.objects.unscoped("test").filter(action__startswith="platform.").count() == 0


def test_a_user_who_is_no_administrator_changes_nobody(ada: User, signed_in: APIClient) -> None:
    for uid in (ada.uid, "unknown"):
        answer = signed_in.patch(f"{USERS}/{uid}", {"platform_role": "admin"})
        assert_refused(answer, 403, "permission_denied")
    ada.refresh_from_db()
    assert ada.platform_role == PlatformRole.USER


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["bob", "root", "ada"]),
        ("?search=ADA@", ["ada"]),
        ("?search=root@", ["root"]),
        ("?search=%25", []),
        ("?is_active=false", ["bob"]),
        ("?is_active=true", ["root", "ada"]),
        ("?platform_role=admin", ["root"]),
        ("?platform_role=user&search=a", ["bob", "ada"]),
    ],
)
def test_users_are_found(ada: User, admin: APIClient, query: str, found: list[str]) -> None:
    people.make_user("bob@example.com", display_name="Barbara")
    User.objects.filter(email="bob@example.com").update(is_active=False)
    assert emails(admin.get(USERS + query)) == [f"{name}@example.com" for name in found]


def test_a_user_is_shown_without_secrets(ada: User, admin: APIClient) -> None:
    shown = admin.get(f"{USERS}/{ada.uid}").json()
    assert shown.keys() == {
        "uid", "email", "display_name", "platform_role", "is_active", "date_joined", "erased_at",
        "tenant_count",
    }  # fmt: skip
    assert (shown["uid"], shown["tenant_count"]) == (ada.uid, 1)
    assert shown in admin.get(USERS).json()["items"]


@pytest.mark.parametrize("query", ["?is_active=2", "?platform_role=king", "?search=%00"])
def test_an_unusable_filter_is_refused_and_is_no_look(admin: APIClient, query: str) -> None:
    assert_refused(admin.get(USERS + query), 400, "validation_error")
    assert platform_log("platform.users.listed") == []


def test_users_come_in_pages(admin: APIClient) -> None:
    for number in range(4):
        people.make_user(f"user{number}@example.com")
    first = admin.get(f"{USERS}?page_size=3").json()
    second = admin.get(first["next"]).json()
    assert [len(page["items"]) for page in (first, second)] == [3, 2]
    assert second["next"] is None
    assert emails(admin.get(second["previous"])) == [user["email"] for user in first["items"]]


def test_each_look_is_one_audit_entry_with_its_filter(
    ada: User, root: User, admin: APIClient
) -> None:
    admin.get(f"{USERS}?search=ada&is_active=true")
    admin.get(f"{USERS}/{ada.uid}")
    entries = platform_log("platform.users.listed")
    assert [entry.after for entry in entries] == [
        {"filter": {"search": "ada", "is_active": True}},
        {"filter": {"uid": ada.uid}},
    ]
    assert {entry.actor_id for entry in entries} == {root.uid}
    admin.get(TENANTS)
    assert [entry.after for entry in platform_log("platform.tenants.listed")] == [{"filter": {}}]


def test_tenants_are_shown_with_their_members_counted(ada: User, admin: APIClient) -> None:
    shop = Tenant.objects.create(
        name="Shop", kind=TenantKind.ORGANISATION, created_at=ada.date_joined
    )
    for user in User.objects.all():
        Membership.objects.create(
            user=user, tenant=shop, role=Role.VIEWER, created_at=ada.date_joined
        )
    (shown,) = admin.get(f"{TENANTS}?kind=organisation").json()["items"]
    assert (shown["uid"], shown["name"], shown["member_count"]) == (shop.uid, "Shop", 2)
    by_name = admin.get(f"{TENANTS}?search=ADA").json()["items"]
    assert [(tenant["name"], tenant["member_count"]) for tenant in by_name] == [("Ada", 1)]
    assert_refused(admin.get(f"{TENANTS}?kind=x"), 400, "validation_error")


def test_shutting_a_user_out_ends_their_sessions(
    ada: User, session: LoggedIn, signed_in: APIClient, admin: APIClient
) -> None:
    answers = [admin.patch(f"{USERS}/{ada.uid}", {"is_active": False}) for _ in range(2)]
    assert [(answer.status_code, answer.json()["is_active"]) for answer in answers] == [
        (200, False)
    ] * 2
    assert_refused(signed_in.get("/api/v1/auth/me"), 401, "not_authenticated")
    session.session.refresh_from_db()
    assert session.session.end_reason == "user_deactivated"
    assert admin.patch(f"{USERS}/{ada.uid}", {"is_active": True}).json()["is_active"] is True
    assert_refused(signed_in.get("/api/v1/auth/me"), 401, "not_authenticated")


def test_a_new_role_holds_at_once_and_is_audited(
    ada: User, root: User, signed_in: APIClient, admin: APIClient
) -> None:
    answers = [admin.patch(f"{USERS}/{ada.uid}", {"platform_role": "admin"}) for _ in range(2)]
    assert [answer.json()["platform_role"] for answer in answers] == ["admin", "admin"]
    assert_refused(signed_in.get("/api/v1/auth/me"), 401, "not_authenticated")
    (entry,) = platform_log("platform.user.role_changed")
    assert (entry.actor_id, entry.target_id) == (root.uid, ada.uid)
    assert (entry.before, entry.after) == ({"platform_role": "user"}, {"platform_role": "admin"})
    ada.refresh_from_db()
    again = people.client_of(people.sign_in(ada))
    assert again.get(USERS).status_code == 200
    assert again.patch(f"{USERS}/{root.uid}", {"platform_role": "user"}).status_code == 200
    assert_refused(admin.get(USERS), 401, "not_authenticated")


@pytest.mark.parametrize("change", [{"platform_role": "user"}, {"is_active": False}])
def test_the_last_administrator_stays(root: User, admin: APIClient, change: dict[str, Any]) -> None:
    other = people.make_admin("inactive@example.com")
    User.objects.filter(pk=other.pk).update(is_active=False)
    assert_refused(admin.patch(f"{USERS}/{root.uid}", change), 409, "conflict")
    root.refresh_from_db()
    assert (root.platform_role, root.is_active) == ("admin", True)
    assert admin.patch(f"{USERS}/{other.uid}", {"platform_role": "user"}).status_code == 200


def test_a_change_is_made_whole_or_not_at_all(root: User, admin: APIClient) -> None:
    answer = admin.patch(f"{USERS}/{root.uid}", {"is_active": True, "platform_role": "user"})
    assert_refused(answer, 409, "conflict")
    for body in ({"platform_role": "king"}, {"is_active": "maybe"}):
        assert_refused(admin.patch(f"{USERS}/{root.uid}", body), 400, "validation_error")
    for uid in ("unknown", "a-b"):
        answer = admin.patch(f"{USERS}/{uid}", {"is_active": False})
        assert_refused(answer, 404, "not_found")


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_demote_each_other_leave_one() -> None:
    pair = [people.make_admin(f"root{number}@example.com") for number in range(2)]

    def demote(number: int) -> str:
        actor = Actor.system("test")
        return administration.change_user(
            user_uid=pair[number].uid,
            platform_role="user",
            take=lambda user: user.platform_role,
            actor=actor,
            now=timezone.now(),
        )

    outcomes = people.at_once(2, demote)
    assert sorted(type(outcome) for outcome in outcomes if not isinstance(outcome, str)) == [
        errors.Conflict
    ]
    assert User.objects.filter(platform_role="admin").count() == 1
