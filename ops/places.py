"""Read models of the pages about sites, provisioning keys and bulk enrolments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.urls import reverse

from accounts.choices import Role
from accounts.permissions import has_role, one_tenant
from devices import permissions
from devices import selectors as devices
from devices.choices import EnrolmentState
from devices.types import SiteView
from fleet import selectors as fleet
from kernel import errors
from kernel.actors import Actor
from ops import connectivity, site_board, site_map

PAGE_SIZE = 50
_MAP_WIDTH, _MAP_HEIGHT = 340, 200
# Its own page reckons the uptime of any site.
_MOST_RECKONED = 200
_OVER = (EnrolmentState.DONE, EnrolmentState.CANCELLED)
_MOVING = (EnrolmentState.QUEUED, EnrolmentState.RUNNING)
ROWS_PER_PAGE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A site with what the viewer may do there. The services decide; this only foretells."""

    site: SiteView
    may_manage: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A provisioning key as the list shows it."""

    uid: str
    name: str
    site: str
    owner: str
    device_class: str
    used: int
    max_devices: int
    state: str
    created_by: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a bulk enrolment is, as its page shows it."""

    valid: int
    waiting: int
    percent: int
    is_moving: bool
    is_over: bool
    may_start: bool
    may_fetch: bool


def sites_page(*, actor: Actor, number: str) -> tuple[list[SiteView], Page[Any]]:
    """One page of the viewer's sites by name, with how many devices stand at each."""
    found = devices.sites_visible_to(actor).order_by("name", "pk")
    page = Paginator(found, PAGE_SIZE).get_page(number)
    return devices.site_views(list(page.object_list)), page


def place(*, actor: Actor, site_id: str) -> Place:
    """One site. Raises NotFound, and TenantRequired when several of the tenants have one."""
    site = devices.site_by_id(actor=actor, site_id=site_id)
    (view,) = devices.site_views([site])
    return Place(site=view, may_manage=has_role(actor, site.tenant_id, Role.ADMIN))


def maps_of_sites(*, actor: Actor, now: datetime) -> site_board.SiteBoard:
    """The viewer's sites on maps, as the overview has them."""
    found = fleet.overview(actor=actor, now=now)
    return site_board.board(found.sites, names_tenants=len(actor.roles) > 1)


def map_of(place: Place) -> site_map.SiteMap | None:
    """Where one site is; None without coordinates."""
    site = place.site
    if site.latitude is None or site.longitude is None:
        return None
    total, online = site.real_count, site.real_online_count
    spot = site_map.Spot(
        key=site.site_id,
        name=site.name,
        text=f"{site.name}: {online} of {total} online" if total else site.name,
        href=reverse("ops:site", kwargs={"site_id": site.site_id}),
        latitude=float(site.latitude),
        longitude=float(site.longitude),
        state="empty" if not total else "good" if online == total else "some" if online else "out",
        devices=total,
    )
    return site_map.draw([spot], width=_MAP_WIDTH, height=_MAP_HEIGHT)


def uptime_at(*, actor: Actor, place: Place, now: datetime) -> Sequence[connectivity.Period]:
    """How a site's devices were reachable; nothing of one so large that reckoning takes its time."""
    if not 0 < place.site.real_count <= _MOST_RECKONED:
        return ()
    found = connectivity.site_record(actor=actor, site_id=place.site.site_id, now=now)
    return found.periods


def managed_place(*, actor: Actor, site_id: str) -> Place:
    """One site that the viewer manages. Raises as `place`, and PermissionDenied below admin."""
    found = place(actor=actor, site_id=site_id)
    if not found.may_manage:
        raise errors.PermissionDenied("This needs the role admin or more.")
    return found


def outages_at(*, actor: Actor, site_id: str, now: datetime) -> list[connectivity.Outage]:
    """The last few outages of a site, the newest first. Raises as `place`."""
    site = devices.site_by_id(actor=actor, site_id=site_id)
    shown = connectivity.OUTAGES_SHOWN
    return connectivity.outages_of(actor=actor, site=site, now=now, limit=shown)


def others(*, actor: Actor, place: Place) -> list[tuple[str, str]]:
    """The other sites of the same tenant, by id and name."""
    found = devices.sites_visible_to(actor).filter(tenant__uid=place.site.tenant_uid)
    rest = found.exclude(site_id=place.site.site_id).order_by("name", "pk")
    return list(rest.values_list("site_id", "name"))


def is_manager_somewhere(actor: Actor) -> bool:
    """Whether the viewer takes devices in for any of the tenants shown."""
    return any(has_role(actor, tenant_id, Role.ADMIN) for tenant_id in actor.tenant_ids)


def sites_to_choose(*, actor: Actor) -> list[tuple[str, str]]:
    """The sites of the one tenant the viewer acts in and manages.

    Raises TenantRequired, PermissionDenied below admin.
    """
    permissions.require_own(actor, one_tenant(actor))
    found = devices.sites_visible_to(actor).order_by("name", "pk")
    return list(found.values_list("site_id", "name"))


def keys_page(*, actor: Actor, number: str, now: datetime) -> tuple[Sequence[Key], Page[Any]]:
    """One page of the provisioning keys, the newest first. Raises PermissionDenied."""
    found = devices.provisioning_keys_visible_to(actor).order_by("-pk")
    page = Paginator(found, PAGE_SIZE).get_page(number)
    return [key_of(row, now) for row in page.object_list], page


def enrolments_page(*, actor: Actor, number: str) -> Page[Any]:
    """One page of bulk enrolments, the newest first. Raises PermissionDenied."""
    if not is_manager_somewhere(actor):
        raise errors.PermissionDenied("This needs the role admin or more.")
    found = devices.enrolments_visible_to(actor).order_by("-pk")
    return Paginator(found, PAGE_SIZE).get_page(number)


def rows_page(*, enrolment: Any, state: str, number: str) -> Page[Any]:
    """One page of an enrolment's rows; what is wrong stands first."""
    rows = devices.rows_of_enrolment(enrolment, state=state)
    return Paginator(rows.order_by("number"), ROWS_PER_PAGE).get_page(number)


def standing_of(enrolment: Any) -> Standing:
    """Where an enrolment is, and what is left to do with it."""
    valid = enrolment.total - enrolment.invalid
    decided = enrolment.enrolled + enrolment.failed
    is_over = enrolment.state in _OVER
    return Standing(
        valid=valid,
        waiting=max(0, valid - decided),
        percent=round(100 * decided / valid) if valid else 0,
        is_moving=enrolment.state in _MOVING,
        is_over=is_over,
        may_start=enrolment.state == EnrolmentState.CHECKED and valid > 0,
        may_fetch=is_over and enrolment.seal_key is not None and enrolment.enrolled > 0,
    )


def key_of(row: Any, now: datetime) -> Key:
    """A provisioning key that the viewer was found to administer."""
    return Key(
        uid=row.uid,
        name=row.name,
        site=row.site.name if row.site else "",
        owner=row.tenant.name,
        device_class=row.device_class,
        used=row.used,
        max_devices=row.max_devices,
        state=devices.provisioning_key_state(row, now).value,
        created_by=row.created_by,
        expires_at=row.expires_at,
    )
