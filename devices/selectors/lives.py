"""Reads about lives for whoever compares them with what devices say of themselves."""

from __future__ import annotations

from collections.abc import Collection

from devices.models import Device
from devices.types import LifeFacts

_CHUNK = 500


def lives_by_uid(uids: Collection[str]) -> dict[str, LifeFacts]:
    """What is known of these lives, living or ended, of all tenants."""
    wanted, found = sorted(uids), {}
    rows = Device.all_objects.unscoped("a comparison of the whole installation")
    for start in range(0, len(wanted), _CHUNK):
        for values in rows.filter(uid__in=wanted[start : start + _CHUNK]).values_list(
            "uid",
            "pk",
            "hardware_id",
            "epoch",
            "is_active",
            "is_simulated",
            "presence__is_online",
            "presence__last_seen_at",
            "presence__offline_after_s",
        ):
            found[values[0]] = LifeFacts(*values)
    return found
