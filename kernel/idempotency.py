"""Idempotency-Key: one effect and one answer for a request that is sent again.

The key is reserved in a transaction of its own, so that a second request sees the first one
run. The effect and the stored answer are then committed together: a process killed in between
leaves either both or only a reservation, whose lease ends. (After the IETF httpapi draft
"The Idempotency-Key HTTP Header Field", with 409 in place of its 422.)

Answers are sealed under a key derived from the Idempotency-Key itself, of which only a digest
is stored: the table alone discloses no token that an answer carried.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import IntegrityError, transaction

from kernel import errors, tokens
from kernel.models import IdempotencyRecord

KEPT_FOR = timedelta(hours=24)
# Longer than any request may run (the longest wait is 30 s).
LEASE = timedelta(seconds=60)
MAX_KEY_LENGTH = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredAnswer:
    """The first answer to a key."""

    status: int
    content: bytes
    headers: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """The right to carry out the request of a key; `key` opens the sealed answer."""

    record_id: int
    key: str
    leased_until: datetime


def reserve(
    *, caller: str, key: str, fingerprint: str, now: datetime
) -> Reservation | StoredAnswer:
    """Reserve the key for this request, or return the answer that was given to it before.

    Raises ValidationFailed for an unusable key, IdempotencyConflict when the key came with
    another request, IdempotencyInProgress while the first one runs.
    """
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise errors.ValidationFailed(
            details={"Idempotency-Key": ["1 to 255 printable characters."]}
        )
    key_digest = tokens.keyed_digest("idempotency", key)
    values = {"fingerprint": fingerprint, "created_at": now, "leased_until": now + LEASE}
    try:
        with transaction.atomic():
            record = IdempotencyRecord.objects.create(
                caller=caller, key_digest=key_digest, **values
            )
    except IntegrityError:
        return _meet_earlier(caller, key, key_digest, fingerprint, now)
    return Reservation(record_id=record.pk, key=key, leased_until=record.leased_until)


def complete(reservation: Reservation, answer: StoredAnswer) -> None:
    """Store the answer; call it in the transaction of the effect, or later to replace it."""
    sealed = _seal(reservation.key, answer)
    updated = IdempotencyRecord.objects.filter(
        pk=reservation.record_id, leased_until=reservation.leased_until
    ).update(is_complete=True, status=answer.status, sealed_response=sealed)
    if not updated:
        raise errors.IdempotencyInProgress(retry_after=1)


def release(reservation: Reservation) -> None:
    """Give the key back after a refusal, so that a corrected or later try may use it."""
    IdempotencyRecord.objects.filter(
        pk=reservation.record_id, leased_until=reservation.leased_until, is_complete=False
    ).delete()


def forget_old(now: datetime) -> int:
    """Delete records older than a day; returns how many."""
    return IdempotencyRecord.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]


def fingerprint_of(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same: method, path with query, body."""
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _meet_earlier(
    caller: str, key: str, key_digest: str, fingerprint: str, now: datetime
) -> Reservation | StoredAnswer:
    record = IdempotencyRecord.objects.filter(caller=caller, key_digest=key_digest).first()
    if record is None:
        raise errors.IdempotencyInProgress(retry_after=1)
    if record.created_at < now - KEPT_FOR:
        return _take_over(record, key, fingerprint, now)
    if record.fingerprint != fingerprint:
        raise errors.IdempotencyConflict
    if record.is_complete:
        return _open(key, record)
    if record.leased_until > now:
        seconds = int((record.leased_until - now).total_seconds()) + 1
        raise errors.IdempotencyInProgress(retry_after=min(seconds, 5))
    return _take_over(record, key, fingerprint, now)


def _take_over(record: IdempotencyRecord, key: str, fingerprint: str, now: datetime) -> Reservation:
    leased_until = now + LEASE
    won = IdempotencyRecord.objects.filter(
        pk=record.pk, leased_until=record.leased_until, is_complete=record.is_complete
    ).update(
        fingerprint=fingerprint,
        created_at=now,
        leased_until=leased_until,
        is_complete=False,
        status=None,
        sealed_response=None,
    )
    if not won:
        raise errors.IdempotencyInProgress(retry_after=1)
    return Reservation(record_id=record.pk, key=key, leased_until=leased_until)


def _cipher(key: str) -> AESGCM:
    return AESGCM(bytes.fromhex(tokens.keyed_digest("idempotency-answer", key)))


def _seal(key: str, answer: StoredAnswer) -> bytes:
    nonce = os.urandom(12)
    plain = json.dumps({"headers": answer.headers, **_as_text(answer.content)}).encode()
    return nonce + _cipher(key).encrypt(nonce, plain, None)


def _open(key: str, record: IdempotencyRecord) -> StoredAnswer:
    sealed = bytes(record.sealed_response or b"")
    plain = json.loads(_cipher(key).decrypt(sealed[:12], sealed[12:], None))
    return StoredAnswer(
        status=record.status or 200,
        content=_as_bytes(plain),
        headers=plain["headers"],
    )


def _as_text(content: bytes) -> dict[str, str]:
    try:
        return {"content": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"binary": base64.b64encode(content).decode("ascii")}


def _as_bytes(plain: dict[str, Any]) -> bytes:
    if "binary" in plain:
        return base64.b64decode(plain["binary"])
    content: str = plain["content"]
    return content.encode("utf-8")
