"""Handing a device to another tenant: offered by one side, accepted by the other with a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.permissions import one_tenant
from audit.services import recording
from devices import errors, events, permissions, selectors
from devices.choices import TransferState
from devices.models import DeviceTransfer
from devices.registry import Ended
from devices.services import sessions
from devices.services.transfer_acceptance import AcceptedTransfer, accept
from devices.services.transfer_states import settle
from kernel import errors as kernel_errors
from kernel import live, ratelimit, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

OPEN_FOR = timedelta(hours=72)
# 16 characters are 80 bits; whoever guesses is locked out after a few tries besides.
CODE_LENGTH = 16
WRONG_TRIES = 5
LOCK_SECONDS = 15 * 60
EXPIRED_AT_ONCE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A device offered to another tenant; the code is shown this once."""

    uid: str
    code: str = field(repr=False)
    expires_at: datetime


def offer_transfer(*, device_uid: str, actor: Actor, now: datetime) -> Offer:
    """Offer a device to whoever brings the code within 72 hours; until then it works as before.

    A device has one open offer: another one makes the code of the first void. Raises NotFound,
    PermissionDenied below admin, DeviceArchived.
    """
    code = tokens.new_code(CODE_LENGTH)
    with unit_of_work():
        device = selectors.device_by_uid(actor=actor, uid=device_uid)
        permissions.require_own(actor, device.tenant_id)
        sessions.require_living(sessions.lock_session(device_id=device.pk))
        if device.tenant_id is None:
            raise kernel_errors.Conflict("This device has no owner who could hand it on.")
        _replace(device.pk, device.uid, actor, now)
        offer = DeviceTransfer.objects.create(
            uid=tokens.new_public_id(),
            device=device,
            tenant_id=device.tenant_id,
            code_digest=_digest(code),
            created_at=now,
            offered_by=actor.label[:200],
            expires_at=now + OPEN_FOR,
        )
        recording.record(
            tenant_id=device.tenant_id,
            action="devices.transfer.offered",
            actor=actor,
            target_type="device",
            target_id=device.uid,
            before=None,
            after={"transfer": offer.uid, "expires_at": offer.expires_at.isoformat()},
            now=now,
        )
        publish(
            events.TransferChanged(
                occurred_at=now,
                device_id=device.pk,
                transfer_uid=offer.uid,
                state=TransferState.OFFERED.value,
            )
        )
        live.append(
            tenant_id=device.tenant_id,
            kind="device_updated",
            payload={"device_uid": device.uid},
            now=now,
        )
    return Offer(uid=offer.uid, code=code, expires_at=offer.expires_at)


def cancel_transfer(*, transfer_uid: str, actor: Actor, now: datetime) -> None:
    """Take an offer back; one that is void already stays as it is.

    Raises NotFound (also for who is not on the giving side), PermissionDenied below admin,
    TransferDecided when the other side has accepted.
    """
    with unit_of_work():
        offer = selectors.given_transfer(actor=actor, uid=transfer_uid)
        permissions.require_own(actor, offer.tenant_id)
        facts = sessions.lock_session(device_id=offer.device_id)
        if settle(
            offer=offer,
            device_uid=facts.device_uid,
            state=TransferState.CANCELLED,
            actor=actor,
            now=now,
        ):
            return
        offer = selectors.given_transfer(actor=actor, uid=transfer_uid)
        if offer.state == TransferState.ACCEPTED:
            raise errors.TransferDecided


def accept_transfer(
    *, code: str, site_id: str | None = None, actor: Actor, now: datetime
) -> AcceptedTransfer:
    """Make the actor's tenant the owner of the offered device, which begins a new life there.

    The giver's life of it ends and stays the giver's archive. The new key is shown this once;
    the hardware itself may fetch one with the proof of its former key. Raises TenantRequired,
    PermissionDenied below admin, ValidationFailed for the site, TransferToSelf,
    TransferCodeInvalid for a code that is unknown, expired, used or void (the same answer), and
    RateLimited after 5 wrong tries from one address or of one code within 15 minutes.
    """
    tenant_id = one_tenant(actor)
    permissions.require_own(actor, tenant_id)
    site_pk = _site_of(site_id, tenant_id, actor)
    digest = _digest(code)
    guards = (f"transfer:address:{actor.address}", f"transfer:code:{digest}")
    # Counted before it is looked at, so that a burst of tries is one count after the other.
    for guard in guards:
        ratelimit.hit(key=guard, limit=WRONG_TRIES, window_s=LOCK_SECONDS, now=now)
    is_wrong = False
    try:
        return accept(
            code_digest=digest, tenant_id=tenant_id, site_pk=site_pk, actor=actor, now=now
        )
    except errors.TransferCodeInvalid:
        is_wrong = True
        raise
    finally:
        if not is_wrong:
            for guard in guards:
                ratelimit.give_back(key=guard, window_s=LOCK_SECONDS, now=now)


def cancel_for_end(ended: Sequence[Ended]) -> None:
    """Make the open offers of devices void whose lives end otherwise, in that transaction."""
    lives = {life.device_id: life for life in ended}
    for offer in _open_offers().filter(device_id__in=lives).order_by("pk"):
        life = lives[offer.device_id]
        settle(
            offer=offer,
            device_uid=life.device_uid,
            state=TransferState.CANCELLED,
            actor=Actor.system("devices.life_end"),
            now=life.now,
            because=life.reason,
        )


def expire_offers(now: datetime) -> int:
    """Make offers void whose time is over; returns how many. Safe in any number of processes."""
    over = _open_offers().filter(expires_at__lte=now).order_by("expires_at")
    return sum(_expire(offer, now) for offer in list(over[:EXPIRED_AT_ONCE]))


@unit_of_work()
def _expire(offer: DeviceTransfer, now: datetime) -> bool:
    facts = sessions.lock_session(device_id=offer.device_id)
    return settle(
        offer=offer,
        device_uid=facts.device_uid,
        state=TransferState.EXPIRED,
        actor=Actor.system("devices.transfers"),
        now=now,
    )


def _replace(device_id: int, device_uid: str, actor: Actor, now: datetime) -> None:
    for offer in _open_offers().filter(device_id=device_id):
        is_over = offer.expires_at <= now
        settle(
            offer=offer,
            device_uid=device_uid,
            state=TransferState.EXPIRED if is_over else TransferState.CANCELLED,
            actor=actor,
            now=now,
        )


def _open_offers() -> QuerySet[DeviceTransfer]:
    offers: QuerySet[DeviceTransfer] = DeviceTransfer.objects.unscoped("the caller names devices")
    return offers.filter(state=TransferState.OFFERED)


def _site_of(site_id: str | None, tenant_id: int, actor: Actor) -> int | None:
    if not site_id:
        if not actor.may_see_site(tenant_id, None):
            raise kernel_errors.ValidationFailed(details={"site": ["Name one of your sites."]})
        return None
    try:
        return selectors.site_in(actor=actor, tenant_id=tenant_id, site_id=site_id).pk
    except kernel_errors.NotFound:
        raise kernel_errors.ValidationFailed(
            details={"site": [f"There is no site {site_id!r}."]}
        ) from None


def _digest(code: str) -> str:
    return tokens.keyed_digest("device-transfer", tokens.normalise_code(code))
