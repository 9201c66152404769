"""When a device was there, what was agreed about its absence, and who was told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from devices.choices import ConnectionKind
from devices.selectors import happenings
from notifications import selectors as notifications
from timeline import definitions
from timeline.selectors.rows import Scope, Stream, key, within
from timeline.types import Entry, Link, Window

# A contact that ends so is nobody's trouble.
_CALM_ENDS: Final = frozenset({"server_restart", "superseded", "unpaired"})
_TOLD: Final = {
    "offline": "that it was offline",
    "online": "that it was back online",
    "flapping": "that it came and went",
    "flapping_ended": "that it was calm again",
    "drift": "that it was other than desired",
    "drift_ended": "that it was as desired again",
    "site_outage": "of an outage of its site",
    "site_outage_ended": "that the outage of its site was over",
}
_WITHDRAWN: Final = "It was over before anybody had to be told."


def _connections(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = happenings.connection_lines_of(device=scope.device, actor=scope.actor)
    return [_connection(row) for row in within(rows, "connection", window, along="contact")]


def _connection(row: Any) -> Entry:
    is_begin = row.kind == ConnectionKind.CONNECTED
    lasted = "" if row.duration_s is None else definitions.lasting(row.duration_s)
    title = (
        "Came online" if is_begin else f"Went offline after {lasted}" if lasted else "Went offline"
    )
    calm = "idle" if row.reason in _CALM_ENDS else "bad"
    return Entry(
        key=key("connection", row, row.at),
        source="connectivity",
        code="connected" if is_begin else "disconnected",
        title=title,
        text=definitions.connection_reason(row.reason, is_begin=is_begin),
        tone="good" if is_begin else calm,
        via=definitions.WIRES.get(row.wire, row.wire),
        facts={
            "reason": row.reason,
            "wire": row.wire,
            "address": row.address or None,
            "session_epoch": row.session_epoch,
            "duration_s": row.duration_s,
        },
    )


def _episodes(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = happenings.flap_episodes_of(device=scope.device, actor=scope.actor)
    return [_episode(row) for row in within(rows, "flapping", window, at="began_at")]


def _episode(row: Any) -> Entry:
    length = definitions.lasting((row.last_at - row.began_at).total_seconds())
    return Entry(
        key=key("flapping", row, row.began_at),
        source="connectivity",
        code="flapped",
        title="Came and went" if row.ended_at else "Comes and goes",
        text=f"{definitions.count_of(row.count, 'change')} in {length}, told as one.",
        tone="warn",
        facts={"count": row.count, "last_at": row.last_at, "ended_at": row.ended_at},
    )


def _outages(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = happenings.outages_around(device=scope.device, actor=scope.actor)
    site = scope.device.site
    return [
        Entry(
            key=key("outage", row, row.began_at),
            source="outages",
            code="site_outage",
            title=f"Outage of {site.name}",
            text=_outage_text(row),
            tone="bad" if row.ended_at is None else "warn",
            links=(Link(kind="site", id=site.site_id, label=site.name),),
            facts={"lost": row.lost, "total": row.total, "ended_at": row.ended_at},
        )
        for row in within(rows, "outage", window, at="began_at")
    ]


def _outage_text(row: Any) -> str:
    lost = f"{row.lost} of {row.total} devices were lost within a minute"
    if row.ended_at is None:
        return f"{lost}. It goes on."
    return (
        f"{lost}. It lasted {definitions.lasting((row.ended_at - row.began_at).total_seconds())}."
    )


def _maintenance(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = happenings.maintenance_around(device=scope.device, actor=scope.actor, now=scope.now)
    return [
        Entry(
            key=key("maintenance", row, row.starts_at),
            source="maintenance",
            code="maintenance",
            title="Maintenance began",
            text=f"{_concerned(row)} may be away {_until(row, scope)}."
            + (f" {row.reason}" if row.reason else ""),
            by=row.created_by,
            facts={"ends_at": row.ends_at, "uid": row.uid, "reason": row.reason},
        )
        for row in within(rows, "maintenance", window, at="starts_at")
    ]


def _concerned(row: Any) -> str:
    if row.device_id is not None:
        return "It"
    return "Its whole site" if row.site_id is not None else "Every device"


def _until(row: Any, scope: Scope) -> str:
    length = definitions.lasting((row.ends_at - row.starts_at).total_seconds())
    return f"for {length}" if row.ends_at > scope.now else f"was: for {length}"


def _notices(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = notifications.notices_about(actor=scope.actor, device_id=scope.device.pk)
    return [_notice(row) for row in within(rows, "notice", window, at="created_at")]


def _notice(row: Any) -> Entry:
    delivery = row.delivery
    state = str(delivery.state) if delivery is not None else str(row.state)
    title, text, tone = _told(row, state)
    return Entry(
        key=key("notice", row, row.created_at),
        source="notifications",
        code=f"notice_{state}",
        title=title,
        text=text,
        tone=tone,
        links=(Link(kind="channel", id=row.channel.uid, label=row.channel.name),),
        facts={
            "kind": str(row.kind),
            "state": state,
            "transport": str(row.channel.transport),
            "finished_at": None if delivery is None else delivery.finished_at,
        },
    )


def _told(row: Any, state: str) -> tuple[str, str, str]:
    what, channel = _TOLD.get(str(row.kind), f"of {row.kind}"), row.channel.name
    if state == "delivered":
        return f"{channel} was told", f"{what[0].upper()}{what[1:]}.", "good"
    if state in {"dead", "dropped"}:
        return (
            f"{channel} could not be told",
            f"{what[0].upper()}{what[1:]}. It was given up.",
            "bad",
        )
    if state == "withdrawn":
        return f"{channel} was not told", f"{what[0].upper()}{what[1:]}. {_WITHDRAWN}", "idle"
    if state == "folded":
        return f"{channel} is told with its site", f"{what[0].upper()}{what[1:]}.", "idle"
    return f"{channel} is to be told", f"{what[0].upper()}{what[1:]}.", "busy"


STREAMS: Final = (
    Stream(name="connection", sources=frozenset({"connectivity"}), read=_connections),
    Stream(name="flapping", sources=frozenset({"connectivity"}), read=_episodes),
    Stream(name="maintenance", sources=frozenset({"maintenance"}), read=_maintenance),
    Stream(name="notice", sources=frozenset({"notifications"}), read=_notices),
    Stream(name="outage", sources=frozenset({"outages"}), read=_outages),
)
