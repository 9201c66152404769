"""From what happened to what each channel is told of it.

Changes are taken in the order in which they were committed, by one planner at a time; notices are
written and the changes removed in one transaction, so each change is looked at exactly once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from devices import selectors as devices
from devices.types import DeviceName, SiteName
from kernel import tokens
from kernel.failpoints import failpoint
from kernel.unit_of_work import unit_of_work
from notifications.choices import Kind, NoticeState, Topic
from notifications.models import MAX_FACTS_NAME, Change, Notice
from notifications.services import audience, exclusive
from notifications.services.audience import Listener
from notifications.services.notebook import Notebook

logger = logging.getLogger(__name__)

CHUNK: Final = 500
LONGEST_RUN_S: Final = 1.0
# A device gets this long to come back after the server itself went away.
AFTER_OUR_RESTART = timedelta(seconds=120)
_SERVER_RESTART: Final = "server_restart"
# What people did on purpose is no loss.
_ON_PURPOSE: Final = frozenset({"unpaired"})
# Losses are logged up to a minute before the densest minute that an outage begins with.
_BEFORE_OUTAGE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Told:
    """One change for one channel, with everything that is asked about it."""

    book: Notebook
    listener: Listener
    change: Change
    device: DeviceName | None
    site: SiteName | None

    @property
    def channel_id(self) -> int:
        return self.listener.channel.pk

    @property
    def device_id(self) -> int:
        return 0 if self.device is None else self.device.device_id

    @property
    def hold(self) -> timedelta:
        return timedelta(seconds=self.listener.channel.after_s)


def plan(now: datetime) -> int:
    """Turn what happened into notices; returns how many changes were looked at.

    Any number may run; only one does the work. What is more than a second's work is left for the
    next time: the same ticker also sweeps presence.
    """
    looked_at, ends = 0, time.monotonic() + LONGEST_RUN_S
    while count := _plan_next(now):
        looked_at += count
        if time.monotonic() > ends:
            break
    return looked_at


def _plan_next(now: datetime) -> int:
    try:
        return _plan_some(now)
    except DatabaseError:
        raise
    except Exception:
        # One change that cannot be told of must not keep all tenants from hearing of theirs.
        logger.exception("Changes could not be planned together")
        return _plan_one(now)


@unit_of_work()
def _plan_some(now: datetime) -> int:
    if not exclusive.is_alone():
        return 0
    changes = _some(_changes().order_by("pk")[:CHUNK])
    if not changes:
        return 0
    _note(changes, now)
    failpoint("notifications.planned")
    _changes().filter(pk__in=[change.pk for change in changes]).delete()
    return len(changes)


@unit_of_work()
def _plan_one(now: datetime) -> int:
    """Plan the first change by itself, and leave it out when that fails too."""
    if not exclusive.is_alone():
        return 0
    changes = list(_changes().order_by("pk")[:1])
    try:
        with transaction.atomic():
            _note(changes, now)
    except DatabaseError:
        raise
    except Exception:
        facts = {"change": changes[0].pk, "kind": changes[0].kind}
        logger.exception("A change is told to nobody", extra=facts)
    _changes().filter(pk__in=[change.pk for change in changes]).delete()
    return len(changes)


def _changes() -> QuerySet[Change]:
    rows: QuerySet[Change] = Change.objects.unscoped("what happened to all tenants")
    return rows


def _some(rows: Iterable[Change]) -> list[Change]:
    """The first changes, of so many devices that one transaction of them stays short."""
    found: list[Change] = []
    devices_in_it = 0
    for row in rows:
        devices_in_it += max(len(row.device_ids), 1)
        if found and devices_in_it > CHUNK:
            break
        found.append(row)
    return found


def _note(changes: Sequence[Change], now: datetime) -> None:
    listeners = audience.listeners_of({change.tenant_id for change in changes})
    if not listeners:
        return
    device_ids = {device_id for change in changes for device_id in change.device_ids}
    names = devices.device_names(device_ids)
    places = {change.site_pk for change in changes if change.site_pk is not None}
    sites = devices.site_names_by_pk(places)
    book = Notebook(
        channel_ids=[found.channel.pk for group in listeners.values() for found in group],
        device_ids=device_ids,
        site_pks={name.site_pk for name in names.values() if name.site_pk is not None} | places,
        lost_site_pks=places,
    )
    for change in changes:
        site = None if change.site_pk is None else sites.get(change.site_pk)
        for device in [names.get(key) for key in change.device_ids] or [None]:
            for listener in listeners.get(change.tenant_id, ()):
                if _concerns(listener, device, site):
                    told = _Told(book, listener, change, device, site)
                    _RULES[Kind(change.kind)](told, now)
    book.write()


def _concerns(listener: Listener, device: DeviceName | None, site: SiteName | None) -> bool:
    if device is not None:
        return listener.hears_of(device)
    return site is not None and listener.hears_of_site(site)


def _offline(told: _Told, now: datetime) -> None:
    change = told.change
    # Who hears of returns only has absences noted too: one that is short is no return.
    topics = (Topic.OFFLINE, Topic.ONLINE)
    if not any(map(told.listener.takes, topics)) or change.reason in _ON_PURPOSE:
        return
    waiting = told.book.waiting_of(told.channel_id, told.device_id)
    if any(notice.says_online is False for notice in waiting):
        return
    returns = [notice for notice in waiting if notice.says_online]
    for notice in returns:
        told.book.withdraw(notice, "left_again")
    if returns and told.book.told_online(told.channel_id, told.device_id) is False:
        return
    hold = told.hold
    if change.reason == _SERVER_RESTART:
        hold = max(hold, AFTER_OUR_RESTART)
    notice = _notice(told, Kind.OFFLINE, due_at=change.at + hold, says_online=False, now=now)
    is_out = told.book.outage_of(told.channel_id, notice.site_pk) is not None
    if is_out and told.listener.takes(Topic.SITE_OUTAGE):
        notice.state, notice.state_reason = NoticeState.FOLDED, "site_outage"
    told.book.add(notice)


def _online(told: _Told, now: datetime) -> None:
    waiting = told.book.waiting_of(told.channel_id, told.device_id)
    for notice in waiting:
        if notice.says_online is False:
            told.book.withdraw(notice, "came_back")
    if not told.listener.takes(Topic.ONLINE) or any(notice.says_online for notice in waiting):
        return
    if told.book.told_online(told.channel_id, told.device_id) is False:
        at = told.change.at
        told.book.add(_notice(told, Kind.ONLINE, due_at=at, says_online=True, now=now))


def _flapping(told: _Told, now: datetime) -> None:
    if not told.listener.takes(Topic.FLAPPING):
        return
    for notice in told.book.waiting_of(told.channel_id, told.device_id):
        if notice.kind != Kind.DRIFT:
            told.book.withdraw(notice, "flapping")
    told.book.add(_notice(told, Kind.FLAPPING, due_at=told.change.at, now=now))


def _flapping_ended(told: _Told, now: datetime) -> None:
    change = told.change
    if told.listener.takes(Topic.FLAPPING):
        waiting = told.book.waiting_of(told.channel_id, told.device_id)
        begun = [notice for notice in waiting if notice.kind == Kind.FLAPPING]
        for notice in begun:
            told.book.withdraw(notice, "calm")
        if not begun:
            says = change.is_online
            due_at = change.at
            told.book.add(
                _notice(told, Kind.FLAPPING_ENDED, due_at=due_at, says_online=says, now=now)
            )
            return
    (_online if change.is_online else _offline)(told, now)


def _site_outage(told: _Told, now: datetime) -> None:
    if not told.listener.takes(Topic.SITE_OUTAGE):
        return
    change = told.change
    began_at = change.began_at or change.at
    since = began_at - _BEFORE_OUTAGE
    for notice in told.book.losses_at(told.channel_id, change.site_pk or 0, since=since):
        told.book.fold(notice)
    # It was found out of losses that had to be folded; the hold is counted from its beginning.
    due_at = max(change.at, began_at + told.hold)
    told.book.add(_notice(told, Kind.SITE_OUTAGE, due_at=due_at, now=now))


def _site_outage_ended(told: _Told, now: datetime) -> None:
    change, site_pk = told.change, told.change.site_pk or 0
    for notice in told.book.folded_at(told.channel_id, site_pk):
        told.book.unfold(notice, due_at=change.at + told.hold)
    outage = told.book.outage_of(told.channel_id, site_pk)
    if outage is None:
        return
    if outage.state == NoticeState.WAITING:
        told.book.withdraw(outage, "came_back")
    elif told.listener.takes(Topic.SITE_OUTAGE):
        told.book.add(_notice(told, Kind.SITE_OUTAGE_ENDED, due_at=change.at, now=now))


def _drift(told: _Told, now: datetime) -> None:
    if told.listener.takes(Topic.DRIFT):
        told.book.add(_notice(told, Kind.DRIFT, due_at=told.change.at, now=now))


def _drift_ended(told: _Told, now: datetime) -> None:
    for notice in told.book.waiting_of(told.channel_id, told.device_id):
        if notice.kind == Kind.DRIFT:
            told.book.withdraw(notice, "in_sync")


_RULES: Final[dict[Kind, Callable[[_Told, datetime], None]]] = {
    Kind.OFFLINE: _offline,
    Kind.ONLINE: _online,
    Kind.FLAPPING: _flapping,
    Kind.FLAPPING_ENDED: _flapping_ended,
    Kind.SITE_OUTAGE: _site_outage,
    Kind.SITE_OUTAGE_ENDED: _site_outage_ended,
    Kind.DRIFT: _drift,
    Kind.DRIFT_ENDED: _drift_ended,
}


def _notice(
    told: _Told, kind: Kind, *, due_at: datetime, says_online: bool | None = None, now: datetime
) -> Notice:
    change, device = told.change, told.device
    site_pk = change.site_pk if device is None else device.site_pk
    subject = f"d{told.device_id}" if device is not None else f"s{site_pk}"
    return Notice(
        uid=tokens.new_public_id(12),
        tenant_id=change.tenant_id,
        channel_id=told.channel_id,
        kind=kind,
        device_id=None if device is None else device.device_id,
        site_pk=site_pk,
        says_online=says_online,
        at=change.at,
        due_at=due_at,
        facts=_facts(told, says_online),
        dedupe=f"{kind}:{subject}:{change.at.timestamp():.6f}",
        created_at=now,
    )


def _facts(told: _Told, says_online: bool | None) -> dict[str, object]:
    """What will be said, as it was called when it happened."""
    change, device, site = told.change, told.device, told.site
    facts: dict[str, object] = {}
    if device is not None:
        facts["device"] = {
            "uid": device.uid,
            "name": device.title[:MAX_FACTS_NAME],
            "device_class": device.device_class,
            "is_simulated": device.is_simulated,
        }
        facts["site"] = (
            None
            if device.site_id is None
            else {"id": device.site_id, "name": (device.site_name or "")[:MAX_FACTS_NAME]}
        )
    elif site is not None:
        facts["site"] = {"id": site.site_id, "name": site.name[:MAX_FACTS_NAME]}
        facts |= {"lost": change.count, "total": change.total}
    if change.kind == Kind.FLAPPING:
        facts["changes"] = change.count
    if change.began_at is not None:
        facts["began_at"] = change.began_at.isoformat()
    if change.reason:
        facts["reason"] = change.reason
    if says_online is not None:
        facts["connectivity"] = "online" if says_online else "offline"
    return facts
