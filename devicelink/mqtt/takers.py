"""What becomes of the messages of each channel."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import Any, Final, Protocol

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from devicelink.ingest.arrivals import Arrival, Publisher, Verdict
from devicelink.mqtt.held import Desk, Held
from devices.errors import DeviceUnpaired
from devices.services import contacts, sessions
from edge.protocol import codec
from edge.protocol.errors import ProtocolError
from edge.protocol.messages import (
    LinkStatus,
    SensorAck,
    SensorReport,
    Status,
    Telemetry,
    TelemetryAck,
)
from edge.protocol.topics import UpChannel
from kernel import errors, row_security
from kernel.threads import run_in_database_thread
from kernel.unit_of_work import unit_of_work
from telemetry.services import sensing
from telemetry.services.set_aside import NOT_STORED, UNKNOWN_DEVICE, WRONG_CHANNEL
from telemetry.types import NOTHING_ACKED, Acknowledgement

logger = logging.getLogger(__name__)

# What a reading weighs in the queue at least.
_BYTES_OF_READING: Final = 256
_AT_ONCE: Final = 50
_FULL_S: Final = 0.1
_DRAIN_S: Final = 4.0
_LATER = (errors.Unavailable, errors.RateLimited)


class Queue(Protocol):
    """The group commit of the process."""

    def submit(self, arrival: Arrival, tell: Callable[[Verdict], None]) -> None:
        """Tells what becomes of the readings, in time. Raises Unavailable and RateLimited."""


class Readings:
    """Telemetry: to the group commit that all wires share, as fast as that takes it."""

    channel = UpChannel.TELEMETRY

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        # What the queue has no room for, in order; it is offered again when something comes out.
        self._backlog: deque[tuple[Held, Desk, Arrival]] = deque()
        self._under_way = 0
        self._is_pump_due = False

    def take(self, held: Held, desk: Desk) -> None:
        """Decode and queue."""
        telemetry = _decoded(held, desk, Telemetry)
        if telemetry is None:
            return
        size = max(len(held.payload), _BYTES_OF_READING * len(telemetry.readings))
        arrival = Arrival(sender=Publisher(held.uid), telemetry=telemetry, size=size)
        self._backlog.append((held, desk, arrival))
        if len(self._backlog) == 1:
            self._pump()

    async def stop(self) -> None:
        """The queue is its owner's to stop."""

    def _pump(self) -> None:
        self._is_pump_due = False
        while self._backlog:
            # Taken out first: one that the queue cannot stand must not stay in everybody's way.
            held, desk, arrival = self._backlog.popleft()
            try:
                self._queue.submit(arrival, partial(self._judge, held, desk))
            except errors.RateLimited:
                # One device alone has too much under way: its neighbours go on.
                desk.postpone(held)
            except errors.HomepotError:
                self._backlog.appendleft((held, desk, arrival))
                self._pump_later()
                return
            else:
                self._under_way += 1

    def _pump_later(self) -> None:
        # What is under way calls when it comes out; where nothing is, other wires fill the queue.
        if not self._under_way and not self._is_pump_due:
            self._is_pump_due = True
            asyncio.get_running_loop().call_later(_FULL_S, self._pump)

    def _judge(self, held: Held, desk: Desk, verdict: Verdict) -> None:
        self._under_way -= 1
        if self._backlog and not self._is_pump_due:
            self._is_pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)
        if isinstance(verdict, Acknowledgement):
            seq = verdict.acked_seq
            desk.settle(held, None if seq == NOTHING_ACKED else TelemetryAck(verdict.boot_id, seq))
        elif verdict is None:
            desk.set_aside(held, UNKNOWN_DEVICE)
        elif isinstance(verdict, errors.HomepotError) and not isinstance(verdict, _LATER):
            desk.set_aside(held, NOT_STORED, verdict.code)
        else:
            desk.postpone(held)


class _Outcome(Enum):
    SETTLE = auto()
    POSTPONE = auto()
    SET_ASIDE = auto()


@dataclass(frozen=True, slots=True)
class _Result:
    outcome: _Outcome
    reply: SensorAck | None = None
    reason: str = ""
    detail: str = ""


_SETTLED = _Result(_Outcome.SETTLE)
_POSTPONED = _Result(_Outcome.POSTPONE)
Work = Callable[[str, Any, datetime], _Result]


class Together:
    """Takes messages in, those of many devices in one transaction, in their order."""

    def __init__(self, channel: UpChannel, kind: type, work: Work) -> None:
        self.channel = channel
        self._kind = kind
        self._work = work
        self._waiting: list[tuple[Held, Desk, Any]] = []
        self._worker: asyncio.Task[None] | None = None

    def take(self, held: Held, desk: Desk) -> None:
        """Decode and queue."""
        message = _decoded(held, desk, self._kind)
        if message is None:
            return
        self._waiting.append((held, desk, message))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._run(), name="mqtt-together")

    async def stop(self) -> None:
        """Finish what was begun, within a few seconds."""
        if self._worker is not None:
            await asyncio.wait({self._worker}, timeout=_DRAIN_S)
            self._worker.cancel()

    async def _run(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            said = [(held.uid, message) for held, _, message in some]
            try:
                results = await run_in_database_thread(_work_off, self._work, said)
            except Exception:
                logger.exception("Messages could not be taken in")
                results = [_POSTPONED] * len(some)
            for (held, desk, _), result in zip(some, results, strict=True):
                if result.outcome is _Outcome.SETTLE:
                    desk.settle(held, result.reply)
                elif result.outcome is _Outcome.SET_ASIDE:
                    desk.set_aside(held, result.reason, result.detail)
                else:
                    desk.postpone(held)


def _work_off(work: Work, said: Sequence[tuple[str, Any]]) -> list[_Result]:
    """Runs on a database thread. What is not postponed is committed when this returns."""
    results: list[_Result] = []
    # What comes from the broker is of whatever tenant.
    with row_security.platform_scope("telemetry.ingest"):
        for piece in _pieces(said):
            results += _take_in(work, piece)
            if results[-1] is _POSTPONED:
                # The database is away: the next one would only wait for it too.
                break
    return results + [_POSTPONED] * (len(said) - len(results))


def _pieces(said: Sequence[tuple[str, Any]]) -> Iterator[Sequence[tuple[str, Any]]]:
    """In their order, as many at a time as no device speaks twice: each change is told once."""
    begin, speakers = 0, set[str]()
    for at, (uid, _) in enumerate(said):
        if uid in speakers:
            yield said[begin:at]
            begin, speakers = at, set()
        speakers.add(uid)
    yield said[begin:]


def _take_in(work: Work, said: Sequence[tuple[str, Any]]) -> list[_Result]:
    """With one commit; where any of them spoils that, each by itself."""
    if len(said) > 1:
        try:
            return _take_together(work, said)
        except (OperationalError, InterfaceError) as error:
            logger.error("Messages could not be taken in: %s", type(error).__name__)
            return [_POSTPONED] * len(said)
        except Exception as error:  # noqa: BLE001  one by one it shows whose it is
            logger.info("Messages could not be taken in together: %s", type(error).__name__)
    return [_attempt(work, uid, message) for uid, message in said]


def _take_together(work: Work, said: Sequence[tuple[str, Any]]) -> list[_Result]:
    now = timezone.now()
    with unit_of_work():
        # Before any other lock and in one order: another process has messages of these devices too.
        sessions.lock_devices(device_ids=(), device_uids={uid for uid, _ in said})
        return [work(uid, message, now) for uid, message in said]


def _attempt(work: Work, uid: str, message: Any) -> _Result:
    try:
        return work(uid, message, timezone.now())
    except (OperationalError, InterfaceError) as error:
        logger.error("A message could not be taken in: %s", type(error).__name__)
        return _POSTPONED
    except (errors.NotFound, DeviceUnpaired):
        return _Result(_Outcome.SET_ASIDE, reason=UNKNOWN_DEVICE)
    except errors.HomepotError as refusal:
        return _Result(_Outcome.SET_ASIDE, reason=NOT_STORED, detail=refusal.code)
    except Exception:
        logger.exception("A message of a device could not be handled")
        return _Result(_Outcome.SET_ASIDE, reason=NOT_STORED, detail="internal_error")


def _record_sensors(uid: str, report: SensorReport, now: datetime) -> _Result:
    with unit_of_work():
        known = contacts.confirm_publishers(device_uids={uid}, now=now)
        if uid not in known:
            raise errors.NotFound
        sensing.record_sensor_report(device_id=known[uid].device_id, report=report, now=now)
    if report.report_id is None:
        return _SETTLED
    return _Result(_Outcome.SETTLE, SensorAck(report.report_id))


def _note_status(uid: str, status: Status, now: datetime) -> _Result:
    try:
        if status.status is LinkStatus.ONLINE:
            contacts.greet(device_uid=uid, client_session=status.session, now=now)
        else:
            contacts.say_goodbye(device_uid=uid, client_session=status.session, now=now)
    except (errors.NotFound, DeviceUnpaired):
        # The will of a device that was unpaired a moment ago: there is nothing to try again.
        return _SETTLED
    return _SETTLED


def sensors() -> Together:
    """Sensor reports, answered where they ask for that."""
    return Together(UpChannel.SENSOR, SensorReport, _record_sensors)


def statuses() -> Together:
    """Greetings and goodbyes of devices' connections to the broker."""
    return Together(UpChannel.STATUS, Status, _note_status)


def _decoded(held: Held, desk: Desk, kind: type[Any]) -> Any:
    """The message, if it is of that kind; it is set aside otherwise."""
    if held.message is not None:
        return held.message
    try:
        message = codec.decode_up(held.payload)
    except ProtocolError as refusal:
        desk.set_aside(held, refusal.reason or refusal.code, refusal.message)
        return None
    if type(message) is not kind:
        desk.set_aside(held, WRONG_CHANNEL, message.type)
        return None
    held.message = message
    return message
