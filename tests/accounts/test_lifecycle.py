"""Roles, shutting users out, the first administrator, Django's admin."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils import timezone

from accounts import permissions
from accounts.choices import PlatformRole, Role
from accounts.models import LoginSession, Membership, Tenant, User
from accounts.services import bootstrap, lifecycle, tenancy
from accounts.types import LoggedIn
from audit.models import AuditEntry
from kernel import errors
from kernel.actors import Actor
from tests.accounts import people

SYSTEM = Actor.system("test")


@pytest.mark.parametrize("held", [*Role.values, "device", None])
@pytest.mark.parametrize("needed", Role.values)
def test_a_role_allows_itself_and_what_is_below(held: str | None, needed: str) -> None:
    order = ["viewer", "operator", "admin", "owner"]
    roles = {} if held is None else {7: held}
    actor = Actor(kind="user", id="u", label="u", roles=roles)
    allowed = held in order and order.index(held) >= order.index(needed)

    assert permissions.has_role(actor, 7, needed) is allowed
    assert permissions.has_role(actor, 8, needed) is False
    assert permissions.has_role(actor, None, needed) is False
    assert permissions.has_role(SYSTEM, 7, needed) is True


def test_a_foreign_tenant_reads_like_a_missing_one_and_a_low_role_is_denied() -> None:
    viewer = Actor(kind="user", id="u", label="u", roles={7: "viewer"})

    with pytest.raises(errors.PermissionDenied):
        permissions.require_role(viewer, 7, Role.OPERATOR)
    with pytest.raises(errors.NotFound):
        permissions.require_role(viewer, 8, Role.VIEWER)
    permissions.require_role(viewer, 7, Role.VIEWER)


def test_memberships_fail_closed(ada: User) -> None:
    assert Membership.objects.all().count() == 0
    assert ada.memberships.count() == 0
    assert Membership.objects.unscoped("test").count() == 1
    assert tenancy.personal_tenant_id(ada.pk) == Tenant.objects.get().pk
    with pytest.raises(errors.NotFound):
        tenancy.personal_tenant_id(10**9)


@pytest.mark.core
def test_deactivating_a_user_ends_everything_at_once(ada: User, session: LoggedIn) -> None:
    lifecycle.deactivate_user(user_id=ada.pk, actor=SYSTEM, now=timezone.now())
    lifecycle.deactivate_user(user_id=ada.pk, actor=SYSTEM, now=timezone.now())

    ada.refresh_from_db()
    assert (ada.is_active, ada.token_version) == (False, 2)
    assert LoginSession.objects.get().end_reason == "user_deactivated"
    entries = AuditEntry.objects.unscoped("test").filter(action="accounts.user.deactivated")
    assert entries.count() == 1

    lifecycle.reactivate_user(user_id=ada.pk, actor=SYSTEM, now=timezone.now())
    people.assert_refused(
        people.client_of(session).get("/api/v1/auth/me"), 401, "not_authenticated"
    )


def test_only_a_platform_administrator_deactivates(ada: User) -> None:
    actor = Actor(kind="user", id=ada.uid, label="Ada", user_id=ada.pk, platform_role="user")

    for change in (lifecycle.deactivate_user, lifecycle.reactivate_user):
        with pytest.raises(errors.PermissionDenied):
            change(user_id=ada.pk, actor=actor, now=timezone.now())


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_shut_each_other_out_at_once() -> None:
    admins = [people.make_admin(), people.make_admin("other@example.com")]

    results = people.at_once(
        2,
        lambda number: lifecycle.deactivate_user(
            user_id=admins[number].pk, actor=SYSTEM, now=timezone.now()
        ),
    )

    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert User.objects.filter(platform_role=PlatformRole.ADMIN, is_active=True).count() == 1


@pytest.mark.core
@pytest.mark.django_db
def test_the_first_administrator_gets_a_password_that_is_told_once() -> None:
    generated = bootstrap.ensure_first_admin(
        email="root@example.com", password=None, now=timezone.now()
    )

    admin = User.objects.get()
    assert generated is not None
    assert admin.check_password(generated)
    assert admin.platform_role == "admin"
    again = bootstrap.ensure_first_admin(
        email="root@example.com", password="another phrase", now=timezone.now()
    )
    assert again is None
    admin.refresh_from_db()
    assert admin.check_password(generated)
    assert User.objects.count() == 1


@pytest.mark.core
@pytest.mark.django_db(transaction=True)
def test_processes_that_start_together_make_one_administrator() -> None:
    results = people.at_once(
        4,
        lambda _: bootstrap.ensure_first_admin(
            email="root@example.com", password=None, now=timezone.now()
        ),
    )

    assert User.objects.count() == 1
    assert sum(isinstance(result, str) for result in results) == 1, results
    assert results.count(None) == 3, results


@pytest.mark.django_db
@override_settings(ADMIN_EMAIL="root@example.com", ADMIN_PASSWORD="")
def test_the_command_prints_a_generated_password_the_first_time_only() -> None:
    first, second = StringIO(), StringIO()

    call_command("ensure_admin", stdout=first)
    call_command("ensure_admin", stdout=second)

    assert User.objects.get().check_password(first.getvalue().split()[-1])
    assert second.getvalue() == ""


@pytest.mark.django_db
@override_settings(ADMIN_EMAIL="root@example.com", ADMIN_PASSWORD="short")
def test_the_command_refuses_a_weak_password_in_one_sentence() -> None:
    with pytest.raises(CommandError, match="password"):
        call_command("ensure_admin", stdout=StringIO())

    assert not User.objects.exists()


PAGES = ["", "accounts/user/", "accounts/tenant/", "accounts/membership/", "accounts/loginsession/"]


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_an_administrator_reads_the_admin_and_others_do_not(ada: User, page: str) -> None:
    admin = people.browser_of(people.make_admin())

    assert admin.get(f"/admin/{page}").status_code == 200
    assert people.browser_of(ada).get(f"/admin/{page}", follow=True).status_code == 403
    stranger = Client().get(f"/admin/{page}", follow=True)
    assert stranger.redirect_chain[-1][0].startswith("/login?next=")


def test_the_admins_own_login_form_is_closed(ada: User) -> None:
    root = people.make_admin()

    response = Client().post("/admin/login/", {"username": root.email, "password": people.PASSWORD})

    assert response.status_code == 302
    assert response["Location"].startswith("/login")
    assert not LoginSession.objects.exists()


def test_the_admin_shows_no_password_and_changes_no_row(ada: User) -> None:
    admin = people.browser_of(people.make_admin())

    page = admin.get(f"/admin/accounts/user/{ada.pk}/change/")

    assert page.status_code == 200
    assert ada.password.encode() not in page.content
    assert admin.post(f"/admin/accounts/user/{ada.pk}/change/", {}).status_code == 403
    assert admin.post(f"/admin/accounts/user/{ada.pk}/delete/", {}).status_code == 404


def test_the_admins_action_deactivates_through_the_service(ada: User) -> None:
    admin = people.browser_of(people.make_admin())

    chosen = {"action": "deactivate", "_selected_action": [str(ada.pk)]}
    asked = admin.post("/admin/accounts/user/", chosen)
    assert "All their sessions" in asked.content.decode()
    ada.refresh_from_db()
    assert ada.is_active
    admin.post("/admin/accounts/user/", chosen | {"step": "do"})

    ada.refresh_from_db()
    assert not ada.is_active
    entry = AuditEntry.objects.unscoped("test").get(action="accounts.user.deactivated")
    assert entry.actor_label == "Root"
