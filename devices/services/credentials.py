"""Device keys: 256 random bits, kept as bcrypt, checked hot through a cache."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from datetime import datetime
from threading import Lock

import bcrypt

from audit.services import recording
from devices import errors, events, permissions, selectors
from devices.choices import Pairing
from devices.models import Device, DeviceCredential
from devices.types import DeviceFacts
from kernel.actors import Actor
from kernel.errors import InvalidCredentials
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

# The lowest cost bcrypt has: a key of 256 random bits needs no stretching.
_BCRYPT_COST = 4
_CACHE_SIZE = 20_000
# What an unknown device is compared with, so that the answer takes the same time.
_DUMMY_HASH = bcrypt.hashpw(b"no such device", bcrypt.gensalt(_BCRYPT_COST)).decode()


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


def hash_key(key: str) -> str:
    """The bcrypt hash that is stored for a device key."""
    return bcrypt.hashpw(_bounded(key), bcrypt.gensalt(_BCRYPT_COST)).decode()


def authenticate_device(*, device_uid: str, token: str, now: datetime) -> DeviceFacts:
    """The device that holds this token.

    Raises InvalidCredentials for an unknown device or a wrong token (no telling which), and
    DeviceUnpaired for a device whose life has ended.
    """
    device = (
        Device.all_objects.unscoped("a device proves who it is before there is a scope")
        .filter(uid=device_uid)
        .first()
    )
    credential = None if device is None else _live_credential(device.pk)
    stored = "" if credential is None else credential.key_hash
    is_right = _verified.matches(stored or _DUMMY_HASH, token)
    if not is_right or device is None or credential is None:
        if device is not None and device.pairing == Pairing.UNPAIRED:
            raise errors.DeviceUnpaired
        raise InvalidCredentials
    return DeviceFacts(
        device_id=device.pk,
        uid=device.uid,
        tenant_id=device.tenant_id,
        pairing=device.pairing,
        is_simulated=device.is_simulated,
        credential_id=credential.pk,
    )


def revoke_credential(*, device_uid: str, actor: Actor, now: datetime) -> None:
    """Void the device's token; its sockets close within seconds. Revoking twice is fine."""
    with unit_of_work():
        device = selectors.device_by_uid(actor=actor, uid=device_uid)
        permissions.require_own(actor, device.tenant_id)
        credential = _live_credential(device.pk)
        if credential is None or not void(credential_id=credential.pk, now=now):
            return
        recording.record(
            tenant_id=device.tenant_id,
            action="devices.credential.revoked",
            actor=actor,
            target_type="device",
            target_id=device.uid,
            before={"credential": "live"},
            after={"credential": "revoked"},
            now=now,
        )
        publish(
            events.CredentialRevoked(
                occurred_at=now, device_id=device.pk, credential_id=credential.pk
            )
        )


def replace_credential(*, device_id: int, key_hash: str, now: datetime) -> None:
    """Give the device a new key in place of its live one, within the caller's unit of work."""
    former = _live_credential(device_id)
    if former is not None and void(credential_id=former.pk, now=now):
        publish(
            events.CredentialRevoked(occurred_at=now, device_id=device_id, credential_id=former.pk)
        )
    DeviceCredential.objects.create(device_id=device_id, key_hash=key_hash, created_at=now)


def void(*, credential_id: int, now: datetime) -> bool:
    """Empty the credential's hash; False when that was done before."""
    live = DeviceCredential.objects.filter(pk=credential_id, revoked_at__isnull=True)
    return bool(live.update(revoked_at=now, key_hash=""))


def _live_credential(device_id: int) -> DeviceCredential | None:
    return DeviceCredential.objects.filter(device_id=device_id, revoked_at__isnull=True).first()


def _bounded(key: str) -> bytes:
    # bcrypt refuses more than 72 bytes; a longer key cannot be one of ours but must not crash.
    raw = key.encode()
    return raw if len(raw) <= 72 else hmac.new(b"long", raw, hashlib.sha256).hexdigest().encode()
