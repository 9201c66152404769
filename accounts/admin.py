"""Accounts in Django's admin: for looking, and for shutting somebody out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone

from accounts import views
from accounts.models import LoginSession, Membership, Tenant, User
from accounts.services import lifecycle
from kernel import errors


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows; changes go through services, which write the audit log."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows here."""
        return False


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Users, and the action that shuts one out."""

    list_display = ("email", "display_name", "platform_role", "is_active", "date_joined")
    list_filter = ("platform_role", "is_active")
    search_fields = ("email", "display_name", "uid")
    ordering = ("email",)
    exclude = ("password",)
    actions = ("deactivate", "reactivate")

    @admin.action(description="Deactivate: end all sessions and refuse logins")
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Shut the chosen users out."""
        self._carry_out(request, queryset, lifecycle.deactivate_user)

    @admin.action(description="Reactivate: allow logins again")
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let the chosen users in again."""
        self._carry_out(request, queryset, lifecycle.reactivate_user)

    def _carry_out(self, request: HttpRequest, users: QuerySet[User], change: Any) -> None:
        actor, now = request.actor, timezone.now()  # type: ignore[attr-defined]
        for user in users:
            try:
                change(user_id=user.pk, actor=actor, now=now)
            except errors.HomepotError as error:
                self.message_user(request, f"{user.email}: {error.message}", messages.ERROR)


@admin.register(Tenant)
class TenantAdmin(ReadOnlyAdmin):
    """Tenants."""

    list_display = ("name", "uid", "kind", "created_at")
    list_filter = ("kind",)
    search_fields = ("name", "uid")
    ordering = ("name",)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Who has which role where."""

    list_display = ("user", "tenant", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "tenant")
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """All memberships: only platform administrators get here."""
        found: QuerySet[Membership] = Membership.objects.unscoped("Django's admin")
        return found.order_by("-pk")


@admin.register(LoginSession)
class LoginSessionAdmin(ReadOnlyAdmin):
    """Sign-ins and how they ended."""

    list_display = ("uid", "user", "kind", "created_at", "last_used_at", "ended_at", "end_reason")
    list_filter = ("kind", "end_reason")
    list_select_related = ("user",)
    search_fields = ("uid", "user__email")
    ordering = ("-pk",)


def _log_in(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """The product's own login in place of the admin's, which knows no limiter and no sessions."""
    if getattr(request, "actor", None) is not None:
        raise PermissionDenied
    target = request.GET.get("next") or request.get_full_path()
    return redirect_to_login(target, resolve_url("accounts:login"))


def _log_out(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    return views.log_out(request)


admin.site.login = _log_in  # type: ignore[method-assign, assignment]
admin.site.logout = _log_out  # type: ignore[method-assign, assignment]
