"""Presence on the pages, in Chromium: it changes by itself, and maintenance is in one's own time."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_sensor_cards import Hub, sign_in
from tests.product import ProductProcess
from tests.services import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

ARTEFACTS = ROOT / ".build" / "screenshots"
SECONDS = 20_000
# A week of a till: steady, a night in maintenance, an hour of trouble, and an outage of its site.
HISTORY = """
from datetime import timedelta
from math import sin
from django.utils import timezone
from accounts import selectors as accounts
from accounts.models import User
from devices.models import Device, SiteOutage
from devices.services import claiming, maintenance, provisioning, sessions, sites
from devices.types import DeviceRegistration, NewSite
from kernel import row_security
from telemetry.models import LatestMetrics, ReadingRollup
from django.conf import settings
now = timezone.now()
ago = lambda hours: now - timedelta(hours=hours)
with row_security.platform_scope("test.history"):
    owner = accounts.actor_for_user(user_id=User.objects.get().pk)
    made = provisioning.register_device(
        registration=DeviceRegistration(hardware_id="till-9", device_class="pos_terminal"),
        provision_key=settings.DEVICE_PROVISION_KEY, address="192.0.2.9", now=ago(150),
    )
    device = claiming.claim_device(
        code=made.claim_code, name="Till 9", actor=owner, now=ago(150)
    )
    site = sites.create_site(given=NewSite(name="Harbour Street"), actor=owner, now=ago(150))
    rows = Device.objects.unscoped("test")
    rows.filter(pk=device.pk).update(site_id=site.pk, is_simulated=True)
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
        metrics={"cpu_percent": 34.0, "memory_percent": 61.0, "net_recv_bytes_per_s": 9e4},
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
print(device.uid)
"""


def test_presence_is_told_live_and_maintenance_is_announced_in_ones_own_time(
    start_product: Any, browser: Any
) -> None:
    product: ProductProcess = start_product("embedded", OFFLINE_AFTER_SECONDS="10")
    hub = Hub(product)
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, product)

    page.goto(f"{product.base_url}/dashboard/devices/{hub.uid}")
    panel = page.locator("[data-refresh='connectivity']")
    expect(panel).to_contain_text("Never connected")
    hub.report({"sensor": "hall", "kind": "motion", "value": False})
    expect(panel).to_contain_text("Online since", timeout=SECONDS)
    expect(panel.locator(".connection")).to_contain_text("It called.")
    expect(panel).to_contain_text("Offline since", timeout=SECONDS)
    expect(panel.locator(".connection--offline")).to_contain_text("Nothing was heard")

    page.click("text=Plan maintenance")
    expect(page.locator("[data-zone-name]")).to_have_text("Asia/Tokyo")
    page.fill("[name=starts_at]", "2026-07-02T07:00")
    page.fill("[name=ends_at]", "2026-07-02T09:30")
    page.fill("[name=reason]", "New battery")
    page.click("text=Announce >> nth=-1")
    listed = page.locator("[data-window]")
    expect(listed).to_contain_text("2 h 30 min")
    # The page shows it in the zone of the browser again.
    expect(listed.locator("time").first).to_have_text("Jul 2, 2026, 7:00 AM")
    expect(listed.locator("time").first).to_have_attribute("datetime", "2026-07-01T22:00:00.000Z")

    till = product.manage("shell", "-v", "0", "-c", HISTORY).split()[-1]
    for name, path in {
        "device": f"/dashboard/devices/{till}",
        "connections": f"/dashboard/devices/{till}/connections",
        "site": "/dashboard/sites/harbour-street",
        "site-uptime": "/dashboard/sites/harbour-street/connectivity",
        "maintenance": "/dashboard/maintenance",
        "new-maintenance": "/dashboard/maintenance/new",
        "devices": "/dashboard/devices?simulated=only",
    }.items():
        page.goto(f"{product.base_url}{path}")
        shoot(page, f"presence-{name}")
    assert not errors
    context.close()


def shoot(page: Page, name: str) -> None:
    """For the eye, in both themes; and nothing may hang over the edge of a narrow screen."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    for theme, width in (("light", 1440), ("dark", 390), ("dark", 1440), ("light", 390)):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        page.set_viewport_size({"width": width, "height": 900})
        hangs = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert page.evaluate(hangs) is False, (name, width)
        page.screenshot(
            path=str(ARTEFACTS / f"{name}-{theme}-{width}.png"),
            full_page=True,
            animations="disabled",
        )
