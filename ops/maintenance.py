"""Read models of maintenance windows, and the form that makes one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.core.paginator import Page, Paginator

from accounts.permissions import has_role, one_tenant
from devices import permissions
from devices import selectors as devices
from devices.services.maintenance import LONGEST
from kernel.actors import Actor
from ops import wording

PAGE_SIZE = 50
LONGEST_DAYS = LONGEST.days
_MAX_REASON = 200
_WRITTEN = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
_NO_TIME = {"required": "Give a date and a time.", "invalid": "This is no date and time."}


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A maintenance window as the list shows it; `phase` is coming, now or over."""

    uid: str
    subject: str
    device_uid: str
    site_id: str
    owner: str
    owner_uid: str
    phase: str
    starts_at: datetime
    ends_at: datetime
    lasts: str
    reason: str
    created_by: str
    may_change: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What the viewer may announce maintenance for, in the one tenant they act in."""

    sites: Sequence[tuple[str, str]]
    is_everywhere: bool


def windows_page(*, actor: Actor, number: str, now: datetime) -> tuple[list[Window], Page[Any]]:
    """One page of the windows the viewer may see: those that end last stand first."""
    found = devices.maintenance_windows_visible_to(actor).order_by("-ends_at", "-pk")
    page = Paginator(found, PAGE_SIZE).get_page(number)
    return [_window(row, actor, now) for row in page.object_list], page


def is_operator_somewhere(actor: Actor) -> bool:
    """Whether the viewer may announce maintenance in any of the tenants shown."""
    return any(has_role(actor, tenant_id, "operator") for tenant_id in actor.tenant_ids)


def reach_of(*, actor: Actor) -> Reach:
    """What a window may be for. Raises TenantRequired, PermissionDenied below operator."""
    tenant_id = one_tenant(actor)
    permissions.require_operate(actor, tenant_id)
    found = devices.sites_visible_to(actor).order_by("name", "pk")
    return Reach(
        sites=list(found.values_list("site_id", "name")),
        is_everywhere=actor.may_see_site(tenant_id, None),
    )


def subject_of(*, actor: Actor, device_uid: str) -> str:
    """The name of the device that a window is for. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=device_uid)
    return device.name or device.device_id or device.uid


class WindowForm(forms.Form):
    """A window to be announced; its times are those of the time zone `zone`."""

    site = forms.ChoiceField(required=False)
    device = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    starts_at = forms.DateTimeField(input_formats=_WRITTEN, error_messages=_NO_TIME)
    ends_at = forms.DateTimeField(input_formats=_WRITTEN, error_messages=_NO_TIME)
    zone = forms.CharField(required=False, max_length=64, initial="UTC")
    reason = forms.CharField(required=False, max_length=_MAX_REASON, strip=True)

    def __init__(self, *args: Any, sites: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].choices = sites  # type: ignore[attr-defined]

    def clean_zone(self) -> ZoneInfo:
        """The zone of whoever typed the times; without a script that is UTC."""
        try:
            return ZoneInfo(self.cleaned_data["zone"] or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise forms.ValidationError("This is no time zone.") from error

    def clean(self) -> dict[str, Any]:
        """Both times as those of the zone; Django read them as times of its own, which is UTC."""
        given: dict[str, Any] = super().clean() or {}
        for name in {"starts_at", "ends_at"} & given.keys() if "zone" in given else ():
            try:
                given[name] = given[name].replace(tzinfo=given["zone"]).astimezone(UTC)
            except OverflowError:
                self.add_error(name, _NO_TIME["invalid"])
        return given

    def window(self) -> dict[str, Any]:
        """The input as the service takes it."""
        given = self.cleaned_data
        return {
            "starts_at": given["starts_at"],
            "ends_at": given["ends_at"],
            "reason": given["reason"],
            "site_id": given["site"] or None,
            "device_uid": given["device"] or None,
        }


def _window(row: Any, actor: Actor, now: datetime) -> Window:
    device, site = row.device, row.site
    if device is not None:
        subject = device.name or device.device_id or device.uid
    else:
        subject = "Everything" if site is None else site.name
    return Window(
        uid=row.uid,
        subject=subject,
        device_uid="" if device is None else device.uid,
        site_id="" if site is None else site.site_id,
        owner=row.tenant.name,
        owner_uid=row.tenant.uid,
        phase="over" if row.ends_at <= now else "now" if row.starts_at <= now else "coming",
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        lasts=wording.lasting((row.ends_at - row.starts_at).total_seconds()),
        reason=row.reason,
        created_by=row.created_by,
        may_change=has_role(actor, row.tenant_id, "operator"),
    )
