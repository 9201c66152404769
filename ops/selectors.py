"""Read models of the console: what a page shows, gathered from the apps below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q

from accounts import selectors as accounts
from accounts.permissions import has_role
from commands import selectors as commands
from devices import selectors as devices
from kernel import errors, live
from kernel.actors import Actor
from ops import connectivity, histories, lifecycle, meters, sensors, wording
from ops.sensors import SensorCard as SensorCard
from relays import selectors as relays
from telemetry import selectors as telemetry
from twins import selectors as twins

if TYPE_CHECKING:
    from commands.types import CommandView
    from relays.types import RelayView
    from telemetry.types import Clock, Snapshot

QUICK_RELAYS = 4
RECENT = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceCard:
    """One device as the list and the page header show it."""

    uid: str
    name: str
    hardware_id: str
    epoch: int
    device_class: str
    device_type: str
    model: str
    firmware_version: str
    tags: Sequence[str]
    pairing: str
    connectivity: str
    is_simulated: bool
    last_seen_at: datetime | None
    created_at: datetime
    claimed_at: datetime | None
    relays: Sequence[RelayView]
    reading: meters.Reading | None
    clock: Clock | None = None
    device_id: str = ""
    site: str = ""
    site_id: str = ""
    tenant_uid: str = ""
    may_switch: bool = True
    sync: str = "unknown"
    drift_since: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    end_reason: str = ""

    @property
    def is_archived(self) -> bool:
        """Whether its life has ended: everything can be read, nothing changes."""
        return self.pairing == "unpaired"

    @property
    def quick_relays(self) -> Sequence[RelayView]:
        """The relays a row has room for: all of a small board, none of a large one."""
        return self.relays if len(self.relays) <= QUICK_RELAYS else ()

    @property
    def relays_on(self) -> int:
        """How many relays are confirmed on."""
        return sum(1 for relay in self.relays if relay.is_on)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How many devices there are, by connectivity."""

    total: int = 0
    online: int = 0
    never_connected: int = 0

    @property
    def offline(self) -> int:
        """Those that were connected once and are gone."""
        return self.total - self.online - self.never_connected


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many devices the viewer has: the real ones are the figures that count.

    `shown` is what the choice of the list leaves: both together, or one of them. `drifting` of all
    of them are other than desired.
    """

    real: Tally
    simulated: Tally
    shown: Tally
    drifting: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.real.total + self.simulated.total


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """A command as the list of last actions shows it."""

    uid: str
    text: str
    state: str
    outcome: str
    who: str
    via: str
    at: datetime
    took: timedelta | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSheet:
    """Everything the page of one device shows."""

    card: DeviceCard
    actions: Sequence[Action]
    recent: Sequence[CommandView]
    standing: lifecycle.Standing
    record: connectivity.Record
    history: Mapping[str, histories.Trace]
    sensors: Sequence[sensors.SensorCard] = ()
    attributes: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedDevice:
    """A device and where it is in its life, for the pages that change that."""

    card: DeviceCard
    standing: lifecycle.Standing


def tenant_choices(*, actor: Actor) -> list[tuple[str, str]]:
    """Uid and name of the tenants the viewer may take devices in for, where they must say which.

    Empty for who acts in one tenant only: there is nothing to choose.
    """
    if len(actor.roles) < 2 or actor.user_id is None:
        return []
    return [
        (membership.tenant.uid, membership.tenant.name)
        for membership in accounts.memberships_of(actor.user_id)
        if has_role(actor, membership.tenant_id, "admin")
        and actor.may_see_site(membership.tenant_id, None)
    ]


def has_more_than(number: int, *, actor: Actor) -> bool:
    """Whether the viewer has more devices than that; no more of them are looked at."""
    rows = devices.devices_visible_to(actor).select_related(None).order_by()
    return bool(rows.values("pk")[: number + 1].count() > number)


def counts(*, actor: Actor, simulated: str = "") -> Counts:
    """The viewer's devices in numbers, in two queries; `simulated` is the choice of the list."""
    rows = devices.devices_visible_to(actor).order_by().values_list("is_simulated")
    found = {
        is_simulated: Tally(total=total, online=online, never_connected=never)
        for is_simulated, total, online, never in rows.annotate(
            total=Count("pk"),
            online=Count("pk", filter=Q(presence__is_online=True)),
            never=Count("pk", filter=Q(presence__last_seen_at__isnull=True)),
        )
    }
    real, played = found.get(False, Tally()), found.get(True, Tally())
    both = Tally(
        total=real.total + played.total,
        online=real.online + played.online,
        never_connected=real.never_connected + played.never_connected,
    )
    shown = {"hide": real, "only": played}.get(simulated, both)
    drifting = twins.drift_count(actor)
    return Counts(real=real, simulated=played, shown=shown, drifting=drifting)


def device_sheet(*, actor: Actor, uid: str, now: datetime) -> DeviceSheet:
    """One device of the viewer; raises NotFound for a foreign one as for a missing one."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    card = device_card(device, now=now)
    names = {relay.relay_index: relay.name for relay in card.relays}
    said = telemetry.sensors_of(actor=actor, device_uid=device.uid)
    recent = commands.recent_commands(actor=actor, device=device, limit=RECENT)
    return DeviceSheet(
        card=card,
        actions=[action_of(command, relay_names=names) for command in recent],
        recent=recent,
        standing=lifecycle.standing_of(actor=actor, device=device),
        record=connectivity.record_of(actor=actor, device=device, now=now),
        history=histories.traces(actor=actor, device_uid=device.uid, reading=card.reading, now=now),
        sensors=sensors.cards(said.sensors),
        attributes=[(attribute.name, attribute.value) for attribute in said.attributes],
    )


def device_log(
    *, actor: Actor, uid: str, now: datetime
) -> tuple[DeviceCard, Sequence[connectivity.Line]]:
    """One device of the viewer, and the log of its connections. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    return device_card(device, now=now), connectivity.log_of(actor=actor, device=device)


def managed_device(*, actor: Actor, uid: str, now: datetime) -> ManagedDevice:
    """A device that the viewer manages, with its archived lives.

    Raises NotFound for a foreign one as for none, PermissionDenied below admin.
    """
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    standing = lifecycle.standing_of(actor=actor, device=device)
    if not standing.rights.may_manage:
        raise errors.PermissionDenied("This needs the role admin or more.")
    return ManagedDevice(card=device_card(device, now=now), standing=standing)


def device_card(device: Any, *, now: datetime) -> DeviceCard:
    """One device that the viewer was found to see."""
    (card,) = device_cards([device], now=now)
    return card


def sensor_cards(states: Sequence[sensors.State]) -> list[SensorCard]:
    """Sensors in words, those that call for somebody first."""
    return sensors.cards(states)


def streams(*, actor: Actor) -> dict[str, int]:
    """Where each of the viewer's live streams is, by tenant uid.

    Read this before the page's data: what happens in between is then told again, never missed.
    """
    if actor.user_id is None:
        return {}
    tenants = {row.tenant_id: row.tenant.uid for row in accounts.memberships_of(actor.user_id)}
    return {tenants[pk]: seq for pk, seq in live.last_seqs(tenants).items()}


def device_cards(rows: Sequence[Any], *, now: datetime) -> list[DeviceCard]:
    """Devices that the viewer was found to see, in three queries for all of them."""
    states = relays.relay_states({device.pk: device.relay_names for device in rows})
    snapshots = telemetry.latest_metrics([device.pk for device in rows])
    return [
        _card(device, states.get(device.pk, ()), snapshots.get(device.pk), now) for device in rows
    ]


def _card(
    device: Any, states: Sequence[RelayView], snapshot: Snapshot | None, now: datetime
) -> DeviceCard:
    sync = devices.sync_facts(device)
    return DeviceCard(
        uid=device.uid,
        name=device.name or device.device_id or device.uid,
        hardware_id=device.hardware_id,
        epoch=device.epoch,
        device_class=device.device_class,
        device_type=device.device_type,
        model=device.model,
        firmware_version=device.firmware_version,
        tags=tuple(device.tags),
        pairing=device.pairing,
        connectivity=devices.connectivity(device, now),
        is_simulated=device.is_simulated,
        last_seen_at=device.presence.last_seen_at,
        created_at=device.created_at,
        claimed_at=device.claimed_at,
        relays=states,
        reading=meters.reading(metrics=snapshot.metrics, at=snapshot.at) if snapshot else None,
        clock=snapshot.clock if snapshot else None,
        device_id=device.device_id,
        site=device.site.name if device.site else "",
        site_id=device.site.site_id if device.site else "",
        tenant_uid=device.tenant.uid if device.tenant else "",
        sync=sync.state,
        drift_since=sync.drift_since,
        ended_at=device.unpaired_at,
        ended_by=device.unpaired_by,
        end_reason=str(device.end_reason),
    )


def action_of(command: CommandView, *, relay_names: dict[int, str]) -> Action:
    """A command as a list of actions shows it."""
    nearest = command.cause[0] if command.cause else {}
    return Action(
        uid=command.id,
        text=wording.action(kind=command.kind, payload=command.payload, relay_names=relay_names),
        state=command.state,
        outcome=wording.outcome(state=command.state, reason=command.reason, error=command.error),
        who=nearest.get("label", ""),
        via=nearest.get("via", ""),
        at=command.created_at,
        took=command.finished_at - command.created_at if command.finished_at else None,
    )
