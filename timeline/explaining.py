"""Gathers what is known of a device, for whoever asks why it is as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from accounts.permissions import has_role
from commands import selectors as commands
from devices import selectors as devices
from devices.choices import ConnectionKind, LifeEnd, Sync
from devices.selectors import happenings
from devices.selectors.broker_accounts import broker_account_of
from devices.selectors.config import config_of
from kernel.actors import Actor
from telemetry import selectors as telemetry
from timeline import definitions, explanation
from timeline.explanation_facts import Asked, Contact, Ending, Facts, Keys, Maintenance, Place, Wish
from timeline.types import Answer
from twins import selectors as twins
from twins.types import TwinView

_ASKED_SHOWN = 5
_ALIKE = "unchanged"
_BROKER_IS_TOLD = timedelta(minutes=1)
_ENDS = {
    LifeEnd.UNPAIRED: "It was unpaired",
    LifeEnd.RELEASED: "It was released for a new owner",
    LifeEnd.TRANSFERRED: "It was handed over to another owner",
    LifeEnd.SITE_REMOVED: "Its site was removed, and it went with it",
    LifeEnd.ACCOUNT_ERASED: "The account of its owner was erased",
}


def explain_device(
    *, actor: Actor, device_uid: str, now: datetime
) -> tuple[Any, tuple[Answer, ...]]:
    """Why a device the actor may see is there or not, in sync or not, and to be switched or not.

    Raises NotFound.
    """
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    return device, explain_found(device=device, actor=actor, now=now)


def explain_found(*, device: Any, actor: Actor, now: datetime) -> tuple[Answer, ...]:
    """The same answers about a device that the caller has found within the actor's scope."""
    return explanation.explain(_facts(device, actor, now))


def _facts(device: Any, actor: Actor, now: datetime) -> Facts:
    presence = device.presence
    twin = twins.twin_of(actor=actor, device_uid=device.uid)
    keys = devices.key_facts(device)
    names = {index: f"Relay {index + 1}" for index in range(device.relay_count)}
    names |= {int(index): name for index, name in device.relay_names.items() if index.isdigit()}
    return Facts(
        now=now,
        connectivity=devices.connectivity(device, now),
        sync=str(twin.sync),
        may_operate=has_role(actor, device.tenant_id, "operator"),
        role=actor.role_in(device.tenant_id) or "",
        since=presence.changed_at,
        last_seen_at=presence.last_seen_at,
        offline_after_s=presence.offline_after_s or settings.OFFLINE_AFTER_SECONDS,
        is_flapping=presence.is_flapping,
        ending=_ending(device),
        contact=_contact(device, actor),
        place=_place(device, actor),
        maintenance=_maintenance(device, actor, now),
        keys=Keys(
            state=str(keys.state),
            rotation_started_at=keys.rotation_started_at,
            old_key_retires_at=keys.old_key_retires_at,
        ),
        broker_trouble=_broker(device, now),
        clock=_clock(device),
        twin=_twin_wish(twin),
        config=_config_wish(device, actor),
        differing=_differing(device, actor, now) if twin.sync == Sync.DRIFT else (),
        has_relays=device.relay_count > 0,
        asked=_asked(device, actor, names),
    )


def _ending(device: Any) -> Ending | None:
    if device.is_active:
        return None
    text = _ENDS.get(device.end_reason, "Its life ended")
    return Ending(at=device.unpaired_at, by=device.unpaired_by, text=text)


def _contact(device: Any, actor: Actor) -> Contact | None:
    newest = happenings.last_line_of(device=device, actor=actor)
    if newest is None:
        return None
    wire = definitions.WIRES.get(newest.wire, newest.wire)
    is_begin = newest.kind == ConnectionKind.CONNECTED
    said = definitions.connection_reason(newest.reason, is_begin=is_begin)
    if is_begin:
        return Contact(wire=wire, began=said)
    return Contact(wire=wire, end_code=newest.reason, ended=said)


def _place(device: Any, actor: Actor) -> Place | None:
    if device.site is None or not device.is_active:
        return None
    neighbours = devices.devices_visible_to(actor).filter(
        site_id=device.site_id, is_simulated=device.is_simulated
    )
    count = neighbours.order_by().aggregate(
        total=Count("pk"), online=Count("pk", filter=Q(presence__is_online=True))
    )
    outage = next(
        (
            found
            for found in devices.site_outages_of(site_pk=device.site_id, actor=actor, limit=1)
            if found.ended_at is None
        ),
        None,
    )
    return Place(
        site_id=device.site.site_id,
        name=device.site.name,
        total=count["total"],
        online=count["online"],
        outage_since=None if outage is None else outage.began_at,
        outage_lost=0 if outage is None else outage.lost,
    )


def _maintenance(device: Any, actor: Actor, now: datetime) -> Maintenance | None:
    windows = happenings.maintenance_around(device=device, actor=actor, now=now)
    current: Any = windows.filter(ends_at__gt=now).order_by("-ends_at").first()
    if current is None or not device.is_active:
        return None
    return Maintenance(until=current.ends_at, reason=current.reason)


def _broker(device: Any, now: datetime) -> str:
    account = broker_account_of(device)
    if account is None or account.removed_at is not None:
        return ""
    if account.revoked_at is not None:
        is_late = account.revoked_at < now - _BROKER_IS_TOLD
        return definitions.BROKER_STILL_THERE if is_late else ""
    return "" if account.lost_at is None else definitions.BROKER_LOST


def _clock(device: Any) -> str:
    snapshot = telemetry.latest_metrics([device.pk]).get(device.pk)
    clock = snapshot.clock if snapshot else None
    if clock is None or not clock.is_wrong:
        return ""
    side = "ahead" if clock.skew_s > 0 else "behind"
    return f"{definitions.lasting(abs(clock.skew_s))} {side}"


def _differing(device: Any, actor: Actor, now: datetime) -> Sequence[str]:
    delta = twins.delta_of(actor=actor, device_uid=device.uid, now=now)
    return tuple(entry.path for entry in delta.entries if entry.verdict.value != _ALIKE)


def _twin_wish(view: TwinView) -> Wish:
    return Wish(
        version=view.desired_version,
        applied=view.applied_version or 0,
        at=view.desired_at,
        by=view.desired_by,
        since=view.drift_since,
    )


def _config_wish(device: Any, actor: Actor) -> Wish:
    view = config_of(device, actor)
    return Wish(
        version=view.version,
        applied=view.applied_version,
        at=view.changed_at,
        by=view.changed_by,
        since=view.drift_since,
        refused=view.refused_version is not None and view.refused_version == view.version,
        error=view.error,
    )


def _asked(device: Any, actor: Actor, names: dict[int, str]) -> Sequence[Asked]:
    if not device.is_active:
        return ()
    found = commands.commands_like(actor=actor, device=device.uid, is_open=True)
    return tuple(
        Asked(
            id=str(row.uid),
            title=definitions.action(kind=row.kind, payload=row.payload, relay_names=names),
            state=str(row.state),
            at=row.created_at,
        )
        for row in found.order_by("-pk")[:_ASKED_SHOWN]
    )
