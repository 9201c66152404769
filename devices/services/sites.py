"""Sites of a tenant: made, changed and removed, with what becomes of their devices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from itertools import count
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.permissions import one_tenant
from audit.services import recording
from devices import errors, events, permissions, selectors
from devices.models import Site
from devices.services.site_locks import lock_living_sites
from devices.types import NewSite, Position, SiteChanges
from kernel import errors as kernel_errors
from kernel.actors import Actor
from kernel.events import publish
from kernel.unit_of_work import unit_of_work

MAX_NAME, MAX_ADDRESS, MAX_ID = 100, 300, 64
_ID_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_MICRODEGREE = Decimal("0.000001")
_FACTS = ("site_id", "name", "address", "time_zone", "latitude", "longitude")


def create_site(*, given: NewSite, actor: Actor, now: datetime) -> Site:
    """Give the actor's tenant a new site; without an id it gets a free one out of its name.

    Raises TenantRequired, PermissionDenied below admin or for a member limited to other sites,
    ValidationFailed, SiteExists.
    """
    tenant_id = one_tenant(actor)
    permissions.require_own(actor, tenant_id)
    if tenant_id in actor.site_limits:
        raise kernel_errors.PermissionDenied("Who is limited to certain sites makes no others.")
    values = _checked(
        {
            "name": given.name,
            "address": given.address,
            "time_zone": given.time_zone,
            "position": given.position,
        }
    )
    _require_id(given.site_id)
    with unit_of_work():
        site = Site(
            site_id=given.site_id or _free_id(tenant_id, str(values["name"])),
            tenant_id=tenant_id,
            created_at=now,
            **values,
        )
        _insert(site)
        _record(site, "created", actor, now, before=None, after=facts_of(site, _FACTS))
        publish(events.SiteCreated(occurred_at=now, site_pk=site.pk, tenant_id=tenant_id))
        return selectors.site_in(actor=actor, tenant_id=tenant_id, site_id=site.site_id)


def update_site(*, site_id: str, changes: SiteChanges, actor: Actor, now: datetime) -> Site:
    """Change what is given and leave the rest; one audit entry with before and after.

    Raises NotFound, TenantRequired, PermissionDenied below admin, ValidationFailed.
    """
    found = selectors.site_by_id(actor=actor, site_id=site_id)
    permissions.require_own(actor, found.tenant_id)
    names = ("name", "address", "time_zone", "position")
    after = _checked(
        {name: value for name in names if (value := getattr(changes, name)) is not None}
    )
    with unit_of_work():
        site = lock_living_sites(tenant_id=found.tenant_id, site_pks=[found.pk])[found.pk]
        changed = [field for field in after if after[field] != getattr(site, field)]
        if changed:
            before = facts_of(site, changed)
            for field in changed:
                setattr(site, field, after[field])
            site.save(update_fields=changed)
            _record(site, "updated", actor, now, before=before, after=facts_of(site, changed))
            publish(
                events.SiteUpdated(
                    occurred_at=now,
                    site_pk=site.pk,
                    tenant_id=site.tenant_id,
                    fields=tuple(changed),
                )
            )
        return selectors.site_in(actor=actor, tenant_id=site.tenant_id, site_id=site.site_id)


def facts_of(site: Site, fields: Iterable[str]) -> dict[str, object]:
    """Those fields of the site as the audit keeps them."""
    values = {field: getattr(site, field) for field in fields}
    return {
        field: str(value) if isinstance(value, Decimal) else value
        for field, value in values.items()
    }


def _record(
    site: Site,
    verb: str,
    actor: Actor,
    now: datetime,
    *,
    before: dict[str, object] | None,
    after: dict[str, object],
) -> None:
    recording.record(
        tenant_id=site.tenant_id,
        action=f"devices.site.{verb}",
        actor=actor,
        target_type="site",
        target_id=site.site_id,
        before=before,
        after=after,
        now=now,
    )


def _insert(site: Site) -> None:
    try:
        with transaction.atomic():
            site.save(force_insert=True)
    except IntegrityError:
        raise errors.SiteExists(details={"site_id": [site.site_id]}) from None


def _free_id(tenant_id: int, name: str) -> str:
    """An id out of the name, with a number behind it while it is taken."""
    base = slugify(name)[: MAX_ID - 6].strip("-_") or "site"
    sites = Site.objects.unscoped("ids of the tenant the actor acts for")
    living = sites.filter(tenant_id=tenant_id, removed_at__isnull=True, site_id__startswith=base)
    taken = set(living.values_list("site_id", flat=True))
    numbered = (base if number == 1 else f"{base}-{number}" for number in count(1))
    return next(site_id for site_id in numbered if site_id not in taken)


def _require_id(site_id: str) -> None:
    if len(site_id) > MAX_ID or not _ID_CHARS.issuperset(site_id):
        raise kernel_errors.ValidationFailed(
            details={"site_id": [f"1 to {MAX_ID} of A-Z a-z 0-9 _ -."]}
        )


def _checked(given: dict[str, object]) -> dict[str, object]:
    """The values as columns. Raises ValidationFailed with a sentence per field."""
    values = {name: value.strip() for name, value in given.items() if isinstance(value, str)}
    wrong: dict[str, list[str]] = {}
    if "name" in values and not 1 <= len(values["name"]) <= MAX_NAME:
        wrong["name"] = [f"1 to {MAX_NAME} characters."]
    if len(values.get("address", "")) > MAX_ADDRESS:
        wrong["address"] = [f"At most {MAX_ADDRESS} characters."]
    if "time_zone" in values and values["time_zone"] not in _time_zones():
        wrong["time_zone"] = ["An IANA time zone, for example Europe/Berlin."]
    position = given.get("position")
    placed = _placed(position, wrong) if isinstance(position, Position) else {}
    if wrong:
        raise kernel_errors.ValidationFailed(details=wrong)
    return {**values, **placed}


def _placed(position: Position, wrong: dict[str, list[str]]) -> dict[str, Decimal | None]:
    placed: dict[str, Decimal | None] = {"latitude": None, "longitude": None}
    for name, degrees, limit in (
        ("latitude", position.latitude, 90),
        ("longitude", position.longitude, 180),
    ):
        if degrees is None:
            continue
        if not degrees.is_finite() or abs(degrees) > limit:
            wrong[name] = [f"A number from -{limit} to {limit}."]
        else:
            placed[name] = degrees.quantize(_MICRODEGREE, rounding=ROUND_HALF_EVEN)
    if (position.latitude is None) != (position.longitude is None):
        missing = "latitude" if position.latitude is None else "longitude"
        wrong[missing] = ["Give latitude and longitude, or neither."]
    return placed


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
