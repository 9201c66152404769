"""Groups and queries as names for many devices: in batches of commands, and for tags."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.permissions import one_tenant
from commands.registry import TargetDevices
from groups import definitions, fact_selectors, selectors
from groups.errors import InvalidQuery
from kernel.actors import Actor
from kernel.errors import NotFound, ValidationFailed


def devices_of_group(actor: Actor, value: Any) -> TargetDevices:
    """The devices of the group of that uid, as they are now. Raises NotFound, ValidationFailed."""
    if not isinstance(value, str):
        raise ValidationFailed(details={"group": ["The uid of a group."]})
    group = selectors.group_by_uid(actor=actor, uid=value)
    keys = selectors.pin(group=group, actor=actor, now=timezone.now())
    return TargetDevices(tenant_id=group.tenant_id, device_ids=keys, label=f"group {group.name}")


def devices_of_query(actor: Actor, value: Any) -> TargetDevices:
    """The devices of the actor's tenant that a query finds now: a text, or a filter as JSON.

    Raises TenantRequired, ValidationFailed with the place of what is wrong.
    """
    tenant_id = one_tenant(actor)
    if tenant_id not in actor.roles:
        raise NotFound
    try:
        found = (
            definitions.defined(query=value)
            if isinstance(value, str)
            else definitions.defined(query_filter=value)
        )
    except InvalidQuery as wrong:
        raise InvalidQuery(
            details={
                "/query" + place.removeprefix("/query_filter").removeprefix("/query"): why
                for place, why in wrong.details.items()
            }
        ) from None
    matching = selectors.devices_matching(query=found.query, actor=actor, now=timezone.now())
    with fact_selectors.bounded():
        keys = list(selectors.keys_of(matching.filter(tenant_id=tenant_id)).order_by("pk"))
    return TargetDevices(tenant_id=tenant_id, device_ids=keys, label=found.text)
