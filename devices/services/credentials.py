"""Device keys: 256 random bits, kept as bcrypt, checked hot through a cache."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import bcrypt

from audit.services import recording
from devices import errors, events, permissions, selectors
from devices.choices import KeyRole, Pairing
from devices.models import DeviceCredential
from devices.services import broker_accounts, key_uses, sessions
from devices.types import DeviceFacts
from kernel import live, ratelimit, row_security, tokens
from kernel.actors import Actor
from kernel.compiled import Select, Slot
from kernel.errors import InvalidCredentials
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

# The lowest cost bcrypt has: a key of 256 random bits needs no stretching.
_BCRYPT_COST = 4
_CACHE_SIZE = 20_000
# What an unknown device is compared with, so that the answer takes the same time.
_DUMMY_HASH = bcrypt.hashpw(b"no such device", bcrypt.gensalt(_BCRYPT_COST)).decode()
FAILED_LOGINS_PER_MINUTE = 30


class _VerifiedKeys:
    """Pairs of (stored hash, digest of the presented key) that bcrypt has found to match.

    The stored hash is part of the pair: emptying or renewing it in the database denies at once,
    whatever this process remembers.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._lock = Lock()

    def matches(self, stored_hash: str, key: str) -> bool:
        pair = (stored_hash, hashlib.sha256(key.encode()).digest())
        with self._lock:
            if pair in self._known:
                self._known.move_to_end(pair)
                return True
        if not bcrypt.checkpw(_bounded(key), stored_hash.encode()):
            return False
        with self._lock:
            self._known[pair] = None
            if len(self._known) > _CACHE_SIZE:
                self._known.popitem(last=False)
        return True


_verified = _VerifiedKeys()


@dataclass(frozen=True, slots=True)
class _Shown:
    """The row of the presented key with its device, as `_COLUMNS` names them."""

    credential_id: int
    key_hash: str
    lookup: str
    role: str
    first_used_at: datetime | None
    retires_at: datetime | None
    revoked_at: datetime | None
    device_id: int
    uid: str
    site_chosen_id: str
    tenant_id: int | None
    pairing: str
    is_simulated: bool
    unpaired_at: datetime | None
    is_online: bool | None
    last_seen_at: datetime | None
    last_used_at: datetime | None
    last_address: str

    def is_good(self, now: datetime) -> bool:
        """Whether the key counts at that time, swept or not."""
        return bool(self.key_hash) and (self.retires_at is None or self.retires_at > now)

    def ended_with_its_life(self) -> bool:
        """Whether it was the device's key when the device was unpaired, and not voided before."""
        if self.pairing != Pairing.UNPAIRED or not self.lookup:
            return False
        return (
            self.revoked_at is None
            or self.unpaired_at is None
            or self.revoked_at >= self.unpaired_at
        )

    def facts(self) -> DeviceFacts:
        """What callers learn of the device."""
        return DeviceFacts(
            device_id=self.device_id,
            uid=self.uid,
            tenant_id=self.tenant_id,
            pairing=self.pairing,
            is_simulated=self.is_simulated,
            credential_id=self.credential_id,
            heard_at=self.last_seen_at if self.is_online else None,
        )


_COLUMNS = (
    "pk", "key_hash", "lookup", "role", "first_used_at", "retires_at", "revoked_at", "device_id",
    "device__uid", "device__device_id", "device__tenant_id", "device__pairing",
    "device__is_simulated", "device__unpaired_at", "device__presence__is_online",
    "device__presence__last_seen_at", "last_used_at", "last_address",
)  # fmt: skip
_BY_KEY = Select(
    lambda: DeviceCredential.objects.filter(lookup=Slot("lookup")).values_list(*_COLUMNS)
)
# Keys of the first version have no lookup until their next use.
_BY_DEVICE = Select(
    lambda: DeviceCredential.objects.filter(
        device__uid=Slot("uid"), lookup="", revoked_at__isnull=True
    ).values_list(*_COLUMNS)
)


def hash_key(key: str) -> str:
    """The bcrypt hash that is stored for a device key."""
    return bcrypt.hashpw(_bounded(key), bcrypt.gensalt(_BCRYPT_COST)).decode()


def lookup_of(key: str) -> str:
    """What a key is found by: a digest that 256 random bits cannot be guessed from."""
    return tokens.digest(key)


def authenticate_device(
    *,
    device_uid: str,
    token: str,
    address: str | None = None,
    request_id: str = "",
    via: str = "socket",
    now: datetime,
) -> DeviceFacts:
    """The device that holds this key and goes by this uid, or by this `device_id` at its site.

    The first use of a pending key makes it the current one. Raises InvalidCredentials for an
    unknown device or a wrong key (no telling which), and DeviceUnpaired for who holds the key of
    a life that has ended.
    """
    with row_security.platform_scope("devices.authentication"):
        shown = _presented(device_uid, token)
        stored = "" if shown is None else shown.key_hash
        is_right = _verified.matches(stored or _DUMMY_HASH, token)
        if shown is None:
            raise InvalidCredentials
        is_right = is_right and shown.is_good(now)
        if shown.ended_with_its_life() or (is_right and shown.pairing == Pairing.UNPAIRED):
            raise errors.DeviceUnpaired
        if not is_right:
            raise InvalidCredentials
        if shown.role == KeyRole.PENDING:
            actor = replace(
                Actor.device(
                    device_id=shown.device_id,
                    uid=shown.uid,
                    tenant_id=shown.tenant_id,
                    address=address,
                ),
                via=via,
                request_id=request_id,
            )
            _promote(shown, actor, now)
        elif shown.first_used_at is None or not shown.lookup:
            _note_first_use(shown, token, now)
        if key_uses.is_noteworthy(
            noted_at=shown.last_used_at, noted_address=shown.last_address, address=address, now=now
        ):
            key_uses.note_use(credential_id=shown.credential_id, address=address, via=via, now=now)
    return shown.facts()


def count_failed_login(
    *, address: str | None, limit: int = FAILED_LOGINS_PER_MINUTE, now: datetime
) -> None:
    """Count one wrong key against the address it came from, on whatever wire.

    Raises RateLimited past the limit. Whoever shows the right key is not counted.
    """
    ratelimit.hit(key=f"device-auth:{address}", limit=limit, window_s=60, now=now)


def ended_life_of(*, device_uid: str, key: str) -> int | None:
    """The ended life whose key this was when it ended, or None. Within platform-wide work only."""
    shown = _presented(device_uid, key)
    return shown.device_id if shown is not None and shown.ended_with_its_life() else None


def revoke_credential(*, device_uid: str, actor: Actor, now: datetime) -> None:
    """Void all keys of the device, pending and retiring ones too; its sockets close within seconds.

    Revoking twice is fine. Raises NotFound, PermissionDenied below admin, DeviceArchived.
    """
    with unit_of_work():
        device = selectors.device_by_uid(actor=actor, uid=device_uid)
        permissions.require_own(actor, device.tenant_id)
        sessions.require_living(sessions.lock_session(device_id=device.pk))
        voided = void_all(device_id=device.pk, now=now)
        if not voided:
            return
        record_change(
            "revoked",
            device_uid=device.uid,
            tenant_id=device.tenant_id,
            before={"credential": "live", "keys": voided},
            after={"credential": "revoked", "keys": 0},
            actor=actor,
            now=now,
        )


def replace_credential(*, device_id: int, key: str, key_hash: str, now: datetime) -> None:
    """Give the device a new key in place of all it has, within the caller's unit of work.

    The hash is made by the caller beforehand (`hash_key`): bcrypt takes its time, and no lock
    should be held meanwhile.
    """
    void_all(device_id=device_id, now=now)
    DeviceCredential.objects.create(
        device_id=device_id, key_hash=key_hash, lookup=lookup_of(key), created_at=now
    )


def void_all(*, device_id: int, now: datetime) -> int:
    """Void every key of the device, within the caller's unit of work; returns how many."""
    live_keys = DeviceCredential.objects.filter(device_id=device_id, revoked_at__isnull=True)
    keys = list(live_keys.values_list("pk", flat=True))
    return sum(retire(credential_id=key, device_id=device_id, now=now) for key in keys)


def retire(*, credential_id: int, device_id: int, now: datetime) -> bool:
    """Void one key and have its sockets close, within the caller's unit of work."""
    if not void(credential_id=credential_id, now=now):
        return False
    publish(
        events.CredentialRevoked(occurred_at=now, device_id=device_id, credential_id=credential_id)
    )
    broker_accounts.revoke_with_key(credential_id=credential_id, now=now)
    return True


def void(*, credential_id: int, now: datetime) -> bool:
    """Empty the credential's hash; False when that was done before."""
    live_key = DeviceCredential.objects.filter(pk=credential_id, revoked_at__isnull=True)
    return bool(live_key.update(revoked_at=now, key_hash=""))


def record_change(
    verb: str,
    *,
    device_uid: str,
    tenant_id: int | None,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    """Write down what became of a device's keys, and tell those who look at the device."""
    recording.record(
        tenant_id=tenant_id,
        action=f"devices.credential.{verb}",
        actor=actor,
        target_type="device",
        target_id=device_uid,
        before=before,
        after=after,
        now=now,
    )
    live.append(
        tenant_id=tenant_id, kind="device_updated", payload={"device_uid": device_uid}, now=now
    )


def _presented(device_uid: str, token: str) -> _Shown | None:
    """The key, if the device goes by that name; for those of the first version, that device's."""
    row = _BY_KEY.first(lookup=lookup_of(token))
    if row is None:
        row = _BY_DEVICE.first(uid=device_uid)
        return None if row is None else _Shown(*row)
    shown = _Shown(*row)
    return shown if device_uid and device_uid in (shown.uid, shown.site_chosen_id) else None


def _note_first_use(shown: _Shown, token: str, now: datetime) -> None:
    with unit_of_work():
        key = DeviceCredential.objects.filter(pk=shown.credential_id, revoked_at__isnull=True)
        key.filter(first_used_at__isnull=True).update(first_used_at=now)
        if not shown.lookup:
            key.update(lookup=lookup_of(token))


def _promote(shown: _Shown, actor: Actor, now: datetime) -> None:
    """Make the pending key the current one, once, however many first uses come together."""
    with unit_of_work():
        facts = sessions.lock_session(device_id=shown.device_id)
        keys = DeviceCredential.objects.filter(device_id=shown.device_id, revoked_at__isnull=True)
        by_role = {key.role: key for key in keys}
        if shown.credential_id not in {key.pk for key in by_role.values()}:
            raise InvalidCredentials if facts.is_active else errors.DeviceUnpaired
        pending = by_role.get(KeyRole.PENDING)
        if pending is None or pending.pk != shown.credential_id:
            # Another first use was faster; the key is as good by now.
            return
        retires_at = _step_down(by_role, pending.grace_seconds, now)
        DeviceCredential.objects.filter(pk=pending.pk, role=KeyRole.PENDING).update(
            role=KeyRole.CURRENT, retires_at=None, first_used_at=now
        )
        record_change(
            "promoted",
            device_uid=facts.device_uid,
            tenant_id=facts.tenant_id,
            before={"credential": "rotation_pending"},
            after={
                "credential": "old_key_in_use" if retires_at else "current",
                "old_key_retires_at": None if retires_at is None else retires_at.isoformat(),
            },
            actor=actor,
            now=now,
        )


def _step_down(
    by_role: dict[str, DeviceCredential], grace_seconds: int, now: datetime
) -> datetime | None:
    """Have the current key retire, at once without a grace; returns until when it is good."""
    oldest, former = by_role.get(KeyRole.RETIRING), by_role.get(KeyRole.CURRENT)
    if oldest is not None:
        retire(credential_id=oldest.pk, device_id=oldest.device_id, now=now)
    if former is None:
        return None
    if not grace_seconds:
        retire(credential_id=former.pk, device_id=former.device_id, now=now)
        return None
    retires_at = now + timedelta(seconds=grace_seconds)
    DeviceCredential.objects.filter(pk=former.pk).update(
        role=KeyRole.RETIRING, retires_at=retires_at
    )
    return retires_at


def _bounded(key: str) -> bytes:
    # bcrypt refuses more than 72 bytes; a longer key cannot be one of ours but must not crash.
    raw = key.encode()
    return raw if len(raw) <= 72 else hmac.new(b"long", raw, hashlib.sha256).hexdigest().encode()
