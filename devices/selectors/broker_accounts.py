"""Reads about accounts at the MQTT broker; within platform-wide work, but for those of a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from devices.models import BrokerAccount, Device
from kernel.broker_accounts import PasswordDigest

_CHUNK = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerAccountFacts:
    """An account that the MQTT broker has confirmed, enough to make it there again."""

    username: str
    client_id: str
    applied_at: datetime | None
    digest: PasswordDigest


def broker_account_of(device: Device) -> BrokerAccount | None:
    """The last account of a device that the caller was found to see; None if it never had one."""
    found: BrokerAccount | None = BrokerAccount.objects.filter(device_id=device.pk).first()
    return found


def confirmed_broker_accounts() -> Iterator[BrokerAccountFacts]:
    """Every account that the broker has confirmed and that holds, with the password's digest."""
    living = BrokerAccount.objects.filter(applied_at__isnull=False, revoked_at__isnull=True)
    for account in living.order_by("pk").iterator(chunk_size=_CHUNK):
        yield BrokerAccountFacts(
            username=account.username,
            client_id=account.client_id,
            applied_at=account.applied_at,
            digest=PasswordDigest(
                salt=account.salt, iterations=account.iterations, hash=account.password_hash
            ),
        )


def living_broker_usernames() -> set[str]:
    """Names of all accounts that hold, on their way to the broker or confirmed by it."""
    living = BrokerAccount.objects.filter(revoked_at__isnull=True)
    return set(living.values_list("username", flat=True))


def broker_usernames_confirmed_before(moment: datetime) -> set[str]:
    """Names of the accounts that hold and that the broker had confirmed by then."""
    living = BrokerAccount.objects.filter(revoked_at__isnull=True, applied_at__lt=moment)
    return set(living.values_list("username", flat=True))
