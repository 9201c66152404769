"""Read models of the audit log: entries in words, what changed in each, and whether chains hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.urls import reverse

from accounts import selectors as accounts
from accounts.permissions import has_role
from accounts.types import Authenticated
from audit import selectors
from audit.types import Wanted
from devices import selectors as devices
from kernel.actors import Actor
from ops import wording

PAGE_SIZE: Final = 50
PLATFORM: Final = "platform"
_MOST_CHANGES: Final = 200
_MOST_TEXT: Final = 400
# Where what an entry is about has a page of its own.
_PAGES: Final = {
    "device": "ops:device",
    "command": "ops:command",
    "command_batch": "ops:batch",
    "group": "ops:group",
    "notification_channel": "ops:notification",
    "enrolment": "ops:enrolment",
    "site": "ops:site",
}
AREAS: Final = (
    "accounts.", "audit.", "commands.", "devices.", "exports.", "groups.", "infrared.",
    "notifications.", "platform.", "relays.", "telemetry.", "twins.",
)  # fmt: skip
_DOORS: Final = {
    "api": "API",
    "page": "Console",
    "socket": "Device link",
    "admin": "Administration",
    "command": "Command line",
    "system": "System",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One place that an entry tells of: what stood there before, and what stands there since."""

    place: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One entry as the stream shows it."""

    key: str
    address: str
    at: datetime
    title: str
    action: str
    area: str
    who: str
    who_id: str
    who_kind: str
    door: str
    source_address: str
    target_type: str
    target_id: str
    target_name: str
    target_page: str
    request_id: str
    chain: str
    seq: int
    entry_hash: str
    previous_hash: str
    changes: Sequence[Change]
    is_cut: bool
    cause: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainSheet:
    """What is known of one chain; `owner` names whose it is."""

    key: str
    owner: str
    state: str
    verified_to: int
    last_seq: int
    checked_at: datetime | None
    whole_at: datetime | None
    broken_at: datetime | None
    bad_seq: int | None
    problem: str
    is_running: bool
    reached: int
    may_ask: bool

    @property
    def is_broken(self) -> bool:
        """Whether an entry was found that does not hold."""
        return self.state == "broken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """A page of the stream."""

    lines: Sequence[Line]
    after: int | None
    looked_back_to: datetime | None


class Names:
    """How the chains that a viewer may read are called: keys in addresses, and names."""

    def __init__(self, found: Authenticated) -> None:
        rows = accounts.memberships_of(found.user.pk)
        self._names = {row.tenant_id: row.tenant.name for row in rows}
        self._uids = {row.tenant_id: row.tenant.uid for row in rows}
        self._numbers = {uid: number for number, uid in self._uids.items()}

    def key(self, chain_id: int) -> str:
        """The chain in addresses: a tenant's uid, or `platform`."""
        return PLATFORM if chain_id == selectors.PLATFORM_CHAIN else self._uids.get(chain_id, "")

    def name(self, chain_id: int) -> str:
        """Whose chain it is."""
        return (
            "The installation"
            if chain_id == selectors.PLATFORM_CHAIN
            else self._names.get(chain_id, "")
        )

    def number(self, key: str) -> int:
        """The chain of a key; of one that is none of the viewer's, a chain that cannot be."""
        return selectors.PLATFORM_CHAIN if key == PLATFORM else self._numbers.get(key, -1)


def stream(*, actor: Actor, found: Authenticated, wanted: Wanted, after: int | None) -> Stream:
    """The newest wanted entries that the viewer may see."""
    page = selectors.entry_page(actor=actor, wanted=wanted, after=after, size=PAGE_SIZE)
    names = Names(found)
    called = _called(actor, page.entries)
    return Stream(
        lines=[_line(entry, names, called) for entry in page.entries],
        after=page.after,
        looked_back_to=page.looked_back_to,
    )


def entry(*, actor: Actor, found: Authenticated, key: str, seq: int) -> Line:
    """One entry. Raises NotFound."""
    names = Names(found)
    chain_id = names.number(key)
    row = selectors.entry_at(actor=actor, chain_id=chain_id, seq=seq)
    return _line(row, names, _called(actor, [row]))


def chains(*, actor: Actor, found: Authenticated) -> list[ChainSheet]:
    """What is known of the chains that the viewer may read whole, the broken ones first."""
    names = Names(found)
    known = {row.chain_id: row for row in selectors.verifications_visible_to(actor)}
    last = selectors.last_seqs(actor=actor)
    sheets = [
        _sheet(chain_id, known.get(chain_id), last.get(chain_id, 0), names, actor)
        for chain_id in selectors.whole_chains_of(actor)
    ]
    return sorted(sheets, key=lambda sheet: not sheet.is_broken)


def changes_of(before: Any, after: Any) -> list[Change]:
    """Each place that differs between two documents, in order of the places."""
    was, now = dict(_places(before)), dict(_places(after))
    return [
        Change(place=place, before=was.get(place), after=now.get(place))
        for place in sorted(was.keys() | now.keys())
        if was.get(place) != now.get(place)
    ]


def title_of(action: str) -> str:
    """An action as people say it: `devices.device.unpaired` is `Device unpaired`."""
    words = [wording.plain(word) for word in action.split(".")]
    return " ".join(words[-2:]).capitalize()


def _places(document: Any, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(document, dict) and document:
        for name, value in document.items():
            yield from _places(value, f"{at}.{name}" if at else str(name))
    elif document is not None or at:
        text = json.dumps(document, ensure_ascii=False)
        yield at, text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"


def _called(actor: Actor, rows: Sequence[Any]) -> dict[str, str]:
    """What the devices are called that entries are about, or that made them, by uid."""
    uids = {row.target_id for row in rows if row.target_type == "device"}
    uids |= {row.actor_id for row in rows if row.actor_kind == "device"}
    called: dict[str, str] = {}
    for lives in (devices.devices_visible_to(actor), devices.archive_visible_to(actor)):
        found = lives.filter(uid__in=uids - called.keys()).select_related(None)
        for uid, name, device_id in found.values_list("uid", "name", "device_id"):
            called[uid] = name or device_id
    return {uid: name for uid, name in called.items() if name}


def _line(row: Any, names: Names, called: Mapping[str, str]) -> Line:
    key = names.key(row.chain_id)
    changed = changes_of(row.before, row.after)
    return Line(
        key=f"{key}-{row.seq}",
        address=reverse("ops:audit-entry", args=[key, row.seq]) if key else "",
        at=row.at,
        title=title_of(row.action),
        action=row.action,
        area=row.action.partition(".")[0] + ".",
        who=called.get(row.actor_id, "") or row.actor_label or row.actor_id,
        who_id=row.actor_id,
        who_kind=row.actor_kind,
        door=_DOORS.get(row.actor_via, row.actor_via),
        source_address=row.actor_address,
        target_type=row.target_type,
        target_id=row.target_id,
        target_name=called.get(row.target_id, ""),
        target_page=_page_of(row),
        request_id=row.request_id,
        chain=names.name(row.chain_id),
        seq=row.seq,
        entry_hash=row.entry_hash,
        previous_hash=row.previous_hash,
        changes=changed[:_MOST_CHANGES],
        is_cut=len(changed) > _MOST_CHANGES,
        cause=[link for link in row.cause or () if isinstance(link, dict)],
    )


def _page_of(row: Any) -> str:
    page = _PAGES.get(row.target_type)
    if page is None or not row.target_id or "/" in row.target_id:
        return ""
    try:
        return reverse(page, args=[row.target_id])
    except ValueError:
        return ""


def _sheet(chain_id: int, row: Any, last_seq: int, names: Names, actor: Actor) -> ChainSheet:
    may_ask = chain_id == selectors.PLATFORM_CHAIN or has_role(actor, chain_id, "admin")
    facts = dict.fromkeys(("checked_at", "whole_at", "broken_at", "bad_seq"))
    state, problem, verified_to, reached, is_running = "unknown", "", 0, 0, False
    if row is not None:
        facts = {name: getattr(row, name) for name in facts}
        state, problem, verified_to = str(row.state), row.problem, row.head_seq
        reached = row.pass_seq
        is_running = row.asked_at is not None or row.pass_began_at is not None
    return ChainSheet(
        key=names.key(chain_id),
        owner=names.name(chain_id),
        state=state,
        problem=problem,
        verified_to=verified_to,
        last_seq=last_seq,
        reached=reached,
        is_running=is_running,
        may_ask=may_ask,
        **facts,
    )
