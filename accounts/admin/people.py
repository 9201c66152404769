"""People and their sessions, and how they are shut out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.choices import PlatformRole
from accounts.models import (
    AccountErasure,
    LoginSession,
    Membership,
    Preferences,
    RefreshToken,
    SocketTicket,
    User,
)
from accounts.services import lifecycle, staffing
from kernel.admin import deeds, scope
from kernel.admin.base import Figure, PlatformAdmin, ReadOnlyAdmin
from kernel.admin.deeds import Deed, Doing


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Users; staff see those who are members of their tenants."""

    list_display = (
        "email", "display_name", "platform_role", "may_administer", "is_active", "date_joined",
    )  # fmt: skip
    list_filter = ("platform_role", "is_active", "may_administer", "date_joined")
    search_fields = ("email", "display_name", "uid")
    search_help_text = "Address, name or uid"
    ordering = ("email",)
    date_hierarchy = "date_joined"
    audited_as = ("user", "uid")
    figures = (
        Figure(
            label="Users shut out",
            narrow=lambda rows, now: rows.filter(is_active=False),
            query="is_active__exact=0",
        ),
    )

    @property
    def is_for_staff(self) -> bool:
        """Staff may be given it: they see who belongs to their tenants."""
        return True

    def visible(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        """Users who share a tenant with the viewer, unless that is limited to sites."""
        if scope.runs_platform(request):
            return rows
        members = scope.within(
            Membership._base_manager.all(),
            scope.actor_of(request),
            tenant_path="tenant_id",
            site_path=None,
        )
        return rows.filter(pk__in=members.values("user_id"))

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Without the tenant: a user has none, but may belong to several."""
        return list(self.list_filter)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """For who runs the platform also what a member of staff was given."""
        shown = super().get_fields(request, obj)
        return [*shown, "groups", "user_permissions"] if scope.runs_platform(request) else shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.get_fields(request, obj)

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """Where they belong, and what they are signed in with."""
        yield "Memberships", self.list_of("accounts.membership", f"user={row.pk}", request)
        yield "Sessions", self.list_of("accounts.loginsession", f"user={row.pk}", request)


@admin.register(LoginSession)
class LoginSessionAdmin(PlatformAdmin):
    """Sign-ins and how they ended."""

    list_display = ("uid", "user", "kind", "created_at", "last_used_at", "ended_at", "end_reason")
    list_filter = ("kind", "end_reason", ("ended_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("uid", "user__email")
    links = ("user",)
    audited_as = ("session", "uid")
    figures = (
        Figure(
            label="Sessions open",
            narrow=lambda rows, now: rows.filter(ended_at__isnull=True),
            query="ended_at__isempty=1",
        ),
    )


@admin.register(RefreshToken)
class RefreshTokenAdmin(PlatformAdmin):
    """Links in the chains of sessions; what they are is known to nobody here."""

    list_display = ("id", "session", "issued_at", "expires_at", "used_at", "revoked_at")
    list_filter = ("issued_at", "expires_at")
    search_fields = ("session__uid",)


@admin.register(SocketTicket)
class SocketTicketAdmin(PlatformAdmin):
    """One-time rights to open a socket."""

    list_display = ("id", "session", "expires_at", "used_at")
    list_filter = ("expires_at",)
    search_fields = ("session__uid",)


@admin.register(Preferences)
class PreferencesAdmin(PlatformAdmin):
    """How people have set the pages up."""

    list_display = ("user", "version", "updated_at")
    search_fields = ("user__email",)
    list_filter = ("updated_at",)


@admin.register(AccountErasure)
class AccountErasureAdmin(PlatformAdmin):
    """Accounts whose personal data is erased, with the reports."""

    list_display = ("uid", "user", "state", "requested_at", "finished_at")
    list_filter = ("state", "requested_at")
    search_fields = ("uid",)
    date_hierarchy = "requested_at"


def _deactivate(row: Any, doing: Doing) -> str:
    lifecycle.deactivate_user(user_id=row.pk, actor=doing.actor, now=doing.now)
    return f"{row.email} is shut out; all sessions have ended."


def _reactivate(row: Any, doing: Doing) -> str:
    lifecycle.reactivate_user(user_id=row.pk, actor=doing.actor, now=doing.now)
    return f"{row.email} may sign in again."


def _promote(row: Any, doing: Doing) -> str:
    lifecycle.change_platform_role(
        user_id=row.pk, platform_role=PlatformRole.ADMIN, actor=doing.actor, now=doing.now
    )
    return f"{row.email} runs the installation now."


def _demote(row: Any, doing: Doing) -> str:
    lifecycle.change_platform_role(
        user_id=row.pk, platform_role=PlatformRole.USER, actor=doing.actor, now=doing.now
    )
    return f"{row.email} is a plain user now."


def _sign_out(row: Any, doing: Doing) -> str:
    ended = staffing.end_sessions_of(user_id=row.pk, actor=doing.actor, now=doing.now)
    return f"{row.email}: {ended} {'session' if ended == 1 else 'sessions'} ended."


def _end(row: Any, doing: Doing) -> str:
    staffing.end_one_session(session_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"Session {row.uid} has ended."


deeds.register(
    Deed(
        model="accounts.user",
        name="deactivate",
        label="Shut out",
        told="All their sessions, tokens and sockets end at once, and they cannot sign in again. "
        "What they own stays as it is. The last administrator cannot be shut out.",
        act=deeds.each(_deactivate),
        is_grave=True,
        for_staff=False,
        applies=lambda row: row.is_active,
    ),
    Deed(
        model="accounts.user",
        name="reactivate",
        label="Let in again",
        told="They may sign in again. Sessions that have ended stay ended.",
        act=deeds.each(_reactivate),
        for_staff=False,
        applies=lambda row: not row.is_active,
    ),
    Deed(
        model="accounts.user",
        name="end_sessions",
        label="End sessions",
        told="They are signed out everywhere at once, and may sign in again. Of your own "
        "sessions, this one stays.",
        act=deeds.each(_sign_out),
        for_staff=False,
    ),
    Deed(
        model="accounts.user",
        name="promote",
        label="Let run the installation",
        told="They see the rows of all tenants here and may do everything in this admin.",
        act=deeds.each(_promote),
        most=1,
        is_grave=True,
        for_staff=False,
        applies=lambda row: not row.is_superuser and row.is_active,
    ),
    Deed(
        model="accounts.user",
        name="demote",
        label="Make a plain user",
        told="They no longer run the installation. It holds at once.",
        act=deeds.each(_demote),
        most=1,
        is_grave=True,
        for_staff=False,
        applies=lambda row: row.is_superuser,
    ),
    Deed(
        model="accounts.loginsession",
        name="end",
        label="End",
        told="The session is over at once: its tokens, cookie and sockets are good for nothing.",
        act=deeds.each(_end),
        for_staff=False,
        applies=lambda row: row.ended_at is None,
    ),
)
