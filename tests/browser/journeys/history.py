"""A week of a till: steady, a night in maintenance, an hour of trouble, and an outage of its site."""

from __future__ import annotations

from tests.browser.showroom import Visitor

_WRITTEN = """
from datetime import timedelta
from math import sin
from django.conf import settings
from django.utils import timezone
from accounts import selectors as accounts
from accounts.models import User
from devices.models import Device, SiteOutage
from devices.services import claiming, maintenance, provisioning, sessions, sites
from devices.types import DeviceRegistration, NewSite
from kernel import row_security
from telemetry.models import LatestMetrics, ReadingRollup
now = timezone.now()
ago = lambda hours: now - timedelta(hours=hours)
with row_security.platform_scope("test.history"):
    owner = accounts.actor_for_user(user_id=User.objects.get(email="{email}").pk)
    made = provisioning.register_device(
        registration=DeviceRegistration(hardware_id="{email}", device_class="pos_terminal"),
        provision_key=settings.DEVICE_PROVISION_KEY, address="192.0.2.9", now=ago(150),
    )
    device = claiming.claim_device(
        code=made.claim_code, name="Till 9", actor=owner, now=ago(150)
    )
    site = sites.create_site(given=NewSite(name="Harbour Street"), actor=owner, now=ago(150))
    rows = Device.objects.unscoped("test")
    rows.filter(pk=device.pk).update(site_id=site.pk)
    gone = [(100, 96, "silence"), (40, 32, "connection_closed"), (20, 18.5, "connection_closed")]
    gone += [(9 - step / 40, 8.985 - step / 40, "connection_closed") for step in range(20)]
    gone += [(2, 1.2, "server_restart")]
    address = "192.0.2.44"
    held = sessions.open_session(device_id=device.pk, address=address, now=ago(149))
    for begin, end, reason in gone:
        sessions.close_session(
            device_id=device.pk, epoch=held.epoch, reason=reason, now=ago(begin)
        )
        held = sessions.open_session(device_id=device.pk, address=address, now=ago(end))
    maintenance.create_window(
        starts_at=ago(41), ends_at=ago(31), site_id=site.site_id, reason="New switch",
        actor=owner, now=ago(50),
    )
    SiteOutage.objects.create(
        tenant_id=site.tenant_id, site_id=site.pk, began_at=ago(20), noticed_at=ago(20),
        ended_at=ago(18.5), lost=9, total=10,
    )
    LatestMetrics.objects.create(
        device_id=device.pk, tenant_id=device.tenant_id, at=now, received_at=now,
        metrics={{"cpu_percent": 34.0, "memory_percent": 61.0, "net_recv_bytes_per_s": 9e4}},
        clock_skew_s=135.0, clock_skew_at=now,
    )
    start = now.replace(minute=0, second=0, microsecond=0)
    ReadingRollup.objects.bulk_create(
        ReadingRollup(
            device_id=device.pk, tenant_id=device.tenant_id, metric=metric, tier=300,
            bucket_at=start - timedelta(minutes=15 * step), count=3, sum=3 * value,
            min=value * 0.7, max=value * 1.3, last=value, last_at=start,
        )
        for metric, base in (("cpu_percent", 40), ("net_recv_bytes_per_s", 90_000))
        for step in range(1, 94)
        if not 20 < step < 30
        for value in (base * (1 + sin(step / 9) / 2),)
    )
print(device.uid, site.site_id)
"""


def till_with_a_week(owner: Visitor) -> tuple[str, str]:
    """The till of that person, and the site it stands at."""
    written = _WRITTEN.format(email=owner.admin_email)
    uid, site = owner.manage("shell", "-v", "0", "-c", written).split()[-2:]
    return uid, site
