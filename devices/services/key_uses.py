"""When a key was last used, from where and over which wire: noted now and then, never each time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from devices.choices import Wire
from devices.models import DeviceCredential
from kernel.unit_of_work import unit_of_work

EVERY: Final = timedelta(hours=1)
_LONGEST_ADDRESS: Final = 45
_WIRES: Final = {"socket": Wire.WEBSOCKET, "api": Wire.HTTP}


def is_noteworthy(
    *, noted_at: datetime | None, noted_address: str, address: str | None, now: datetime
) -> bool:
    """Whether a use tells more than what is known of the key: from elsewhere, or an hour later."""
    if noted_at is None or noted_address != (address or "")[:_LONGEST_ADDRESS]:
        return True
    return abs(now - noted_at) >= EVERY


def note_use(*, credential_id: int, address: str | None, via: str, now: datetime) -> None:
    """Keep that the key was used, within the authentication's scope.

    A key that was voided meanwhile stays as it was.
    """
    with unit_of_work():
        living = DeviceCredential.objects.filter(pk=credential_id, revoked_at__isnull=True)
        living.update(
            last_used_at=now,
            last_used_over=_WIRES.get(via, via)[:10],
            last_address=(address or "")[:_LONGEST_ADDRESS],
        )
