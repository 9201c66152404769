"""The console itself: its first minute, the palette, the audit log, the API reference."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.journeys.camera import picture
from tests.browser.journeys.people import Windows, somebody
from tests.browser.showroom import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]


def test_an_empty_console_is_alive_after_one_click(room: Visitor, windows: Windows) -> None:
    page = windows.of(somebody(room, "Nils"), "/dashboard")
    expect(page.get_by_text("Welcome. What shall we look at first?")).to_be_visible()
    picture(page, "first-run")
    page.get_by_role("button", name="Start 24 devices").click()
    # The page follows by itself until they are there.
    expect(page.locator("#played-title")).to_have_text(
        "A simulated fleet runs here", timeout=60_000
    )
    expect(page.locator("main h1 + p")).to_contain_text("simulated")
    page.get_by_role("button", name="Remove the simulated fleet").click()
    expect(page.get_by_text("Welcome. What shall we look at first?")).to_be_visible()


def test_the_palette_switches_and_goes_by_keyboard_alone(room: Visitor, windows: Windows) -> None:
    page = windows.of(room, "/dashboard")
    expect(page.locator("h1")).to_have_text("Overview")
    picture(page, "overview")
    page.keyboard.press("Control+k")
    palette = page.locator("dialog.palette")
    expect(palette).to_be_visible()
    page.keyboard.type("counter")
    expect(palette.get_by_role("option").first).to_contain_text("Counter till")
    picture(page, "palette", of=palette)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Counter till")
    # A relay, from wherever one is.
    page.keyboard.press("Control+k")
    page.keyboard.type("counter till")
    option = palette.get_by_role("option").filter(has_text="Relay 4").first
    expect(option).to_be_visible()
    wanted = "On" if "Switch on" in option.inner_text() else "Off"
    while option.get_attribute("aria-selected") != "true":
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(option).to_contain_text(f"{wanted}, confirmed")
    expect(page.locator(".relays [data-relay='3'] [data-state-word]")).to_have_text(wanted)
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_contain_text("shortcuts")


def test_the_audit_log_is_filtered_and_verified(room: Visitor, windows: Windows) -> None:
    ida = somebody(room, "Ida")
    page = windows.of(ida, "/dashboard/audit")
    expect(page.locator("[data-live-label]").first).to_have_text("Live")
    site = ida.post("/sites", {"name": "Attic", "site_id": "attic"})["site_id"]
    # It stands there without a reload.
    expect(page.locator(".trail__list li").first).to_contain_text("Attic")
    ida.patch(f"/sites/{site}", {"name": "Loft"})
    page.get_by_label("Action").fill("devices.site.")
    page.get_by_label("Action").press("Enter")
    expect(page.locator(".audit-active")).to_contain_text("devices.site.")
    page.locator(".trail__list summary").first.click()
    expect(page.locator(".trail__list li").first).to_contain_text("Loft")
    picture(page, "audit", height=720)
    page.get_by_role("button", name="Verify all now").first.click()
    expect(page.locator(".chain__title").first).to_contain_text("Intact", timeout=40_000)
    expect(page.get_by_text("entries verified").first).to_be_visible()


def test_the_api_reference_draws_every_route_within_the_policy(
    room: Visitor, windows: Windows
) -> None:
    page = windows.strange()
    page.goto(f"{room.base_url}/api/docs/")
    expect(page.locator(".opblock").first).to_be_visible()
    # It draws what is in sight, and there is more than fits.
    switching = page.get_by_text("/api/v1/devices/{uid}/relays/{index}/commands")
    page.mouse.move(400, 400)
    for _ in range(120):
        if switching.count():
            break
        page.mouse.wheel(0, 1200)
        page.wait_for_timeout(50)
    expect(switching.first).to_be_visible()
