"""Reads about the provisioning keys of batches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.permissions import has_role
from devices import permissions
from devices.choices import ProvisioningKeyState
from devices.models import ProvisioningKey
from kernel import errors
from kernel.actors import Actor


def provisioning_keys_visible_to(actor: Actor) -> Any:
    """Keys of the tenants where the actor is an admin, within its sites, with tenant and site.

    Raises PermissionDenied for who is an admin nowhere.
    """
    found = ProvisioningKey.objects.visible_to(actor).select_related("tenant", "site")
    if actor.is_system:
        return found
    managed = [tenant for tenant in actor.tenant_ids if has_role(actor, tenant, "admin")]
    if not managed:
        raise errors.PermissionDenied("This needs the role admin or more.")
    return found.filter(tenant_id__in=managed)


def provisioning_key_by_uid(*, actor: Actor, uid: str) -> ProvisioningKey:
    """The key, if it is of a tenant and site the actor sees; NotFound otherwise.

    Raises PermissionDenied for a member below admin.
    """
    visible = ProvisioningKey.objects.visible_to(actor).select_related("tenant", "site")
    key: ProvisioningKey | None = visible.filter(uid=uid).first()
    if key is None:
        raise errors.NotFound
    permissions.require_own(actor, key.tenant_id)
    return key


def provisioning_key_state(key: ProvisioningKey, now: datetime) -> ProvisioningKeyState:
    """Whether devices may still come in with it at a time; a revoked key says so first."""
    if key.revoked_at is not None:
        return ProvisioningKeyState.REVOKED
    if key.used >= key.max_devices:
        return ProvisioningKeyState.USED_UP
    if key.expires_at <= now:
        return ProvisioningKeyState.EXPIRED
    return ProvisioningKeyState.ACTIVE
