"""Reads about bulk enrolments; they are for those who take devices in."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from accounts.choices import Role
from accounts.permissions import has_role
from devices import permissions
from devices.models import Enrolment, EnrolmentRow
from kernel import errors
from kernel.actors import Actor
from kernel.scoping import TenantQuerySet


def enrolments_visible_to(actor: Actor) -> TenantQuerySet[Any]:
    """Enrolments of the tenants where the actor is an admin or more.

    Who is limited to certain sites sees their own ones only: others name other sites.
    """
    visible: TenantQuerySet[Any] = Enrolment.objects.visible_to(actor).select_related("tenant")
    if actor.is_system:
        return visible
    managed = {key for key in actor.tenant_ids if has_role(actor, key, Role.ADMIN)}
    whole = managed - actor.site_limits.keys()
    own = Q(tenant_id__in=managed, created_by_id=actor.user_id)
    return visible.filter(Q(tenant_id__in=whole) | own)


def enrolment_by_uid(*, actor: Actor, uid: str) -> Enrolment:
    """The enrolment. Raises NotFound, and PermissionDenied for a member below admin."""
    found = enrolments_visible_to(actor).filter(uid=uid).first()
    if found is None:
        hidden = Enrolment.objects.visible_to(actor).filter(uid=uid).first()
        if hidden is not None:
            permissions.require_own(actor, hidden.tenant_id)
        raise errors.NotFound
    enrolment: Enrolment = found
    return enrolment


def rows_of_enrolment(enrolment: Enrolment, *, state: str = "") -> TenantQuerySet[Any]:
    """The rows of an enrolment that was found in the reader's scope, in their order."""
    rows: TenantQuerySet[Any] = EnrolmentRow.objects.unscoped("the enrolment was found in scope")
    found = rows.filter(enrolment_id=enrolment.pk).defer("sealed_secret")
    return found.filter(state=state) if state else found
