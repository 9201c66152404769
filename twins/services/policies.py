"""What tenants set about their twins."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from accounts.permissions import one_tenant, require_role
from audit.services import recording
from kernel.actors import Actor
from kernel.errors import PermissionDenied, ValidationFailed
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work
from twins.models import TwinPolicy
from twins.selectors import policy_of

LONGEST_ALERT_S: Final = 30 * 86_400


def policy_for(*, actor: Actor) -> TwinPolicy:
    """The settings of the tenant that the actor means. Raises TenantRequired."""
    return policy_of(one_tenant(actor))


def set_policy(
    *,
    machines_need_if_match: bool | None = None,
    drift_alert_after_s: int | None = None,
    actor: Actor,
    now: datetime,
) -> TwinPolicy:
    """Set what is given for the actor's tenant; the same again changes nothing.

    Raises TenantRequired, PermissionDenied below admin and for who is limited to sites,
    ValidationFailed.
    """
    tenant_id = one_tenant(actor)
    _require(actor, tenant_id)
    if drift_alert_after_s is not None and not 0 <= drift_alert_after_s <= LONGEST_ALERT_S:
        raise ValidationFailed(
            details={"drift_alert_after_s": [f"0 to {LONGEST_ALERT_S}; 0 tells nobody."]}
        )
    with unit_of_work():
        policy = _locked(tenant_id, now)
        before = _facts(policy)
        if machines_need_if_match is not None:
            policy.machines_need_if_match = machines_need_if_match
        if drift_alert_after_s is not None:
            policy.drift_alert_after_s = drift_alert_after_s
        after = _facts(policy)
        if after == before:
            return policy
        policy.changed_at = now
        policy.save()
        recording.record(
            tenant_id=tenant_id,
            action="twins.policy.changed",
            actor=actor,
            target_type="twin_policy",
            target_id=str(tenant_id),
            before=before,
            after=after,
            now=now,
        )
    return policy


def _locked(tenant_id: int, now: datetime) -> TwinPolicy:
    """The tenant's row, made if there is none: two that set it at once wait for each other."""
    TwinPolicy.objects.bulk_create(
        [TwinPolicy(tenant_id=tenant_id, changed_at=now)], ignore_conflicts=True
    )
    rows = TwinPolicy.objects.unscoped("the tenant that the actor manages")
    (policy,) = lock_rows(rows.filter(tenant_id=tenant_id))
    found: TwinPolicy = policy
    return found


def _require(actor: Actor, tenant_id: int) -> None:
    require_role(actor, tenant_id, "admin")
    if tenant_id in actor.site_limits:
        raise PermissionDenied("This holds for the whole tenant, and you see some of its sites.")


def _facts(policy: TwinPolicy) -> dict[str, Any]:
    return {
        "machines_need_if_match": policy.machines_need_if_match,
        "drift_alert_after_s": policy.drift_alert_after_s,
    }
