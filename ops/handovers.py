"""Devices that change hands, as the page of transfers shows them, and who may take one over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts import selectors as accounts
from accounts.permissions import has_role
from devices import selectors as devices
from devices.choices import TransferState
from kernel.actors import Actor

SHOWN = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """One transfer; `device_uid` is the viewer's own side's life of the device."""

    uid: str
    state: str
    is_given: bool
    device_uid: str
    device_name: str
    giver: str
    receiver: str
    who: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    may_cancel: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Handovers:
    """What is offered now, and what has been decided of late."""

    open: Sequence[Handover]
    past: Sequence[Handover]


@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """A tenant for which the viewer may take devices over, and its sites (id and name)."""

    uid: str
    name: str
    sites: Sequence[tuple[str, str]]
    needs_site: bool


def handovers(*, actor: Actor, now: datetime) -> Handovers:
    """The transfers of the viewer's tenants, newest first."""
    rows = devices.transfers_visible_to(actor).order_by("-pk")
    # The sweep voids an offer a moment after its time; the page does not wait for it.
    is_open = {"state": TransferState.OFFERED, "expires_at__gt": now}
    open_rows = list(rows.filter(**is_open)[:SHOWN])
    past_rows = list(rows.exclude(**is_open)[:SHOWN])
    shown = {
        view.uid: view for view in devices.transfer_views([*open_rows, *past_rows], actor=actor)
    }
    uids = {view.device_uid for view in shown.values() if view.device_uid}
    named = _devices(actor, uids)

    def as_shown(uid: str, state: str) -> Handover:
        view = shown[uid]
        name, tenant_id = named.get(view.device_uid, ("", None))
        return Handover(
            uid=uid,
            state=state,
            is_given=view.direction == "given",
            device_uid=view.device_uid if view.device_uid in named else "",
            device_name=name or view.device_uid or "A device",
            giver=view.giver,
            receiver=view.receiver or "",
            who=view.offered_by or "",
            created_at=view.created_at,
            expires_at=view.expires_at,
            decided_at=view.decided_at,
            may_cancel=has_role(actor, tenant_id, "admin"),
        )

    return Handovers(
        open=[as_shown(row.uid, TransferState.OFFERED) for row in open_rows],
        past=[
            as_shown(
                row.uid,
                TransferState.EXPIRED if row.state == TransferState.OFFERED else str(row.state),
            )
            for row in past_rows
        ],
    )


def receivers(*, actor: Actor) -> list[Receiver]:
    """The tenants for which the viewer may take a device over, each with its sites."""
    if actor.user_id is None:
        return []
    sites = list(devices.sites_visible_to(actor))
    return [
        Receiver(
            uid=row.tenant.uid,
            name=row.tenant.name,
            sites=[(s.site_id, s.name) for s in sites if s.tenant_id == row.tenant_id],
            needs_site=not actor.may_see_site(row.tenant_id, None),
        )
        for row in accounts.memberships_of(actor.user_id)
        if has_role(actor, row.tenant_id, "admin")
    ]


def _devices(actor: Actor, uids: set[str]) -> dict[str, tuple[str, int | None]]:
    found = {}
    for rows in (devices.devices_visible_to(actor), devices.archive_visible_to(actor)):
        for device in rows.filter(uid__in=uids):
            found[device.uid] = (device.name or device.uid, device.tenant_id)
    return found
