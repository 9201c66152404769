"""What happened at home, newest first: switches, connections, and what people changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from audit import selectors as audit
from commands import selectors as commands
from devices import selectors as devices
from devices.choices import ConnectionKind
from kernel.actors import Actor
from ops.selectors import action_of

PAGE: Final = 40
# Of how many devices the comings and goings are told; who has more has the console.
_FOLLOWED: Final = 48
_ENDED: Final = frozenset({"succeeded", "failed", "rejected", "expired", "cancelled", "superseded"})
_DEEDS: Final = {
    "devices.device.claimed": ("plus", "{name} was added"),
    "devices.device.unpaired": ("archive", "{name} was unpaired"),
    "devices.device.released": ("release", "{name} was released for a new owner"),
    "devices.device.transferred": ("transfer", "{name} was handed over"),
    "devices.device.updated": ("pencil", "{name}: settings changed"),
    "accounts.membership.added": ("people", "Somebody joined the family"),
    "accounts.membership.removed": ("people", "Somebody left the family"),
    "accounts.invitation.created": ("mail", "An invitation was made"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One thing that happened; `detail` says what became of it, where that is worth a word."""

    at: datetime
    icon: str
    tone: str
    text: str
    detail: str
    device_uid: str
    device_name: str
    who: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some entries, newest first; what is older begins before `older`."""

    entries: Sequence[Entry]
    older: datetime | None


def diary(*, actor: Actor, now: datetime, until: datetime | None = None) -> Page:
    """What happened at the viewer's devices before a time."""
    visible = list(devices.devices_visible_to(actor).order_by("name", "pk")[:_FOLLOWED])
    gone = list(devices.archive_visible_to(actor).order_by("-unpaired_at")[:_FOLLOWED])
    return _page(visible, gone, actor=actor, until=until or now + timedelta(seconds=1), whole=True)


def diary_of(*, device: Any, actor: Actor, now: datetime) -> Page:
    """What happened at one device that the viewer was found to see."""
    return _page([device], [], actor=actor, until=now + timedelta(seconds=1), whole=False)


def _page(
    living: Sequence[Any], gone: Sequence[Any], *, actor: Actor, until: datetime, whole: bool
) -> Page:
    known = {device.pk: device for device in [*gone, *living]}
    found = [
        *_switches(known, actor, until, whole),
        *_connections(known, [device.pk for device in living], actor, until),
        *_deeds(known, actor, until, whole),
    ]
    found.sort(key=lambda entry: entry.at, reverse=True)
    shown = found[:PAGE]
    # What happened at one moment stays on one page: the next begins strictly before it.
    shown += [entry for entry in found[PAGE:] if entry.at == shown[-1].at]
    return Page(entries=shown, older=shown[-1].at if len(found) > len(shown) else None)


def _switches(known: Mapping[int, Any], actor: Actor, until: datetime, whole: bool) -> list[Entry]:
    rows = commands.commands_visible_to(actor).filter(created_at__lt=until)
    if not whole:
        rows = rows.filter(device_id__in=list(known))
    entries = []
    # By key, which has an index; the page is put in the order of the times.
    for row in rows.order_by("-pk")[: PAGE + 1]:
        device = known.get(row.device_id, row.device)
        names = _relay_names(device)
        action = action_of(commands.view_of(row, device.uid), relay_names=names)
        has_failed = action.state in _ENDED and action.state != "succeeded"
        entries.append(
            Entry(
                at=row.created_at,
                icon="power" if row.kind in {"set_relay", "set_all_relays"} else "terminal",
                tone="bad" if has_failed else "good" if action.state == "succeeded" else "busy",
                text=action.text,
                detail="" if action.state == "succeeded" else action.outcome,
                device_uid=device.uid,
                device_name=_name(device),
                who=action.who,
            )
        )
    return entries


def _connections(
    known: Mapping[int, Any], living: Sequence[int], actor: Actor, until: datetime
) -> list[Entry]:
    lines = devices.comings_and_goings(actor=actor, device_ids=living, until=until, limit=PAGE + 1)
    return [
        Entry(
            at=line.at,
            icon="link" if line.kind == ConnectionKind.CONNECTED else "link-off",
            tone="good" if line.kind == ConnectionKind.CONNECTED else "warn",
            text="Came online" if line.kind == ConnectionKind.CONNECTED else "Went offline",
            detail="",
            device_uid=known[line.device_id].uid,
            device_name=_name(known[line.device_id]),
            who="",
        )
        for line in lines
    ]


def _deeds(known: Mapping[int, Any], actor: Actor, until: datetime, whole: bool) -> list[Entry]:
    names = {device.uid: _name(device) for device in known.values()}
    before = audit.entries_visible_to(actor).filter(at__lt=until)
    rows = before.filter(action__in=list(_DEEDS))
    if whole:
        # No index leads to actions: so many entries are looked through, however long the log is.
        newest = before.order_by("-pk").values_list("pk", flat=True)
        rows = rows.filter(pk__in=newest[: audit.WINDOW])
    else:
        rows = rows.filter(target_type="device", target_id__in=list(names))
    return [_deed(row, names) for row in rows.order_by("-pk")[: PAGE + 1]]


def _deed(row: Any, names: Mapping[str, str]) -> Entry:
    icon, sentence = _DEEDS[row.action]
    is_device = row.target_type == "device"
    name = names.get(row.target_id, "A device") if is_device else ""
    return Entry(
        at=row.at,
        icon=icon,
        tone="idle",
        text=sentence.format(name=name),
        detail="",
        device_uid=row.target_id if is_device and row.target_id in names else "",
        device_name="",
        who=row.actor_label if row.actor_kind == "user" else "",
    )


def _relay_names(device: Any) -> dict[int, str]:
    """The relays as their tiles call them."""
    numbered = {index: f"Relay {index + 1}" for index in range(device.relay_count)}
    return numbered | {int(index): name for index, name in device.relay_names.items() if name}


def _name(device: Any) -> str:
    return str(device.name or device.device_id or device.uid)
