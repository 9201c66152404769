"""Reads about configurations: what devices are to be set to, and what they say they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from django.db.models import F, Q, QuerySet

from devices.config_types import ConfigView
from devices.models import Device, DeviceConfig, DeviceConfigRevision
from edge.protocol.messages import Config
from kernel import errors
from kernel.actors import Actor

# What of a configuration has columns of its own.
COLUMNS = ("relay_names", "input_config", "power_restore_mode")
FREE = "config"
WHY = "configurations of devices that the caller has found within its scope"


def document_of(device: Device, free: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a device: what its columns say, and the free part."""
    return {
        "relay_names": device.relay_names,
        "input_config": device.input_config,
        "power_restore_mode": str(device.power_restore_mode),
        FREE: free,
    }


def config_of(device: Device, actor: Actor, *, version: int | None = None) -> ConfigView:
    """How the configuration of a device the actor may see stands.

    With a `version`, the document is that one's. Raises NotFound for one that is not kept.
    """
    kept = DeviceConfig.objects.unscoped(WHY).filter(device_id=device.pk).first()
    shown = view_of(device, kept)
    if version is None or version == shown.version:
        return shown
    former = config_revision(device, actor, version)
    return replace(
        shown,
        version=former.version,
        document=former.document,
        changed_at=former.at,
        changed_by=former.by,
    )


def configs_of(device_ids: Collection[int]) -> dict[int, ConfigView]:
    """The kept configuration of each of these devices; of one without a row, an empty one."""
    rows = DeviceConfig.objects.unscoped(WHY).filter(device_id__in=device_ids)
    found = {kept.device_id: _shown(kept) for kept in rows}
    return {key: found.get(key) or ConfigView(version=0, document={}) for key in device_ids}


def view_of(device: Device, kept: DeviceConfig | None) -> ConfigView:
    """The configuration as every interface shows it; without a row it is of version 0."""
    if kept is None:
        return ConfigView(version=0, document=document_of(device, {}))
    return _shown(kept)


def _shown(kept: DeviceConfig) -> ConfigView:
    return ConfigView(
        version=kept.version,
        document=kept.document,
        changed_at=kept.changed_at,
        changed_by=kept.changed_by,
        applied_version=kept.applied_version,
        applied_at=kept.applied_at,
        drift_since=kept.drift_since,
        refused_version=kept.refused_version,
        error=kept.error,
    )


def unapplied_config(
    device_ids: Collection[int], *, include_refused: bool = False
) -> dict[int, Config]:
    """The configuration of each of these devices that works by another version, to be sent.

    One that the device has refused is left out, unless included: for a device that has just
    connected, and may have learnt to by now.
    """
    rows = _unapplied(device_ids) if include_refused else _to_send(device_ids)
    return {
        device_id: Config(version=version, config=document)
        for device_id, version, document in rows.values_list("device_id", "version", "document")
    }


def unapplied_versions(device_ids: Collection[int]) -> dict[int, int]:
    """The versions of what `unapplied_config` finds that was not refused, without the documents."""
    return dict(_to_send(device_ids).values_list("device_id", "version"))


def _to_send(device_ids: Collection[int]) -> QuerySet[DeviceConfig]:
    is_untried = Q(refused_version__isnull=True) | ~Q(refused_version=F("version"))
    return _unapplied(device_ids).filter(is_untried)


def _unapplied(device_ids: Collection[int]) -> QuerySet[DeviceConfig]:
    rows: Any = DeviceConfig.objects.unscoped(WHY)
    found: QuerySet[DeviceConfig] = rows.filter(
        device_id__in=device_ids, version__gt=F("applied_version"), device__is_active=True
    )
    return found


def config_versions(device_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Of each device that was ever configured: the version it is to have, and the one it has."""
    rows = DeviceConfig.objects.unscoped(WHY).filter(device_id__in=device_ids)
    return {
        device_id: (version, applied)
        for device_id, version, applied in rows.values_list(
            "device_id", "version", "applied_version"
        )
    }


def config_revisions_of(device: Device, actor: Actor) -> QuerySet[DeviceConfigRevision]:
    """The versions that are kept of the configuration of a device the actor may see."""
    found: QuerySet[DeviceConfigRevision] = DeviceConfigRevision.objects.visible_to(actor).filter(
        device=device
    )
    return found


def config_revision(device: Device, actor: Actor, version: int) -> DeviceConfigRevision:
    """One version of a device's configuration. Raises NotFound."""
    found = config_revisions_of(device, actor).filter(version=version).first()
    if found is None:
        raise errors.NotFound
    return found
