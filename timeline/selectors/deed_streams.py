"""What was asked of a device, and what it was set to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from commands import selectors as commands
from devices.selectors.config import config_revisions_of
from timeline import definitions
from timeline.selectors.rows import Scope, Stream, key, within
from timeline.types import Entry, Link, Step, Window
from twins import selectors as twins
from twins.choices import Section

_TWIN: Final = frozenset({"twin"})
_PLACES_NAMED: Final = 3
_DOORS: Final = {
    "api": "the API",
    "page": "the console",
    "admin": "the administration",
    "command": "the command line",
}


def _commands(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = commands.commands_like(actor=scope.actor, device=scope.device.uid)
    return [
        _command(row, scope) for row in within(rows, "command", window, at="created_at", along="pk")
    ]


def _command(row: Any, scope: Scope) -> Entry:
    title = definitions.action(kind=row.kind, payload=row.payload, relay_names=scope.relay_names)
    last = row.cause[-1] if row.cause else {}
    link = Link(kind="command", id=str(row.uid), label=title)
    return Entry(
        key=key("command", row, row.created_at),
        source="commands",
        code=f"command_{row.state}",
        title=title,
        text=definitions.outcome(state=str(row.state), reason=row.reason, error=row.error or None),
        tone=definitions.STATE_TONES.get(str(row.state), "idle"),
        by=str(last.get("label", "")),
        via=door(last.get("via", "")),
        request_id=str(last.get("request_id", "")),
        links=(link,),
        chain=tuple(_chain(row, title, link, scope)),
        facts={
            "kind": row.kind,
            "state": str(row.state),
            "reason": row.reason,
            "finished_at": row.finished_at,
            "took_s": _took(row),
        },
    )


def _took(row: Any) -> float | None:
    if row.finished_at is None:
        return None
    seconds: float = (row.finished_at - row.created_at).total_seconds()
    return round(seconds, 3)


def _chain(row: Any, title: str, link: Link, scope: Scope) -> Sequence[Step]:
    """From whom it came over what was asked to what became of it."""
    causes = [Step(role="cause", text=_cause(cause)) for cause in row.cause]
    effects = [Step(role="effect", text=text) for text in _effects(row.result, scope)]
    return [*causes, Step(role="command", text=title, link=link), *effects]


def _cause(cause: Mapping[str, Any]) -> str:
    name = str(cause.get("label") or cause.get("id") or "Somebody")
    way = door(cause.get("via", ""))
    return f"{name}, over {way}" if way else name


def _effects(result: Any, scope: Scope) -> Sequence[str]:
    switched = result.get("relays") if isinstance(result, Mapping) else None
    if not isinstance(switched, list):
        return ()
    return [
        f"{scope.relay_names.get(index, f'Relay {index + 1}')} is {'on' if relay.get('is_on') else 'off'}"
        for relay in switched
        if isinstance(relay, Mapping) and isinstance(index := relay.get("relay_index"), int)
    ]


def door(via: object) -> str:
    """The way something came in, as people call it; nothing for the platform itself."""
    name = str(via or "")
    return "" if name in {"", "system", "socket"} else _DOORS.get(name, name)


def _twin(section: str, stream: str) -> Stream:
    def read(scope: Scope, window: Window) -> Sequence[Entry]:
        rows = twins.revisions_of(
            actor=scope.actor, device_uid=scope.device.uid, section=section
        ).order_by()
        return [
            _revision(row, section, stream, scope)
            for row in within(rows, stream, window, along="version")
        ]

    return Stream(name=stream, sources=_TWIN, read=read)


def _revision(row: Any, section: str, stream: str, scope: Scope) -> Entry:
    is_desired = section == Section.DESIRED
    what = "Desired" if is_desired else "Reported"
    restored = f"Version {row.restored} again. " if row.restored else ""
    last = row.cause[-1] if row.cause else {}
    return Entry(
        key=key(stream, row, row.at),
        source="twin",
        code=f"twin_{section}",
        title=f"{what} state, version {row.version}",
        text=restored + _places(row.changes),
        tone="busy" if is_desired else "idle",
        by=scope.named(row.by),
        via=door(last.get("via", "")),
        request_id=str(last.get("request_id", "")),
        links=(Link(kind="twin", id=str(row.version), label=f"version {row.version}"),)
        if is_desired
        else (),
        chain=tuple(Step(role="cause", text=_cause(cause)) for cause in row.cause[:-1]),
        facts={"version": row.version, "section": section, "changes": len(row.changes)},
    )


def _places(changes: Sequence[Mapping[str, Any]]) -> str:
    named = ", ".join(str(change["path"]).lstrip("/") for change in changes[:_PLACES_NAMED])
    more = len(changes) - _PLACES_NAMED
    if not named:
        return "Nothing changed in it."
    return f"Changed: {named} and {more} more." if more > 0 else f"Changed: {named}."


def _configs(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = config_revisions_of(scope.device, scope.actor).order_by()
    return [_config(row, scope) for row in within(rows, "config", window, along="version")]


def _config(row: Any, scope: Scope) -> Entry:
    last = row.cause[-1] if row.cause else {}
    return Entry(
        key=key("config", row, row.at),
        source="config",
        code="config",
        title=f"Configuration, version {row.version}",
        tone="busy",
        by=scope.named(row.by),
        via=door(last.get("via", "")),
        request_id=str(last.get("request_id", "")),
        links=(Link(kind="config", id=str(row.version), label=f"version {row.version}"),),
        chain=tuple(Step(role="cause", text=_cause(cause)) for cause in row.cause[:-1]),
        facts={"version": row.version},
    )


STREAMS: Final = (
    Stream(name="command", sources=frozenset({"commands"}), read=_commands),
    Stream(name="config", sources=frozenset({"config"}), read=_configs),
    _twin(Section.DESIRED, "desired"),
    _twin(Section.REPORTED, "reported"),
)
