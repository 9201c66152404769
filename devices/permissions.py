"""Who may do what with a device."""

from __future__ import annotations

from accounts.permissions import require_platform_admin, require_role
from devices.choices import EnrolmentMode
from kernel.actors import Actor


def require_operate(actor: Actor, tenant_id: int | None) -> None:
    """Operators and above switch relays and edit devices of their tenant."""
    _require(actor, tenant_id, "operator")


def require_own(actor: Actor, tenant_id: int | None) -> None:
    """Admins and owners of a tenant take devices in and let them go."""
    _require(actor, tenant_id, "admin")


def require_enrol(actor: Actor, tenant_id: int | None, mode: str) -> None:
    """Who takes devices in may do so in bulk; claim codes are for who runs the platform."""
    require_own(actor, tenant_id)
    if mode == EnrolmentMode.CLAIM_CODE:
        require_platform_admin(actor)


def _require(actor: Actor, tenant_id: int | None, minimum: str) -> None:
    if actor.is_system:
        return
    require_role(actor, tenant_id, minimum)
