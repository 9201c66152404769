"""Read models of what a device is set to and of the infrared codes it knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.paginator import Page, Paginator

from accounts.permissions import has_role
from devices import selectors as devices
from devices.selectors import config as configurations
from infrared import selectors as infrared
from kernel import errors, preconditions
from kernel.actors import Actor
from ops import collisions, documents, ledger, selectors, wording
from ops.rails import Rail, rail_of

if TYPE_CHECKING:
    from devices.config_types import ConfigView

PAGE_SIZE = 20
_MAX_DIGITS = 18
_MAX_PRONTO = 20_000
_IR_KINDS = ("ir_learn", "ir_transmit")


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigVersion:
    """A version of a configuration, as the list shows it."""

    number: int
    at: datetime
    by: str
    is_present: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigSheet:
    """Everything the page of a configuration shows."""

    card: selectors.DeviceCard
    may_edit: bool
    view: ConfigView
    text: str
    etag: str
    versions: Sequence[ConfigVersion]
    page: Page[Any]
    rail: Rail


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """An infrared code as the list shows it."""

    uid: str
    name: str
    carrier: str
    length: int
    lasts: str
    source: str
    created_by: str
    created_at: datetime
    pronto: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CodesSheet:
    """The infrared codes of a device; it may learn and send them where it has said it can."""

    card: selectors.DeviceCard
    may_edit: bool
    may_learn: bool
    may_transmit: bool
    codes: Sequence[Code]


class CodeForm(forms.Form):
    """A code as Pronto hex."""

    name = forms.CharField(
        max_length=64, strip=True, error_messages={"required": "Give it a name."}
    )
    pronto = forms.CharField(
        max_length=_MAX_PRONTO, strip=True, error_messages={"required": "Paste the code."}
    )


class LearnForm(forms.Form):
    """What the code to be learnt is to be called."""

    name = forms.CharField(
        max_length=64, strip=True, error_messages={"required": "Give it a name."}
    )


def config_sheet(*, actor: Actor, uid: str, number: str, now: datetime) -> ConfigSheet:
    """What a device of the viewer is set to. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    view = configurations.config_of(device, actor)
    found = configurations.config_revisions_of(device, actor).order_by("-version")
    page = Paginator(found, PAGE_SIZE).get_page(number)
    return ConfigSheet(
        card=selectors.device_card(device, now=now),
        may_edit=bool(device.is_active and has_role(actor, device.tenant_id, "operator")),
        view=view,
        text=documents.written(view.document),
        etag=str(preconditions.version_tag(view.version)),
        versions=[version_of(row, view.version) for row in page.object_list],
        page=page,
        rail=rail_of(found, here=view.version, present=view.version, begins_at_nothing=False),
    )


def version_of(row: Any, present: int) -> ConfigVersion:
    """A kept version as the lists show it."""
    return ConfigVersion(
        number=row.version, at=row.at, by=row.by, is_present=row.version == present
    )


def config_collision(
    *, actor: Actor, uid: str, etag: str, yours: Mapping[str, Any]
) -> collisions.Collision:
    """Both sides, when somebody saved another version than the one `etag` names. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid)
    present = configurations.config_of(device, actor)
    digits = etag.strip().strip('"')
    read = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < _MAX_DIGITS else 0
    try:
        base = configurations.config_revision(device, actor, read).document
    except errors.NotFound:
        base = None
    return collisions.collision_of(
        base=base,
        base_version=None if base is None else read,
        theirs=present.document,
        theirs_version=present.version,
        theirs_by=present.changed_by,
        # What is left out is as nobody had set it: the form sends the whole document.
        yours=yours,
        etag=str(preconditions.version_tag(present.version)),
    )


def codes_sheet(*, actor: Actor, uid: str, now: datetime) -> CodesSheet:
    """The infrared codes of a device of the viewer, by name. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    may_edit = bool(device.is_active and has_role(actor, device.tenant_id, "operator"))
    usable = {kind.name for kind in ledger.kinds_for(actor=actor, device=device)}
    learn, transmit = (may_edit and name in usable for name in _IR_KINDS)
    found = infrared.codes_of(actor=actor, device_uid=device.uid).order_by("name", "pk")
    return CodesSheet(
        card=selectors.device_card(device, now=now),
        may_edit=may_edit,
        may_learn=learn,
        may_transmit=transmit,
        codes=[_code(infrared.view_of(row)) for row in found],
    )


def _code(view: Any) -> Code:
    return Code(
        uid=view.uid,
        name=view.name,
        carrier=f"{view.frequency_hz / 1000:.1f} kHz",
        length=view.length,
        lasts=f"{view.duration_us / 1000:.0f} ms",
        source=wording.plain(view.source),
        created_by=view.created_by,
        created_at=view.created_at,
        pronto=view.pronto or "",
    )
