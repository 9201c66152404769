"""Messages of many devices, taken in with one commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from devicelink.mqtt.held import Desk, Held, Reply
from devices.errors import DeviceUnpaired
from devices.services import sessions
from edge.protocol import codec
from edge.protocol.errors import ProtocolError
from edge.protocol.topics import UpChannel
from kernel import errors, row_security
from kernel.threads import run_in_database_thread
from kernel.unit_of_work import unit_of_work
from telemetry.services.set_aside import NOT_STORED, UNKNOWN_DEVICE, WRONG_CHANNEL

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 50
_DRAIN_S: Final = 4.0


class Outcome(Enum):
    """What becomes of a message."""

    SETTLE = auto()
    POSTPONE = auto()
    SET_ASIDE = auto()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a message; `greeted` is the device that has just taken to MQTT by it."""

    outcome: Outcome
    reply: Reply | None = None
    greeted: str = ""
    reason: str = ""
    detail: str = ""


SETTLED = Result(Outcome.SETTLE)
_POSTPONED = Result(Outcome.POSTPONE)
Work = Callable[[str, Any, datetime], Result]
Works = Mapping[type, Work]


class Together:
    """Takes messages in, those of many devices in one transaction, in their order.

    `works` are what is done with each type of message of the channel; `on_greeted` is told after
    COMMIT which device has come.
    """

    def __init__(
        self,
        channel: UpChannel,
        works: Works,
        *,
        on_greeted: Callable[[str], None] | None = None,
    ) -> None:
        self.channel = channel
        self._works = works
        self._on_greeted = on_greeted
        self._waiting: list[tuple[Held, Desk, Any]] = []
        self._worker: asyncio.Task[None] | None = None

    def take(self, held: Held, desk: Desk) -> None:
        """Decode and queue."""
        message = decoded(held, desk, tuple(self._works))
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
                results = await run_in_database_thread(work_off, self._works, said)
            except Exception:
                logger.exception("Messages could not be taken in")
                results = [_POSTPONED] * len(some)
            for (held, desk, _), result in zip(some, results, strict=True):
                if result.outcome is Outcome.SETTLE:
                    desk.settle(held, result.reply)
                    if result.greeted and self._on_greeted is not None:
                        self._on_greeted(result.greeted)
                elif result.outcome is Outcome.SET_ASIDE:
                    desk.set_aside(held, result.reason, result.detail)
                else:
                    desk.postpone(held)


def work_off(works: Works, said: Sequence[tuple[str, Any]]) -> list[Result]:
    """Runs on a database thread. What is not postponed is committed when this returns."""
    results: list[Result] = []

    def work(uid: str, message: Any, now: datetime) -> Result:
        return works[type(message)](uid, message, now)

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


def _take_in(work: Work, said: Sequence[tuple[str, Any]]) -> list[Result]:
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


def _take_together(work: Work, said: Sequence[tuple[str, Any]]) -> list[Result]:
    now = timezone.now()
    with unit_of_work():
        # Before any other lock and in one order: another process has messages of these devices too.
        sessions.lock_devices(device_ids=(), device_uids={uid for uid, _ in said})
        return [work(uid, message, now) for uid, message in said]


def _attempt(work: Work, uid: str, message: Any) -> Result:
    try:
        return work(uid, message, timezone.now())
    except (OperationalError, InterfaceError) as error:
        logger.error("A message could not be taken in: %s", type(error).__name__)
        return _POSTPONED
    except (errors.NotFound, DeviceUnpaired):
        return Result(Outcome.SET_ASIDE, reason=UNKNOWN_DEVICE)
    except errors.HomepotError as refusal:
        return Result(Outcome.SET_ASIDE, reason=NOT_STORED, detail=refusal.code)
    except Exception:
        logger.exception("A message of a device could not be handled")
        return Result(Outcome.SET_ASIDE, reason=NOT_STORED, detail="internal_error")


def decoded(held: Held, desk: Desk, kinds: tuple[type, ...]) -> Any:
    """The message, if it is of these kinds; it is set aside otherwise."""
    if held.message is not None:
        return held.message
    try:
        message = codec.decode_up(held.payload)
    except ProtocolError as refusal:
        desk.set_aside(held, refusal.reason or refusal.code, refusal.message)
        return None
    if type(message) not in kinds:
        desk.set_aside(held, WRONG_CHANNEL, message.type)
        return None
    held.message = message
    return message
