"""How a device stands in its life: its keys, what is under way, and what the viewer may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from accounts.permissions import has_role
from devices import selectors as devices
from devices.choices import TransferState
from devices.services import rotation
from kernel import errors
from kernel.actors import Actor

if TYPE_CHECKING:
    from devices.types import KeyFacts

_UNDER_WAY = (TransferState.OFFERED,)
GRACE_CHOICES: tuple[tuple[str, str, str], ...] = (
    ("86400", "One day", "after the new key's first use. The choice for most devices."),
    ("3600", "One hour", "after the new key's first use."),
    ("604800", "One week", "after the new key's first use. For devices that are rarely online."),
    ("0", "Not at all:", "the old key ends with the new key's first use."),
    (
        "now",
        "End it now",
        "for a key that leaked. The device is shut out until it has the new one.",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What the viewer may do with a device; `role` is what they are in its tenant."""

    role: str
    may_operate: bool
    may_manage: bool
    may_erase: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenOffer:
    """An offer of the device to another owner that nobody has answered."""

    uid: str
    expires_at: datetime
    offered_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a device is in its life, as its page and the pages that change it show it."""

    rights: Rights
    keys: KeyFacts
    offer: OpenOffer | None
    erasure: Any
    lives: int
    enrolled_by: str
    claimed_by: str
    unpaired_at: datetime | None
    unpaired_by: str
    end_reason: str

    @property
    def is_over(self) -> bool:
        """Whether the life has ended."""
        return self.unpaired_at is not None

    @property
    def may_edit(self) -> bool:
        """Whether the viewer may change anything of it now."""
        return self.rights.may_operate and not self.is_over


def standing_of(*, actor: Actor, device: Any) -> Standing:
    """How a device stands that the viewer was found to see."""
    return Standing(
        rights=rights_on(actor=actor, tenant_id=device.tenant_id),
        keys=devices.key_facts(device),
        offer=_offer_of(actor, device) if device.is_active else None,
        erasure=None if device.is_active else _erasure_of(actor, device),
        lives=devices.lives_visible_to(actor, device).count(),
        enrolled_by=str(device.enrolled_by),
        claimed_by=device.claimed_by,
        unpaired_at=device.unpaired_at,
        unpaired_by=device.unpaired_by,
        end_reason=str(device.end_reason),
    )


def rights_on(*, actor: Actor, tenant_id: int | None) -> Rights:
    """What the viewer may do with a tenant's devices. The services decide; this only foretells."""
    return Rights(
        role=actor.role_in(tenant_id) or "",
        may_operate=has_role(actor, tenant_id, "operator"),
        may_manage=has_role(actor, tenant_id, "admin"),
        may_erase=has_role(actor, tenant_id, "owner"),
    )


def grace_of(choice: str) -> dict[str, Any]:
    """What a choice of the form means to the rotation; an unknown one is the day of the rest."""
    if choice == "now":
        return {"grace_seconds": 0, "revoke_old": "now"}
    known = {value for value, _, _ in GRACE_CHOICES}
    return {"grace_seconds": int(choice) if choice in known else rotation.DEFAULT_GRACE_SECONDS}


def _offer_of(actor: Actor, device: Any) -> OpenOffer | None:
    open_offers = devices.transfers_visible_to(actor).filter(
        device_id=device.pk, state__in=_UNDER_WAY
    )
    offer: Any = open_offers.first()
    if offer is None:
        return None
    return OpenOffer(uid=offer.uid, expires_at=offer.expires_at, offered_by=offer.offered_by)


def _erasure_of(actor: Actor, device: Any) -> Any:
    try:
        return devices.erasure_of(actor=actor, device_uid=device.uid)
    except errors.NotFound:
        return None
