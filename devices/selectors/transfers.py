"""Reads about devices that change hands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q, QuerySet

from devices.models import DeviceTransfer
from devices.types import TransferView
from kernel import errors, row_security
from kernel.actors import Actor


def transfers_visible_to(actor: Actor) -> QuerySet[DeviceTransfer]:
    """Transfers the actor's tenants have given or accepted; of its sites where it is limited."""
    rows: QuerySet[DeviceTransfer] = DeviceTransfer.objects.unscoped("narrowed to both sides here")
    if actor.is_system:
        return rows
    given = DeviceTransfer.objects.visible_to(actor).values("pk")
    return rows.filter(Q(pk__in=given) | Q(pk__in=rows.filter(_received_by(actor)).values("pk")))


def given_transfer(*, actor: Actor, uid: str) -> DeviceTransfer:
    """The transfer of that uid, if one of the actor's tenants gives it. Raises NotFound."""
    found: DeviceTransfer | None = DeviceTransfer.objects.visible_to(actor).filter(uid=uid).first()
    if found is None:
        raise errors.NotFound
    return found


def transfer_views(transfers: Collection[DeviceTransfer], *, actor: Actor) -> list[TransferView]:
    """The transfers as the actor may see them: of the other side its tenant's name only."""
    names = _names_of([transfer.pk for transfer in transfers])
    return [_view(transfer, names[transfer.pk], actor) for transfer in transfers]


def _received_by(actor: Actor) -> Q:
    limited = actor.tenant_ids & actor.site_limits.keys()
    received = Q(to_tenant_id__in=actor.tenant_ids - limited)
    for tenant_id in limited:
        sites = actor.site_limits[tenant_id]
        received |= Q(to_tenant_id=tenant_id, new_device__site_id__in=sites)
    return received


def _names_of(pks: Collection[int]) -> dict[int, dict[str, Any]]:
    columns = ("pk", "device__uid", "new_device__uid", "tenant__name", "to_tenant__name")
    # The other tenant's name is what its people agreed to show by offering or accepting.
    with row_security.platform_scope("devices.transfer.names"):
        rows = DeviceTransfer.objects.unscoped("transfers found within the actor's scope")
        return {row["pk"]: row for row in rows.filter(pk__in=pks).values(*columns)}


def _view(transfer: DeviceTransfer, names: dict[str, Any], actor: Actor) -> TransferView:
    is_given = actor.is_system or transfer.tenant_id in actor.tenant_ids
    return TransferView(
        uid=transfer.uid,
        direction="given" if is_given else "received",
        state=str(transfer.state),
        device_uid=names["device__uid" if is_given else "new_device__uid"],
        giver=names["tenant__name"],
        receiver=names["to_tenant__name"],
        created_at=transfer.created_at,
        expires_at=transfer.expires_at,
        decided_at=transfer.decided_at,
        offered_by=transfer.offered_by if is_given else None,
        decided_by=transfer.decided_by if is_given else None,
    )
