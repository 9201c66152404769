"""Asks of many senders at once, in the flush, whether they may still speak and for whom."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from devicelink.ingest.arrivals import Publisher, Sender
from devices.services import contacts, sessions
from devices.types import HeldSession, KnownCaller
from kernel import errors


class Speaker(NamedTuple):
    """A device that may speak, locked until the unit of work ends."""

    device_id: int
    tenant_id: int | None
    uid: str


Findings = dict[Sender, Speaker | errors.HomepotError]


def confirm(senders: Collection[Sender], now: datetime) -> Findings:
    """Lock the senders' devices, all in one order, and tell for whom each of them speaks.

    Within the caller's unit of work. Of a refused one it tells why, if that is known; whoever is
    left out must be let in anew.
    """
    callers = {sender for sender in senders if isinstance(sender, KnownCaller)}
    held = {sender for sender in senders if isinstance(sender, HeldSession)}
    publishers = {sender for sender in senders if isinstance(sender, Publisher)}
    if bool(callers) + bool(held) + bool(publishers) > 1:
        # Each kind locks in order by itself; one kind after the other would be in none.
        sessions.lock_devices(
            device_ids={one.device_id for one in callers} | {one.device_id for one in held},
            device_uids={sender.uid for sender in publishers},
        )
    return _callers(callers, now) | _sessions(held) | _publishers(publishers, now)


def _callers(callers: set[KnownCaller], now: datetime) -> Findings:
    confirmed = contacts.confirm_callers(callers=callers, now=now)
    return {caller: Speaker(caller.device_id, caller.tenant_id, caller.uid) for caller in confirmed}


def _sessions(held: set[HeldSession]) -> Findings:
    found: Findings = {}
    for sender, verdict in sessions.confirm_sessions(held=held).items():
        if isinstance(verdict, HeldSession):
            found[sender] = Speaker(verdict.device_id, verdict.tenant_id, verdict.uid)
        else:
            found[sender] = verdict
    return found


def _publishers(publishers: set[Publisher], now: datetime) -> Findings:
    if not publishers:
        return {}
    uids = {publisher.uid for publisher in publishers}
    known = contacts.confirm_publishers(device_uids=uids, now=now)
    return {
        Publisher(uid): Speaker(device.device_id, device.tenant_id, device.uid)
        for uid, device in known.items()
    }
