"""One page of everything that happened to a device."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from devices import selectors as devices
from kernel import errors
from kernel.actors import Actor
from timeline import merging
from timeline.selectors import contact_streams, deed_streams, record_streams, sensor_streams
from timeline.selectors.rows import Scope, Stream
from timeline.types import Page, Window

_STREAMS: Final[tuple[Stream, ...]] = (
    *contact_streams.STREAMS,
    *deed_streams.STREAMS,
    *record_streams.STREAMS,
    *sensor_streams.STREAMS,
)
# What a reader may ask for, in the order in which it is offered.
SOURCES: Final = (
    "connectivity",
    "commands",
    "twin",
    "config",
    "lives",
    "keys",
    "sensors",
    "notifications",
    "outages",
    "maintenance",
    "audit",
)
LONGEST_PAGE: Final = 200


def timeline_of(
    *,
    actor: Actor,
    device_uid: str,
    sources: Collection[str] = (),
    before: str = "",
    after: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    now: datetime,
) -> tuple[Any, Page]:
    """What happened to a device the actor may see, newest first, and the device.

    Without `sources` it tells of all, and of nothing twice: what a command, a twin or a
    configuration tells is left out of the audit log's part. `before` and `after` are cursors of
    entries. Raises NotFound, and ValidationFailed for what cannot be asked.
    """
    device = devices.device_by_uid(actor=actor, uid=device_uid, include_archived=True)
    wanted = _wanted(sources)
    window = _window(before=before, after=after, since=since, until=until, limit=limit)
    return device, _read(device, actor, wanted, window, now)


def newest_of(*, actor: Actor, device: Any, limit: int, now: datetime) -> Page:
    """The last things that happened to a device the caller has found within the actor's scope."""
    return _read(device, actor, frozenset(SOURCES), Window(limit=limit), now)


def _read(device: Any, actor: Actor, wanted: frozenset[str], window: Window, now: datetime) -> Page:
    names = {index: f"Relay {index + 1}" for index in range(device.relay_count)}
    names |= {int(index): name for index, name in device.relay_names.items() if index.isdigit()}
    scope = Scope(actor=actor, device=device, now=now, sources=wanted, relay_names=names)
    found = [stream.read(scope, window) for stream in _STREAMS if stream.sources & wanted]
    return merging.joined(found, window)


def _wanted(sources: Collection[str]) -> frozenset[str]:
    unknown = sorted(set(sources) - set(SOURCES))
    if unknown:
        known = ", ".join(SOURCES)
        raise errors.ValidationFailed(
            details={"source": [f"There is no source {unknown[0][:40]}. There are {known}."]}
        )
    return frozenset(sources) or frozenset(SOURCES)


def _window(
    *,
    before: str,
    after: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> Window:
    if before and after:
        raise errors.ValidationFailed(details={"after": ["Ask for one direction at a time."]})
    if not 1 <= limit <= LONGEST_PAGE:
        raise errors.ValidationFailed(details={"limit": [f"Between 1 and {LONGEST_PAGE}."]})
    name = "after" if after else "before"
    cursor = after or before
    try:
        streams = [stream.name for stream in _STREAMS]
        edge = merging.key_of(cursor, streams=streams) if cursor else None
    except merging.NotACursor:
        raise errors.ValidationFailed(details={name: ["This cursor is not ours."]}) from None
    return Window(limit=limit, edge=edge, is_newer=bool(after), since=since, until=until)
