"""Hands out the keys of an enrolment, once: whoever has the passphrase takes them away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from devices import errors, permissions, sealing, selectors
from devices.choices import EnrolmentMode, EnrolmentState, RowState
from devices.models import Enrolment, EnrolmentRow
from devices.sealing import Seal
from devices.services import enrolment_pack, enrolment_progress
from devices.services.enrolment_pack import EnrolledRow
from devices.services.enrolment_runs import codes_expire_at, seal_context
from kernel import ratelimit, tokens
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.unit_of_work import unit_of_work

WRONG_TRIES = 5
LOCK_SECONDS = 15 * 60
_OVER = (EnrolmentState.DONE, EnrolmentState.CANCELLED)


def download_keys(
    *,
    enrolment_uid: str,
    passphrase: str,
    origin: str,
    keep: Callable[[bytes], None],
    actor: Actor,
    now: datetime,
) -> bytes:
    """The archive with all secrets, which are wiped in the transaction that says so.

    `keep` is called with the archive in that transaction, for a caller who may send the request
    again. Call it outside a unit of work: wrong tries count although they are refused. Raises
    Conflict before the enrolment is over, AlreadyDownloaded, KeysExpired, WrongPassphrase,
    RateLimited after 5 wrong tries within 15 minutes, NotFound, PermissionDenied.
    """
    enrolment = selectors.enrolment_by_uid(actor=actor, uid=enrolment_uid)
    permissions.require_enrol(actor, enrolment.tenant_id, enrolment.mode)
    _require_keys(enrolment)
    guard = f"enrolment-keys:{enrolment.pk}"
    # Counted before it is looked at, so that a burst of tries is one count after the other.
    ratelimit.hit(key=guard, limit=WRONG_TRIES, window_s=LOCK_SECONDS, now=now)
    typed = _as_shown(passphrase)
    seal = Seal(public_key=bytes(enrolment.seal_key or b""), salt=bytes(enrolment.seal_salt or b""))
    try:
        private_key = sealing.unlock(typed, seal)
    except sealing.CannotOpen:
        raise errors.WrongPassphrase from None
    # Thousands of keys take seconds; no lock is held meanwhile.
    packed = _pack(enrolment, private_key, typed, origin)
    with unit_of_work():
        _wipe(enrolment, now)
        enrolment_progress.note(enrolment, "keys_downloaded", before=None, actor=actor, now=now)
        keep(packed)
    ratelimit.give_back(key=guard, window_s=LOCK_SECONDS, now=now)
    return packed


def _require_keys(enrolment: Enrolment) -> None:
    if enrolment.downloaded_at is not None:
        raise errors.AlreadyDownloaded
    if enrolment.state not in _OVER:
        raise Conflict("This enrolment is not finished. Its keys can be fetched when it is.")
    if enrolment.enrolled == 0:
        raise Conflict("No device was enrolled: there are no keys.")
    if enrolment.seal_key is None:
        raise errors.KeysExpired


def _as_shown(passphrase: str) -> str:
    """The passphrase as it was shown, whatever the case and the dashes it was typed with."""
    text = tokens.normalise_code(passphrase)
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _pack(
    enrolment: Enrolment, private_key: X25519PrivateKey, passphrase: str, origin: str
) -> bytes:
    found = EnrolmentRow.objects.unscoped("the enrolment was found in scope")
    # A device whose data was erased since then has no key to fetch.
    enrolled = found.filter(
        enrolment_id=enrolment.pk, state=RowState.ENROLLED, sealed_secret__isnull=False
    )
    rows = list(enrolled.order_by("number"))
    if not rows:
        raise _gone(enrolment)
    opened = [_opened(enrolment, row, private_key) for row in rows]
    if enrolment.mode == EnrolmentMode.API_KEY:
        return enrolment_pack.pack_keys(opened, passphrase=passphrase)
    return enrolment_pack.pack_codes(
        opened,
        origin=origin,
        expires_at=codes_expire_at(enrolment, rows[0].given),
        passphrase=passphrase,
    )


def _gone(enrolment: Enrolment) -> Conflict:
    """Why there is no secret any more: perhaps somebody was first since this request looked."""
    rows = Enrolment.objects.unscoped("found within the actor's scope")
    enrolment.refresh_from_db(from_queryset=rows)
    return errors.KeysExpired() if enrolment.downloaded_at is None else errors.AlreadyDownloaded()


def _opened(enrolment: Enrolment, row: EnrolmentRow, private_key: X25519PrivateKey) -> EnrolledRow:
    secret = sealing.open_secret(
        bytes(row.sealed_secret or b""),
        private_key=private_key,
        context=seal_context(enrolment, row.number),
    )
    names = ("uid", "device_id", "hardware_id", "name", "site")
    known = {name: str(row.given.get(name, "")) for name in names}
    return EnrolledRow(secret=secret.decode(), **known)


def _wipe(enrolment: Enrolment, now: datetime) -> None:
    """Forget every secret, if nobody was first. Raises AlreadyDownloaded otherwise."""
    rows = Enrolment.objects.unscoped("found within the actor's scope")
    first = rows.filter(
        pk=enrolment.pk, downloaded_at__isnull=True, seal_key__isnull=False, state__in=_OVER
    )
    if not first.update(downloaded_at=now, seal_key=None, seal_salt=None):
        raise errors.AlreadyDownloaded
    sealed = EnrolmentRow.objects.unscoped("the enrolment whose row is held")
    sealed.filter(enrolment_id=enrolment.pk).update(sealed_secret=None)
