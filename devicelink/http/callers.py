"""Devices that showed their key to this process a moment ago, so that the next call asks less.

What is remembered admits to the queue only: before readings are stored, `confirm_callers` reads
key, life and owner anew under the devices' locks, in the transaction that stores them. A voided
key therefore stores nothing from its COMMIT on, whatever is remembered here.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from devicelink.http.request import Head
from devices.services import contacts
from devices.types import KnownCaller
from kernel import errors
from kernel.threads import run_in_database_thread

_MAX_KNOWN = 20_000
# How long a device that calls often enough is not written down as a failed or new caller.
_KNOWN_SECONDS = 30.0
_MAX_ASKING = 256

Shown = tuple[str, bytes]


class Callers:
    """Lets devices in by their key; lives on one event loop."""

    def __init__(self) -> None:
        self._known: OrderedDict[Shown, tuple[float, KnownCaller]] = OrderedDict()
        self._asking = 0

    async def admit(self, head: Head) -> KnownCaller:
        """The device that shows this key, from memory if it showed it before.

        Raises what `contacts.admit_device` raises, and Unavailable when too many are asked about
        at once or the database is away.
        """
        shown = _shown(head)
        found = self._known.get(shown)
        if found is not None and found[0] > time.monotonic():
            return found[1]
        caller = await self._ask(head)
        self._known[shown] = (time.monotonic() + _KNOWN_SECONDS, caller)
        self._known.move_to_end(shown)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
        return caller

    def forget(self, head: Head) -> None:
        """Have the next call with this key asked for anew."""
        self._known.pop(_shown(head), None)

    async def _ask(self, head: Head) -> KnownCaller:
        if self._asking >= _MAX_ASKING:
            raise errors.Unavailable(retry_after=1)
        self._asking += 1
        try:
            device = await run_in_database_thread(
                contacts.admit_device,
                device_uid=head.device_uid,
                key=head.key,
                address=head.address,
                request_id=head.request_id,
                now=timezone.now(),
            )
        except (OperationalError, InterfaceError):
            raise errors.Unavailable(retry_after=2) from None
        finally:
            self._asking -= 1
        return contacts.caller_of(device, name=head.device_uid)


def _shown(head: Head) -> Shown:
    return head.device_uid, hashlib.sha256(head.key.encode()).digest()
