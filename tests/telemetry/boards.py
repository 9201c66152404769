"""Devices and batches of readings for telemetry tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from accounts.models import Tenant
from devices.models import Device
from edge.protocol.messages import Reading, RejectedReading, Telemetry
from kernel.actors import Actor
from telemetry import models

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def board(uid: str = "board-1", *, tenant: Tenant | None = None) -> Device:
    """A device, of a tenant when one is given."""
    return Device.objects.create(
        uid=uid,
        hardware_id=f"hw-{uid}",
        device_class="server",
        tenant=tenant,
        pairing="paired" if tenant else "unclaimed",
        created_at=NOW,
    )


def household(name: str = "Home") -> Tenant:
    """An organisation, which needs no user."""
    return Tenant.objects.create(name=name, kind="organisation", created_at=NOW)


def member(tenant: Tenant) -> Actor:
    """Somebody who may look at the tenant's devices."""
    return Actor(kind="user", id="ada", label="Ada", user_id=1, roles={tenant.pk: "viewer"})


def reading(seq: int, *, at: datetime | None = None, **metrics: float) -> Reading:
    """A reading, one second after the one before."""
    moment = at or NOW - timedelta(minutes=1) + timedelta(seconds=seq)
    return Reading(seq=seq, at=moment, metrics=metrics or {"cpu_percent": float(seq)})


def batch(
    *readings: Reading, boot_id: str = "boot-1", refused: tuple[int | None, ...] = ()
) -> Telemetry:
    """A frame with readings, and refused records with these numbers."""
    verdicts = tuple(
        RejectedReading(index=index, seq=seq, reason="metrics_invalid")
        for index, seq in enumerate(refused)
    )
    return Telemetry(boot_id=boot_id, readings=readings, rejected=verdicts)


def stored() -> list[models.Reading]:
    """All readings in order of arrival."""
    return list(models.Reading.objects.unscoped("tests look at everything").order_by("pk"))
