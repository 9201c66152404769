"""Tenants, their members and invitations."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from django.contrib import admin
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Invitation, Membership, Tenant
from accounts.services import administration, invitations
from kernel import tokens
from kernel.actors import Actor
from kernel.admin import deeds, filters, scope
from kernel.admin.base import Figure, ReadOnlyAdmin
from kernel.admin.deeds import Deed, Doing
from kernel.unit_of_work import unit_of_work

_TOLD_EVERY_S: Final = 600


def _names(ids: Collection[int] | None, limit: int) -> Mapping[int, str]:
    found = Tenant.objects.order_by("name", "pk")
    if ids is not None:
        found = found.filter(pk__in=ids)
    return dict(found.values_list("pk", "name")[:limit])


filters.name_tenants(_names)


def _note_look(actor: Actor, model: str, wanted: dict[str, Any]) -> None:
    """In the platform's audit chain, once in ten minutes for the same look of the same session."""
    told = {name: str(value)[:200] for name, value in list(wanted.items())[:20]}
    digest = tokens.digest(json.dumps([actor.session_id, model, told], sort_keys=True))
    if not cache.add(f"admin.look.{digest}", 1, _TOLD_EVERY_S):
        return
    with unit_of_work():
        administration.record_look(
            what=model, wanted=told, actor=replace(actor, via="admin"), now=timezone.now()
        )


scope.tell_of_looks(_note_look)


@admin.register(Tenant)
class TenantAdmin(ReadOnlyAdmin):
    """Tenants."""

    tenant_path = "pk"
    site_path = ""
    list_display = ("name", "uid", "kind", "created_at")
    list_filter = ("kind", "created_at")
    search_fields = ("name", "uid")
    ordering = ("name", "pk")
    date_hierarchy = "created_at"
    audited_as = ("tenant", "uid")
    figures = (Figure(label="Tenants", narrow=lambda rows, now: rows),)

    def links_of(self, row: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
        """What is the tenant's."""
        for label, model in (
            ("Devices", "devices.device"),
            ("Members", "accounts.membership"),
            ("Sites", "devices.site"),
            ("Commands", "commands.command"),
        ):
            yield label, self.list_of(model, f"tenant={row.pk}", request)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Who has which role where; roles are given on the page of people."""

    list_display = ("user", "tenant", "role", "site_ids", "created_at")
    list_filter = ("role", "created_at")
    search_fields = ("user__email", "tenant__name")
    links = ("user",)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Links that make their holder a member; the links themselves are known to nobody here."""

    list_display = (
        "uid", "tenant", "email", "role", "created_at", "expires_at", "accepted_at", "revoked_at",
    )  # fmt: skip
    list_filter = ("role", ("accepted_at", admin.EmptyFieldListFilter), "expires_at")
    search_fields = ("uid", "email", "tenant__name")
    audited_as = ("invitation", "uid")


def _revoke(row: Any, doing: Doing) -> str:
    invitations.revoke_invitation(
        tenant_uid=row.tenant.uid, invitation_uid=row.uid, actor=doing.actor, now=doing.now
    )
    return f"The link {row.uid} is worthless now."


deeds.register(
    Deed(
        model="accounts.invitation",
        name="revoke",
        label="Revoke",
        told="The link makes nobody a member any more. Who has accepted it stays one.",
        act=deeds.each(_revoke),
        applies=lambda row: row.accepted_at is None and row.revoked_at is None,
    )
)
