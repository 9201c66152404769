"""What the audit log has of a device: its lives, its keys, and every other change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.db.models import Q

from audit import selectors as audit
from timeline import definitions
from timeline.selectors.deed_streams import door
from timeline.selectors.rows import Scope, Stream, key, within
from timeline.types import Entry, Link, Window

_LIVES: Final = frozenset(
    {
        "devices.device.provisioned",
        "devices.device.registered",
        "devices.device.claimed",
        "devices.device.released",
        "devices.device.transferred",
        "devices.device.unpaired",
        "devices.device.erasure_requested",
        "devices.device.erased",
        "devices.device.claim_code_issued",
    }
)
_TRANSFERS: Final = "devices.transfer."
_KEYS: Final = "devices.credential."
_BROKER_KEYS: Final = "devices.broker_account."
# What another source tells itself; a relay that the device switched by itself is told here.
_TOLD_BY: Final[Mapping[str, Q]] = {
    "commands": Q(action="relays.relay.switched") & ~Q(actor_kind="device"),
    "twin": Q(action="twins.desired.changed"),
    "config": Q(action="devices.config.changed"),
}
_SHOWN: Final = 4
_LONGEST: Final = 60


def _entries(scope: Scope, window: Window) -> Sequence[Entry]:
    rows = audit.entries_visible_to(scope.actor).filter(
        _wanted(scope.sources), target_type="device", target_id=scope.device.uid
    )
    return [_entry(row, scope) for row in within(rows, "audit", window, along="pk")]


def _wanted(sources: frozenset[str]) -> Q:
    lives = Q(action__in=_LIVES) | Q(action__startswith=_TRANSFERS)
    keys = Q(action__startswith=_KEYS) | Q(action__startswith=_BROKER_KEYS)
    wanted = Q(pk__in=())
    if "lives" in sources:
        wanted |= lives
    if "keys" in sources:
        wanted |= keys
    if "audit" in sources:
        # Whoever asks for the log alone gets all of it.
        told = Q(pk__in=())
        for source, by_it in _TOLD_BY.items():
            if source in sources:
                told |= by_it
        others = ~(lives | keys) if len(sources) > 1 else Q()
        wanted |= others & ~told
    return wanted


def _entry(row: Any, scope: Scope) -> Entry:
    return Entry(
        key=key("audit", row, row.at),
        source=_source(row.action),
        code=row.action,
        title=_title(row, scope),
        text=_changes(row),
        tone=_tone(row.action),
        by=definitions.who(kind=row.actor_kind, label=scope.named(row.actor_label)),
        via=door(row.actor_via),
        request_id=row.request_id,
        links=(Link(kind="audit", id=str(row.seq), label=f"audit entry {row.seq}"),),
        facts={"action": row.action, "seq": row.seq, "before": row.before, "after": row.after},
    )


def _source(action: str) -> str:
    if action in _LIVES or action.startswith(_TRANSFERS):
        return "lives"
    return "keys" if action.startswith((_KEYS, _BROKER_KEYS)) else "audit"


def _tone(action: str) -> str:
    if action in {"devices.device.claimed", "devices.device.registered"}:
        return "good"
    ends = {"devices.device.unpaired", "devices.credential.revoked", "devices.device.erased"}
    return "warn" if action in ends else "idle"


def _title(row: Any, scope: Scope) -> str:
    after = row.after if isinstance(row.after, Mapping) else {}
    switched = after.get("relays")
    if row.action == "relays.relay.switched" and isinstance(switched, Mapping) and switched:
        told = [
            f"{_relay(index, scope)} {'on' if is_on else 'off'}"
            for index, is_on in sorted(switched.items())
        ]
        return f"Switched: {', '.join(told)}"
    return definitions.audit_action(row.action)


def _relay(index: str, scope: Scope) -> str:
    number = int(index) if index.isdigit() else 0
    return scope.relay_names.get(number, f"Relay {number + 1}")


def _changes(row: Any) -> str:
    """What became of what, where that is short enough to be read in a line."""
    if row.action in _SENTENCES:
        return _SENTENCES[row.action](row)
    before = row.before if isinstance(row.before, Mapping) else {}
    after = row.after if isinstance(row.after, Mapping) else {}
    changed = [name for name in after if after[name] != before.get(name)]
    parts = [
        f"{definitions.plain(name)}: {_short(before.get(name))} → {_short(after[name])}"
        if before.get(name) not in (None, "", [], {})
        else f"{definitions.plain(name)}: {_short(after[name])}"
        for name in changed[:_SHOWN]
        if _is_telling(after[name]) or _is_telling(before.get(name))
    ]
    more = len(changed) - _SHOWN
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def _by_itself(row: Any) -> str:
    if row.actor_kind != "device":
        return ""
    before = row.before.get("relays") if isinstance(row.before, Mapping) else None
    is_first = isinstance(before, Mapping) and not any(
        known is not None for known in before.values()
    )
    return "Its first report." if is_first else "The device did it by itself."


def _rotation(row: Any) -> str:
    after = row.after if isinstance(row.after, Mapping) else {}
    if after.get("revoke_old") == "now":
        return "The old one ended at once."
    grace = after.get("grace_seconds")
    length = definitions.lasting(grace) if isinstance(grace, int) and grace else ""
    until = f"for {length} after it" if length else "until then"
    return f"It waits for its first use; the old one is good {until}."


def _promotion(row: Any) -> str:
    after = row.after if isinstance(row.after, Mapping) else {}
    return (
        "The old one is good for a while."
        if after.get("old_key_retires_at")
        else "The old one ended."
    )


def _hardware(row: Any) -> str:
    after = row.after if isinstance(row.after, Mapping) else {}
    return f"Hardware {_short(after['hardware_id'])}." if after.get("hardware_id") else ""


def _is_telling(value: Any) -> bool:
    return value not in (None, "", [], {})


def _short(value: Any) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_SENTENCES: Final[Mapping[str, Callable[[Any], str]]] = {
    "relays.relay.switched": _by_itself,
    "devices.credential.rotation_started": _rotation,
    "devices.credential.promoted": _promotion,
    "devices.device.provisioned": _hardware,
}
STREAMS: Final = (
    Stream(name="audit", sources=frozenset({"audit", "lives", "keys"}), read=_entries),
)
