"""An installation whose services the benchmark calls in its own process, and a site of devices."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import django

from benchmarks.installation import Installation

RELAYS: Final = 4
SITE: Final = "benchmark"


def set_up_django(installation: Installation) -> None:
    """Have this process be one of the installation's; once in a process."""
    os.environ.update(installation.product.environment)
    mode = "embedded" if installation.postgres is None else "production"
    os.environ["DJANGO_SETTINGS_MODULE"] = f"homepot.settings.{mode}"
    django.setup()


def administrator() -> Any:
    """The first administrator, as services see them."""
    from accounts import selectors  # noqa: PLC0415  after Django is set up
    from kernel import row_security  # noqa: PLC0415  after Django is set up

    with row_security.platform_scope("benchmark"):
        found = selectors.first_administrator()
        assert found is not None
        return selectors.actor_for_user(user_id=found.pk)


def fill_site(count: int, tenant_id: int, now: datetime) -> list[int]:
    """A site with devices that have a key, a session, relays and a newest reading; their keys."""
    from django.db import transaction  # noqa: PLC0415  after Django is set up

    from devices import models  # noqa: PLC0415
    from kernel import row_security, tokens  # noqa: PLC0415
    from relays.models import RelayState  # noqa: PLC0415
    from telemetry.models import LatestMetrics  # noqa: PLC0415

    with row_security.platform_scope("benchmark"), transaction.atomic():
        site = models.Site.objects.create(
            site_id=SITE, tenant_id=tenant_id, name="Benchmark", created_at=now
        )
        devices = models.Device.all_objects.bulk_create(
            models.Device(
                uid=f"board-{number}",
                hardware_id=f"board-{number}",
                epoch=1,
                tenant_id=tenant_id,
                site=site,
                name=f"Board {number}",
                device_class="relay_controller",
                capabilities=["relay"],
                relay_count=RELAYS,
                pairing="paired",
                created_at=now,
                claimed_at=now,
            )
            for number in range(count)
        )
        rows: dict[Any, Callable[[Any], list[Any]]] = {
            models.DeviceSession: lambda device: [_of(models.DeviceSession, device)],
            models.DevicePresence: lambda device: [_of(models.DevicePresence, device)],
            models.DeviceCredential: lambda device: [
                models.DeviceCredential(
                    device=device, key_hash="x", lookup=tokens.digest(device.uid), created_at=now
                )
            ],
            RelayState: lambda device: [
                _of(RelayState, device, index=index, is_on=False) for index in range(RELAYS)
            ],
            LatestMetrics: lambda device: [
                _of(LatestMetrics, device, metrics={"cpu": 12.5}, at=now, received_at=now)
            ],
        }
        for model, make in rows.items():
            model.objects.bulk_create([row for device in devices for row in make(device)])
        return [device.pk for device in devices]


def _of(model: Any, device: Any, **values: Any) -> Any:
    return model(device=device, tenant_id=device.tenant_id, **values)
