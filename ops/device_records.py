"""The audit log of one device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms

from accounts.types import Authenticated
from audit.types import Wanted
from devices import selectors as devices
from kernel.actors import Actor
from ops import audit_trail, selectors

_LAST_DAY = date(9999, 12, 29)
_FILTERS = ("who", "action", "request", "since", "until")


class RecordFilter(forms.Form):
    """The query string of the log of a device; a value that means nothing counts as absent."""

    who = forms.CharField(required=False, max_length=200)
    action = forms.CharField(required=False, max_length=100)
    request = forms.CharField(required=False, max_length=64)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    after = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def chosen(self) -> dict[str, Any]:
        """The values that hold, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """A page of the log of a device; `after` continues it."""

    card: selectors.DeviceCard
    lines: Sequence[audit_trail.Line]
    after: int | None
    looked_back_to: datetime | None
    is_newest: bool
    is_filtered: bool


def records_of(
    *, actor: Actor, found: Authenticated, uid: str, form: RecordFilter, now: datetime
) -> Records:
    """What the audit log has of a device of the viewer, newest first. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    chosen = form.chosen()
    page = audit_trail.stream(
        actor=actor,
        found=found,
        wanted=Wanted(
            who=chosen.get("who", ""),
            action=chosen.get("action", ""),
            target_type="device",
            target_id=device.uid,
            request_id=chosen.get("request", ""),
            since=_start_of(chosen.get("since")),
            until=_start_of(chosen.get("until"), days=1),
        ),
        after=chosen.get("after"),
    )
    return Records(
        card=selectors.device_card(device, now=now),
        lines=page.lines,
        after=page.after,
        looked_back_to=page.looked_back_to,
        is_newest="after" not in chosen,
        is_filtered=any(name in chosen for name in _FILTERS),
    )


def _start_of(day: Any, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(min(day, _LAST_DAY) + timedelta(days=days), time.min, tzinfo=UTC)
