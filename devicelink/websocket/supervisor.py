"""Makes good what hints may lose: asks the database, for all sockets of the process at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from commands import selectors as command_selectors
from devicelink import documents
from devicelink.websocket import policy
from devicelink.websocket.connection import DeviceConnection
from devicelink.websocket.policy import Ending
from devicelink.websocket.registry import Registry
from devices import selectors as device_selectors
from devices.services import left_sessions
from devices.types import HeldSession, SessionCheck
from kernel import row_security
from kernel.threads import run_in_database_thread

logger = logging.getLogger(__name__)

_CHUNK = 500
# How long a life's end is looked at again: for clocks that differ, and a COMMIT that took its time.
_OVERLAP = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class _Findings:
    checks: dict[int, SessionCheck]
    waiting: set[int]
    # The versions of documents that devices do not work by yet.
    unapplied: dict[int, dict[str, int]]


async def run(registry: Registry, *, every_s: float) -> None:
    """Check the sockets every so often for ever; a failure is logged, the next round comes."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await check_once(registry)
        except Exception:
            logger.exception("The device sockets could not be checked")


async def check_once(registry: Registry) -> None:
    """Close the sockets that lost their right to be open; fetch what waits for the others."""
    # Taken before the question: a socket that opens meanwhile is not judged by an older answer.
    connections = tuple(registry)
    if not connections:
        return
    device_ids = sorted({connection.device_id for connection in connections})
    findings = await run_in_database_thread(_look, device_ids)
    doubted_before = timezone.now() - left_sessions.CLEARED_AFTER
    doubted = []
    for connection in connections:
        ending = _judge(connection, findings.checks.get(connection.device_id))
        if ending is not None:
            connection.end(ending)
            continue
        since = findings.checks[connection.device_id].doubted_since
        if since is not None and since <= doubted_before:
            doubted.append(connection.sender)
        if connection.device_id in findings.waiting:
            connection.pull()
        if connection.device_id in findings.unapplied:
            connection.tell(findings.unapplied[connection.device_id])
    if doubted:
        await run_in_database_thread(_vouch_for, doubted)


async def watch_ends(registry: Registry, *, every_s: float) -> None:
    """Close the sockets of devices whose lives ended, for ever, hint or no hint.

    One look at an index for the whole process, however many sockets it holds. After a failure
    the next look reaches back to the last that worked.
    """
    since = timezone.now()
    while True:
        await asyncio.sleep(every_s)
        now = timezone.now()
        try:
            await end_unpaired(registry, since=since)
        except Exception:
            logger.exception("The ends of devices' lives could not be looked at")
        else:
            since = now


async def end_unpaired(registry: Registry, *, since: datetime) -> None:
    """Close the sockets of devices whose lives ended after `since`, or shortly before."""
    if not len(registry):
        return
    ended = await run_in_database_thread(_ended_since, since - _OVERLAP)
    for connection in registry if ended else ():
        if connection.device_id in ended:
            connection.end(policy.UNPAIRED)


def _ended_since(moment: datetime) -> set[int]:
    with row_security.platform_scope("devicelink.supervision"):
        return device_selectors.ended_since(moment)


def _vouch_for(held: list[HeldSession]) -> None:
    with row_security.platform_scope("devicelink.supervision"):
        for start in range(0, len(held), _CHUNK):
            left_sessions.vouch_for(held=held[start : start + _CHUNK])


def _look(device_ids: list[int]) -> _Findings:
    with row_security.platform_scope("devicelink.supervision"):
        return _look_everywhere(device_ids)


def _look_everywhere(device_ids: list[int]) -> _Findings:
    findings = _Findings({}, set(), {})
    for start in range(0, len(device_ids), _CHUNK):
        chunk: Collection[int] = device_ids[start : start + _CHUNK]
        findings.checks.update(device_selectors.session_checks(chunk))
        findings.waiting.update(command_selectors.devices_with_queued(chunk))
        findings.unapplied.update(documents.unapplied_versions(chunk))
    return findings


def _judge(connection: DeviceConnection, check: SessionCheck | None) -> Ending | None:
    if check is None or not check.is_active:
        return policy.UNPAIRED
    if connection.credential_id not in check.credential_ids:
        return policy.REVOKED
    if check.epoch > connection.sender.epoch:
        return policy.SUPERSEDED
    return None
