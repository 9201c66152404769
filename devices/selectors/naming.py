"""What devices and sites are called, for whoever tells of many of them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from django.db.models import Exists, OuterRef

from devices.models import Device, Site
from devices.types import DeviceName, SiteName

_CHUNK = 500
_WHY = "the caller knows for whom it reads"


def device_names(device_ids: Collection[int]) -> dict[int, DeviceName]:
    """The devices by their keys, those whose lives have ended too."""
    rows = Device.all_objects.unscoped(_WHY)
    found = {}
    for keys in _pieces(device_ids):
        for values in rows.filter(pk__in=keys).values_list(
            "pk",
            "uid",
            "tenant_id",
            "is_active",
            "is_simulated",
            "device_class",
            "name",
            "model",
            "site_id",
            "site__site_id",
            "site__name",
            "presence__is_online",
        ):
            found[values[0]] = DeviceName(*values)
    return found


def site_names_by_pk(site_pks: Collection[int]) -> dict[int, SiteName]:
    """The sites by their keys, those that were removed too."""
    real = Device.objects.unscoped(_WHY).filter(site_id=OuterRef("pk"), is_simulated=False)
    rows = Site.objects.unscoped(_WHY).annotate(real=Exists(real))
    found = {}
    for keys in _pieces(site_pks):
        for values in rows.filter(pk__in=keys).values_list("pk", "site_id", "name", "real"):
            found[values[0]] = SiteName(*values)
    return found


def _pieces(keys: Collection[int]) -> Iterator[Sequence[int]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
