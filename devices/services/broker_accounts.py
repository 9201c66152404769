"""Accounts of devices at the MQTT broker: the rows are the truth, the broker is made to follow.

A password exists in clear only in the answer to the device that asked. What the broker has not
confirmed is removed there and asked for again: nobody could hand the password in later.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from audit.services import recording
from devices import errors, events, registry
from devices.models import BrokerAccount, DeviceCredential
from devices.services import sessions
from devices.types import DeviceFacts
from kernel import ratelimit, tokens
from kernel.actors import Actor
from kernel.broker_accounts import digest_password, username_of
from kernel.errors import InvalidCredentials
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

# How long whoever made the password may take to bring it to the broker. Nobody else touches the
# account meanwhile, and nothing that was removed meanwhile counts as removed for good.
LEASE: Final = timedelta(seconds=10)
ISSUED_PER_MINUTE: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedAccount:
    """A device's account at the MQTT broker as it was just made; the password is shown this once."""

    device_id: int
    generation: int
    username: str
    client_id: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountToRemove:
    """An account that the MQTT broker must not have any more."""

    device_id: int
    generation: int
    username: str


def issue_account(*, device: DeviceFacts, actor: Actor, now: datetime) -> IssuedAccount:
    """Make the device a new password at the broker, void the one before; not yet at the broker.

    It holds as long as the key the device has shown. Raises BrokerAccountBusy while an earlier
    call is at the broker, RateLimited, InvalidCredentials when the key was voided since, and
    DeviceUnpaired.
    """
    ratelimit.hit(
        key=f"broker-account:{device.device_id}", limit=ISSUED_PER_MINUTE, window_s=60, now=now
    )
    password = tokens.new_token()
    digest = digest_password(password)
    with unit_of_work():
        facts = sessions.lock_session(device_id=device.device_id)
        if not facts.is_active:
            raise errors.DeviceUnpaired
        _require_key(device.credential_id)
        before = BrokerAccount.objects.filter(device_id=device.device_id).first()
        if before is not None and _is_busy(before, now):
            raise errors.BrokerAccountBusy(retry_after=int(LEASE.total_seconds()))
        account = BrokerAccount(
            pk=None if before is None else before.pk,
            device_id=device.device_id,
            credential_id=device.credential_id,
            username=username_of(facts.device_uid),
            client_id=facts.device_uid,
            generation=1 if before is None else before.generation + 1,
            salt=digest.salt,
            iterations=digest.iterations,
            password_hash=digest.hash,
            created_at=now if before is None else before.created_at,
            issued_at=now,
        )
        account.save(force_insert=before is None, force_update=before is not None)
        _record("issued", facts.tenant_id, facts.device_uid, account.generation, actor, now)
    return IssuedAccount(
        device_id=device.device_id,
        generation=account.generation,
        username=account.username,
        client_id=account.client_id,
        password=password,
    )


def confirm_applied(*, issued: IssuedAccount, now: datetime) -> bool:
    """Note that the broker has this account; False when it was revoked or replaced meanwhile.

    What was revoked is then removed once more, for the broker may have got it after the removal.
    """
    with unit_of_work():
        mine = _generation(issued)
        if mine.filter(applied_at__isnull=True, revoked_at__isnull=True).update(applied_at=now):
            return True
        if mine.filter(revoked_at__isnull=False).update(removed_at=None):
            _tell([issued.device_id], now)
    return False


def give_up(*, issued: IssuedAccount, now: datetime) -> None:
    """Void an account that could not be brought to the broker: whether it arrived is not known."""
    with unit_of_work():
        mine = _generation(issued).filter(applied_at__isnull=True, revoked_at__isnull=True)
        if mine.update(revoked_at=now):
            _tell([issued.device_id], now)


def revoke_own_account(*, device_id: int, actor: Actor, now: datetime) -> bool:
    """Void the account of the device, which asks for it; twice is fine. Raises NotFound."""
    with unit_of_work():
        facts = sessions.lock_session(device_id=device_id)
        if not _revoke(_living().filter(device_id=device_id), now):
            return False
        _record("revoked", facts.tenant_id, facts.device_uid, None, actor, now)
    return True


def revoke_with_key(*, credential_id: int, now: datetime) -> bool:
    """Void the account that was asked for with a key which ends now, in the same transaction."""
    return _revoke(_living().filter(credential_id=credential_id), now) > 0


def revoke_with_lives(ended: Sequence[registry.Ended]) -> None:
    """Void the accounts of devices whose lives end, in their transaction."""
    _revoke(_living().filter(device_id__in=[life.device_id for life in ended]), ended[0].now)


def due_removals(*, limit: int, now: datetime) -> list[AccountToRemove]:
    """Accounts the broker must not have any more, those never confirmed among them, oldest first."""
    unconfirmed = _living().filter(applied_at__isnull=True, issued_at__lt=now - LEASE)
    if unconfirmed.exists():
        with unit_of_work():
            unconfirmed.update(revoked_at=now)
    due = _to_remove().order_by("revoked_at", "pk")
    return [
        AccountToRemove(device_id=device_id, generation=generation, username=username)
        for device_id, generation, username in due.values_list(
            "device_id", "generation", "username"
        )[:limit]
    ]


def confirm_removed(*, accounts: Collection[AccountToRemove], now: datetime) -> int:
    """Note that the broker has these accounts no more; returns how many are settled by it.

    Not settled is what whoever issued it may still be bringing to the broker: that is removed
    again when their time is over.
    """
    settled = _to_remove().exclude(applied_at__isnull=True, issued_at__gte=now - LEASE)
    done = 0
    with unit_of_work():
        for account in sorted(accounts, key=lambda account: account.device_id):
            same = settled.filter(device_id=account.device_id, generation=account.generation)
            done += same.update(removed_at=now)
    return done


def note_found(
    *, missing: Collection[str], present: Collection[str], seen_at: datetime, now: datetime
) -> int:
    """Note which accounts (by user name) the broker was found without at that time, and which with.

    Returns how many are newly known as lost. Nothing can bring them back but their devices, who
    ask again when they are refused.
    """
    confirmed = _living().filter(applied_at__lt=seen_at)
    with unit_of_work():
        confirmed.filter(username__in=present, lost_at__isnull=False).update(lost_at=None)
        return confirmed.filter(username__in=missing, lost_at__isnull=True).update(lost_at=now)


def _revoke(accounts: QuerySet[BrokerAccount], now: datetime) -> int:
    device_ids = sorted(accounts.values_list("device_id", flat=True))
    if not device_ids:
        return 0
    revoked = accounts.update(revoked_at=now)
    _tell(device_ids, now)
    return revoked


def _tell(device_ids: list[int], now: datetime) -> None:
    publish(events.BrokerAccountsRevoked(occurred_at=now, device_ids=tuple(device_ids)))


def _living() -> QuerySet[BrokerAccount]:
    return BrokerAccount.objects.filter(revoked_at__isnull=True)


def _to_remove() -> QuerySet[BrokerAccount]:
    return BrokerAccount.objects.filter(revoked_at__isnull=False, removed_at__isnull=True)


def _generation(issued: IssuedAccount) -> QuerySet[BrokerAccount]:
    return BrokerAccount.objects.filter(device_id=issued.device_id, generation=issued.generation)


def _is_busy(account: BrokerAccount, now: datetime) -> bool:
    is_waiting = account.applied_at is None and account.revoked_at is None
    return is_waiting and account.issued_at > now - LEASE


def _require_key(credential_id: int) -> None:
    key = DeviceCredential.objects.filter(pk=credential_id, revoked_at__isnull=True)
    if not key.exists():
        raise InvalidCredentials


def _record(
    verb: str,
    tenant_id: int | None,
    device_uid: str,
    generation: int | None,
    actor: Actor,
    now: datetime,
) -> None:
    recording.record(
        tenant_id=tenant_id,
        action=f"devices.broker_account.{verb}",
        actor=actor,
        target_type="device",
        target_id=device_uid,
        before=None,
        after={"mqtt_account": verb, "generation": generation},
        now=now,
    )
