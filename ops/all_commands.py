"""The commands of all devices of the viewer's tenants, narrowed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.db.models import QuerySet

from commands import selectors as commands
from commands.choices import State
from devices import selectors as devices
from kernel import errors
from kernel.actors import Actor
from ops import ledger, selectors, wording

PAGE_SIZE: Final = 50
# How far one page looks back for what somebody did, where most was done by others.
_LOOKED_THROUGH: Final = 5_000
# What people ask for together.
SHOWN: Final[Mapping[str, dict[str, Any]]] = ledger.NARROWED


class CommandFilter(forms.Form):
    """The query string of the commands; a value that means nothing counts as absent."""

    show = forms.ChoiceField(required=False, choices=[(name, name) for name in SHOWN])
    state = forms.ChoiceField(required=False, choices=State.choices)
    kind = forms.RegexField(required=False, regex=r"^[a-z0-9_.]{1,60}$")
    device = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,64}$")
    who = forms.CharField(required=False, max_length=200, strip=True)
    before = forms.UUIDField(required=False)

    def chosen(self) -> dict[str, Any]:
        """The values that hold, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One command with the device that it is for."""

    action: selectors.Action
    device_uid: str
    device_name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandsOfAll:
    """A page of commands; `next_before` continues it."""

    rows: Sequence[Row]
    next_before: str
    kinds: Sequence[tuple[str, str]]
    states: Sequence[tuple[str, str]]
    is_filtered: bool
    # The page looked through as many as one page may and found fewer than would fit.
    is_cut: bool


def commands_of_all(*, actor: Actor, chosen: Mapping[str, Any]) -> CommandsOfAll:
    """The commands of the viewer's devices, newest first; of a foreign device there are none."""
    found = _narrowed(actor, chosen)
    if before := chosen.get("before"):
        found = _before(found, actor, before)
    page, next_before, is_cut = _page(found.order_by("-pk"), str(chosen.get("who", "")))
    kinds = {kind.name: ledger.kind_title(kind) for kind, _ in commands.kinds_usable_by(actor)}
    return CommandsOfAll(
        rows=[_row(row) for row in page],
        next_before=next_before,
        kinds=sorted(kinds.items(), key=lambda pair: pair[1]),
        states=[(value, wording.STATE_LABELS[value]) for value in State.values],
        is_filtered=bool(chosen.keys() - {"before"}),
        is_cut=is_cut,
    )


def _narrowed(actor: Actor, chosen: Mapping[str, Any]) -> QuerySet[Any]:
    wanted: dict[str, Any] = dict(SHOWN.get(chosen.get("show", ""), {}))
    if state := chosen.get("state"):
        wanted = {"states": (state,)}
    if kind := chosen.get("kind"):
        wanted["kind"] = kind
    if device := chosen.get("device"):
        wanted["device"] = device
    try:
        return commands.commands_like(actor=actor, **wanted)
    except errors.NotFound:
        return commands.commands_visible_to(actor).none()


def _before(found: QuerySet[Any], actor: Actor, uid: uuid.UUID) -> QuerySet[Any]:
    last = commands.commands_visible_to(actor).filter(uid=uid).values_list("pk", flat=True).first()
    return found if last is None else found.filter(pk__lt=last)


def _page(found: QuerySet[Any], who: str) -> tuple[list[Any], str, bool]:
    """A page of them; who asked is in no index, so that many at most are looked through."""
    if not who:
        rows = list(found[: PAGE_SIZE + 1])
        page = rows[:PAGE_SIZE]
        return page, str(page[-1].uid) if len(rows) > PAGE_SIZE else "", False
    page, last, seen = [], None, 0
    for row in found[: _LOOKED_THROUGH + 1].iterator(chunk_size=500):
        if len(page) == PAGE_SIZE or seen == _LOOKED_THROUGH:
            return page, str(last.uid) if last else "", len(page) < PAGE_SIZE
        seen, last = seen + 1, row
        if _is_by(row, who):
            page.append(row)
    return page, "", False


def _is_by(row: Any, who: str) -> bool:
    wanted = who.casefold()
    return any(
        wanted in str(cause.get(name, "")).casefold()
        for cause in row.cause
        for name in ("label", "id")
    )


def _row(row: Any) -> Row:
    device = row.device
    names = {int(index): name for index, name in device.relay_names.items() if str(index).isdigit()}
    return Row(
        action=selectors.action_of(
            commands.view_of(row, device.uid),
            relay_names={index: names.get(index, f"Relay {index + 1}") for index in range(64)},
        ),
        device_uid=device.uid,
        device_name=device.title,
    )


def device_of(*, actor: Actor, chosen: Mapping[str, Any]) -> str:
    """What the device that the list is narrowed to is called; empty for none of the viewer's."""
    if not chosen.get("device"):
        return ""
    try:
        device = devices.device_by_uid(actor=actor, uid=chosen["device"], include_archived=True)
    except errors.NotFound:
        return ""
    return device.title
