"""Has what can never be used kept in the database, before it is acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from devicelink.mqtt.held import Held
from devices.services import contacts
from kernel import row_security
from kernel.failpoints import failpoint
from kernel.threads import run_in_database_thread
from kernel.unit_of_work import unit_of_work
from telemetry.services import set_aside
from telemetry.services.set_aside import Unusable

logger = logging.getLogger(__name__)

_AT_ONCE = 100
_RETRY_S = 1.0
_DRAIN_S = 4.0


class Aside:
    """Keeps payloads in order of their coming; `on_kept` is told after COMMIT."""

    def __init__(self, on_kept: Callable[[Held], None], *, on_retry: Callable[[], None]) -> None:
        self._on_kept = on_kept
        self._on_retry = on_retry
        self._waiting: list[tuple[Held, Unusable]] = []
        self._keeper: asyncio.Task[None] | None = None

    def add(self, held: Held, unusable: Unusable) -> None:
        """Keep this one, sooner or later."""
        self._waiting.append((held, unusable))
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._run(), name="mqtt-set-aside")

    async def stop(self) -> None:
        """Finish; what the database does not take in time the broker keeps."""
        if self._keeper is not None:
            await asyncio.wait({self._keeper}, timeout=_DRAIN_S)
            self._keeper.cancel()

    async def _run(self) -> None:
        while self._waiting:
            some = self._waiting[:_AT_ONCE]
            try:
                await run_in_database_thread(_keep, [unusable for _, unusable in some])
            except (OperationalError, InterfaceError) as error:
                # They are never given up because the database is away.
                logger.error("Payloads could not be set aside: %s", type(error).__name__)
                await self._wait()
                continue
            except Exception:
                logger.exception("Payloads could not be set aside")
                await self._wait()
                continue
            del self._waiting[: len(some)]
            for held, _ in some:
                self._on_kept(held)

    async def _wait(self) -> None:
        # Another connection to the broker would not bring the database back.
        self._on_retry()
        await asyncio.sleep(_RETRY_S)


def _keep(unusable: Sequence[Unusable]) -> None:
    """Keep them together, or those that can be kept each by itself; a lost one is logged."""
    try:
        _keep_together(unusable)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(unusable) > 1:
            for one in unusable:
                _keep([one])
            return
        logger.exception("A payload cannot even be set aside", extra={"topic": unusable[0].topic})


def _keep_together(unusable: Sequence[Unusable]) -> None:
    now = timezone.now()
    # What comes from the broker is of whatever tenant.
    with row_security.platform_scope("telemetry.ingest"), unit_of_work():
        # That they cannot be understood does not make them silent.
        contacts.confirm_publishers(device_uids={one.device_uid for one in unusable}, now=now)
        set_aside.keep(unusable=unusable, now=now)
    failpoint("devicelink.aside.committed")
