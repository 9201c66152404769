"""Policies of presence: how long devices of a class may be silent, per tenant."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from accounts.permissions import one_tenant
from audit.services import recording
from devices import errors, permissions, selectors
from devices.choices import DeviceClass
from devices.models import LONGEST_TIMEOUT_S, SHORTEST_TIMEOUT_S, PresencePolicy
from devices.services import timeouts
from kernel import tokens
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, ValidationFailed
from kernel.unit_of_work import unit_of_work

_record = partial(recording.record_of, "devices.presence_policy", "presence_policy")


def create_policy(
    *, device_class: str, offline_after_s: int, actor: Actor, now: datetime
) -> PresencePolicy:
    """Let the devices of a class be silent for so long in the actor's tenant, from now on.

    Raises TenantRequired, PermissionDenied below admin and for who is limited to sites,
    ValidationFailed, PresencePolicyExists.
    """
    tenant_id = one_tenant(actor)
    _require(actor, tenant_id)
    _check(offline_after_s)
    if device_class not in DeviceClass.values:
        raise ValidationFailed(
            details={"device_class": [f"One of {', '.join(DeviceClass.values)}."]}
        )
    with unit_of_work():
        timeouts.lock_policies(tenant_id)
        policy = PresencePolicy(
            uid=tokens.new_public_id(),
            tenant_id=tenant_id,
            device_class=device_class,
            offline_after_s=offline_after_s,
            created_at=now,
            changed_at=now,
        )
        try:
            with transaction.atomic():
                policy.save(force_insert=True)
        except IntegrityError:
            raise errors.PresencePolicyExists from None
        _apply(policy, offline_after_s)
        _record(policy, "created", None, _facts(policy), actor, now)
    return policy


def update_policy(
    *, policy_uid: str, offline_after_s: int, actor: Actor, now: datetime
) -> PresencePolicy:
    """Change how long; the same again changes nothing.

    Raises NotFound, PermissionDenied, ValidationFailed.
    """
    _check(offline_after_s)
    with unit_of_work():
        policy = _locked(policy_uid, actor)
        if policy.offline_after_s == offline_after_s:
            return policy
        before = _facts(policy)
        policy.offline_after_s, policy.changed_at = offline_after_s, now
        policy.save(update_fields=["offline_after_s", "changed_at"])
        _apply(policy, offline_after_s)
        _record(policy, "updated", before, _facts(policy), actor, now)
    return policy


def delete_policy(*, policy_uid: str, actor: Actor, now: datetime) -> None:
    """Have the installation's default for the class again. Raises NotFound, PermissionDenied."""
    with unit_of_work():
        policy = _locked(policy_uid, actor)
        _record(policy, "deleted", _facts(policy), None, actor, now)
        PresencePolicy.objects.unscoped("a policy held alone").filter(pk=policy.pk).delete()
        _apply(policy, None)


def _locked(policy_uid: str, actor: Actor) -> PresencePolicy:
    """The policy as it is while its tenant's policies are held alone."""
    found = selectors.presence_policy_by_uid(actor=actor, uid=policy_uid)
    _require(actor, found.tenant_id)
    timeouts.lock_policies(found.tenant_id)
    rows = PresencePolicy.objects.unscoped("found within the actor's scope")
    policy: PresencePolicy | None = rows.filter(pk=found.pk).select_related("tenant").first()
    if policy is None:
        raise NotFound
    return policy


def _apply(policy: PresencePolicy, seconds: int | None) -> None:
    timeouts.keep_class(
        tenant_id=policy.tenant_id, device_class=policy.device_class, policy_s=seconds
    )


def _require(actor: Actor, tenant_id: int) -> None:
    permissions.require_own(actor, tenant_id)
    if not actor.may_see_site(tenant_id, None):
        raise PermissionDenied("You manage devices of your sites only; this is for all sites.")


def _check(offline_after_s: int) -> None:
    if not SHORTEST_TIMEOUT_S <= offline_after_s <= LONGEST_TIMEOUT_S:
        why = f"{SHORTEST_TIMEOUT_S} to {LONGEST_TIMEOUT_S} seconds."
        raise ValidationFailed(details={"offline_after_s": [why]})


def _facts(policy: PresencePolicy) -> dict[str, Any]:
    return {"device_class": str(policy.device_class), "offline_after_s": policy.offline_after_s}
