"""Random fleets in the database, of values that random queries ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from accounts.models import Tenant
from devices.firmware_versions import order_key
from devices.models import Device, DeviceCapability, DevicePresence, DeviceTag, Site
from telemetry.models import LatestMetrics
from tests.groups.query import queries
from twins.models import Twin

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
_PARTS: tuple[Any, ...] = (*queries.SCALARS, [1, "Kitchen", None], {"y": 1}, {})


def random_fleet(seed: int, *, size: int) -> list[int]:
    """Keys of as many devices, with everything that queries ask about, and with gaps."""
    dice = Random(seed)
    tenant = Tenant.objects.create(name=f"fleet {seed}", kind="organisation", created_at=NOW)
    sites = [
        Site.objects.create(site_id=site_id, tenant=tenant, name=site_id, created_at=NOW)
        for site_id in queries.SITES
    ]
    devices = Device.all_objects.bulk_create(
        [_device(dice, f"{seed}-{number}", tenant, sites) for number in range(size)]
    )
    for device in devices:
        _surround(dice, device)
    return [device.pk for device in devices]


def _device(dice: Random, uid: str, tenant: Tenant, sites: list[Site]) -> Device:
    pairing = dice.choice(("paired", "paired", "paired", "unclaimed", "unpaired"))
    version = dice.choice((*queries.VERSIONS, ""))
    return Device(
        uid=uid,
        hardware_id=f"hw-{dice.choice(queries.TEXTS)}-{uid}",
        tenant=None if pairing == "unclaimed" else tenant,
        site=dice.choice((None, *sites)),
        name=dice.choice((*queries.TEXTS, "")),
        device_class=dice.choice(queries.CLASSES),
        device_type=dice.choice((*queries.TEXTS, "")),
        model=dice.choice((*queries.TEXTS, "")),
        firmware_version=version,
        firmware_order=order_key(version),
        capabilities=sorted(dice.sample(queries.CAPABILITIES, dice.randrange(3))),
        pairing=pairing,
        is_active=pairing != "unpaired",
        is_simulated=dice.random() < 0.3,
        created_at=_moment(dice),
        claimed_at=dice.choice((None, _moment(dice))),
    )


def _surround(dice: Random, device: Device) -> None:
    owner: dict[str, Any] = {"device": device, "tenant_id": device.tenant_id}
    if dice.random() < 0.9:
        seen_at = dice.choice((None, _moment(dice), _moment(dice)))
        DevicePresence.objects.create(
            **owner,
            is_online=seen_at is not None and dice.random() < 0.6,
            last_seen_at=seen_at,
            offline_due_at=None if seen_at is None else seen_at + timedelta(days=3),
            offline_after_s=dice.choice((None, None, 45, 90, 3_601)),
        )
    for name in device.capabilities:
        DeviceCapability.objects.create(device=device, tenant_id=device.tenant_id, name=name)
    tags = dict(tag.partition("=")[::2] for tag in dice.sample(queries.TAGS, dice.randrange(4)))
    for key, value in tags.items():
        DeviceTag.objects.create(device=device, tenant_id=device.tenant_id, key=key, value=value)
    if dice.random() < 0.8:
        drifts_since = dice.choice((None, _moment(dice)))
        Twin.objects.create(
            device=device,
            tenant_id=device.tenant_id,
            updated_at=NOW,
            desired=_document(dice),
            desired_version=dice.randrange(2),
            reported=_document(dice),
            is_drifting=drifts_since is not None,
            drift_since=drifts_since,
        )
    if dice.random() < 0.7:
        metrics = {name: dice.choice((0.0, 1.0, 2.5, 90.0, -5.0, 0.1)) for name in queries.METRICS}
        metrics.pop("missing")
        LatestMetrics.objects.create(**owner, metrics=metrics, at=NOW, received_at=NOW)


def _document(dice: Random) -> dict[str, Any]:
    """Mostly what paths of queries lead to, in every type."""
    inner = dice.choice(
        ({"b": dice.choice(_PARTS)}, {"0": dice.choice(_PARTS)}, [dice.choice(_PARTS)], 7)
    )
    whole = {
        "mode": dice.choice(_PARTS),
        "a": inner,
        "0": dice.choice(_PARTS),
        "list": [dice.choice(_PARTS), 1],
        "deep": {"x": {"y": dice.choice(_PARTS)}},
    }
    return {name: part for name, part in whole.items() if dice.random() < 0.8}


def _moment(dice: Random) -> datetime:
    """On and around the bounds that queries have."""
    age = dice.choice((*queries.AGES, 2_400, 2_401, 7_200, 200_000))
    nudge = timedelta(microseconds=dice.choice((-1, 0, 0, 1)))
    return NOW - timedelta(seconds=age) + nudge
