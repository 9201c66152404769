"""The pages of one device: charts, twin, sensors, presence, keys, lives and the timeline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.journeys.boards import Hub
from tests.browser.journeys.camera import picture
from tests.browser.journeys.history import till_with_a_week
from tests.browser.journeys.people import DESK, PHONE, Windows, somebody
from tests.browser.showroom import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

FIRST: Final[list[dict[str, Any]]] = [
    {"sensor": "hall", "kind": "motion", "value": False},
    {"sensor": "hall.radar", "kind": "mmwave", "value": True},
    {"sensor": "front_door", "kind": "contact", "value": True},
    {"sensor": "air", "kind": "temperature", "value": 21.534, "unit": "°C"},
    {"sensor": "cellar", "kind": "leak", "value": False},
    {"sensor": "bell", "kind": "button", "value": "hold", "event_id": "b1-1"},
    {"sensor": "room-map", "kind": "targets", "value": {"targets": [[1, 2], [3, 4]], "n": 2}},
]


@pytest.fixture
def vera(room: Visitor) -> Iterator[Visitor]:
    """Somebody with a home of her own."""
    person = somebody(room, "Vera")
    yield person
    person.close()


def _wait_for_link(page: Page) -> None:
    expect(page.locator("[data-live-label]").first).to_have_text("Live")


def _value_of(page: Page, sensor: str) -> Locator:
    return page.locator(f"[data-sensor='{sensor}'] .metric__value")


def test_sensors_and_presence_change_by_themselves(vera: Visitor, windows: Windows) -> None:
    hub = Hub(vera, "Hall hub")
    page = windows.of(vera, f"/dashboard/devices/{hub.uid}", timezone_id="Asia/Tokyo")
    panel = page.locator("[data-refresh='connectivity']")
    expect(panel).to_contain_text("Never connected")
    expect(page.locator("#card-device-sensors")).to_be_hidden()

    assert hub.report(*FIRST, attributes={"hub_model": "HS-2"}) == ["stored"] * len(FIRST)
    expect(_value_of(page, "hall")).to_have_text("Quiet")
    expect(_value_of(page, "hall.radar")).to_have_text("Somebody")
    expect(_value_of(page, "front_door")).to_have_text("Closed")
    expect(_value_of(page, "air")).to_have_text("21.53 °C")
    expect(_value_of(page, "bell")).to_have_text("hold")
    expect(page.locator("[data-refresh='facts']")).to_contain_text("HS-2")
    expect(panel).to_contain_text("Online since")
    expect(panel.locator(".connection")).to_contain_text("It called.")

    hub.report(
        {"sensor": "hall", "kind": "motion", "value": True},
        {"sensor": "cellar", "kind": "leak", "value": True},
    )
    expect(_value_of(page, "hall")).to_have_text("Motion")
    expect(_value_of(page, "cellar")).to_have_text("Leak")
    # What is wrong comes first.
    expect(page.locator("[data-sensor]").first).to_have_attribute("data-sensor", "cellar")
    expect(panel).to_contain_text("Offline since", timeout=25_000)
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


def test_a_week_of_a_till_is_told_on_every_page_that_shows_it(
    vera: Visitor, windows: Windows
) -> None:
    till, site = till_with_a_week(vera)
    page = windows.of(vera, f"/dashboard/devices/{till}/connections")
    expect(page.locator("figure svg").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("Harbour Street")
    picture(page, "connections", height=620)
    for path in (
        f"/dashboard/devices/{till}/connections?range=7d",
        f"/dashboard/devices/{till}",
        f"/dashboard/devices/{till}/telemetry",
        f"/dashboard/sites/{site}",
        f"/dashboard/sites/{site}/connectivity",
        "/dashboard/maintenance",
        "/dashboard/maintenance/new",
        "/dashboard",
    ):
        page.goto(f"{vera.base_url}{path}")
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            hangs = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert page.evaluate(hangs) is False, (path, width)


def _write(page: Page, document: object) -> None:
    page.fill("[name=document]", json.dumps(document))


def _save(page: Page) -> None:
    page.click("[data-editor] [type=submit]")


def _written(page: Page) -> object:
    return json.loads(page.input_value("[name=document]"))


def test_who_was_slower_decides_and_both_changes_can_hold(vera: Visitor, windows: Windows) -> None:
    hub = Hub(vera, "Hall hub")
    mine = windows.of(vera, f"/dashboard/devices/{hub.uid}/twin")
    mine.fill("[name=document]", "{")
    expect(mine.locator("[id$=document-error]")).to_contain_text("This is no JSON")
    _write(mine, {"volume": 1, "lamp": "off"})
    _save(mine)
    expect(mine.get_by_text("Version 1").first).to_be_visible()

    theirs = mine.context.new_page()
    theirs.goto(mine.url)
    _write(mine, {"volume": 1, "lamp": "on"})
    _write(theirs, {"volume": 2, "lamp": "off"})
    _save(theirs)
    # It is told before anything is saved, and what was typed stays.
    expect(mine.locator("[data-editor-behind]")).to_be_visible()
    windows.expected.add("409 |412 ")
    _save(mine)
    dialog = mine.locator("dialog[open]")
    expect(dialog).to_contain_text("You changed different places")
    picture(mine, "twin-conflict", of=dialog)
    dialog.get_by_role("button", name="Keep both").click()
    expect(mine.locator("dialog[open]")).to_have_count(0)
    assert _written(mine) == {"volume": 2, "lamp": "on"}
    # Nobody typed in the other window: it follows.
    followed = json.dumps({"volume": 2, "lamp": "on"}, indent=2)
    expect(theirs.locator("[name=document]")).to_have_value(followed)

    _write(mine, {"volume": 5, "lamp": "on"})
    _write(theirs, {"volume": 6, "lamp": "on"})
    _save(theirs)
    expect(theirs.get_by_text("Version 4").first).to_be_visible()
    _save(mine)
    expect(dialog).to_contain_text("You both changed /volume")
    expect(dialog.get_by_role("button", name="Keep both")).to_have_count(0)
    dialog.get_by_role("link", name="Keep theirs").click()
    expect(mine.locator("dialog[open]")).to_have_count(0)
    assert _written(mine) == {"volume": 6, "lamp": "on"}


def test_charts_follow_the_chosen_span_and_are_there_as_tables(
    room: Visitor, windows: Windows
) -> None:
    page = windows.of(room, f"/dashboard/devices/{room.devices['Counter till']}/telemetry")
    chart = page.locator("figure[data-metrics=cpu_percent]")
    expect(chart).to_have_attribute("data-chart-state", "drawn")
    page.locator("[data-range='1h']").click()
    expect(page).to_have_url(re.compile("range=1h"))
    expect(page.locator("[data-range='1h']")).to_have_attribute("aria-current", "true")
    expect(chart).to_have_attribute("data-chart-state", "drawn")
    picture(page, "charts")
    # By keyboard, and as a table for who sees no lines.
    chart.locator(".chart__plot").focus()
    page.keyboard.press("ArrowLeft")
    expect(chart.locator(".chart__tip")).to_be_visible()
    chart.get_by_text("Values as a table").click()
    expect(chart.locator("table tbody tr").first).to_be_visible()
    page.go_back()
    expect(page.locator("[data-range='24h']")).to_have_attribute("aria-current", "true")
    page.get_by_role("checkbox", name="Compare CPU", exact=True).check()
    page.get_by_role("checkbox", name="Compare Memory", exact=True).check()
    page.get_by_role("button", name="Show side by side").click()
    expect(page.locator(".chart--tall")).to_have_attribute("data-chart-state", "drawn")


def test_the_timeline_says_what_led_to_what(room: Visitor, windows: Windows) -> None:
    uid = room.devices["Lobby board"]
    page = windows.of(room, f"/dashboard/devices/{uid}/timeline")
    _wait_for_link(page)
    done = room.post(f"/devices/{uid}/relays/0/commands", {"is_on": True})
    assert done["state"] == "succeeded"

    # It comes by itself, above what was there.
    entry = page.locator(".story__entry", has_text="Turn Relay 1 on").first
    expect(entry).to_contain_text("Confirmed")
    entry.get_by_text("What led to what").click()
    expect(entry.locator(".story__chain")).to_contain_text("Asked by")
    picture(page, "timeline", height=700)
    page.get_by_label("Commands", exact=True).check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".story__entry").first).to_contain_text("Turn Relay")
    expect(page.get_by_text("Device claimed")).to_have_count(0)
    page.locator(".story__entry", has_text="Turn Relay 1 on").first.get_by_role(
        "link", name="Turn Relay 1 on"
    ).click()
    expect(page.locator("#chain-title")).to_be_visible()
    page.goto(f"{room.base_url}/dashboard/devices/{uid}")
    expect(page.locator(".relays [data-relay='0'] [data-state-word]")).to_have_text("On")
    picture(page, "device", height=640)


def test_the_lives_follow_and_a_device_is_unpaired_by_keyboard_alone(
    vera: Visitor, windows: Windows
) -> None:
    former = Hub(vera, "Bakery", relay_count=4)
    vera.post(f"/devices/{former.uid}/unpair", {})
    again = Hub(vera, "Bakery again", hardware_id=former.hardware_id, relay_count=4)
    lives = windows.of(vera, f"/dashboard/devices/{again.uid}/lives")
    _wait_for_link(lives)
    lives.locator("#raw-1 summary").click()
    page = lives.context.new_page()
    page.goto(f"{vera.base_url}/dashboard/devices/{again.uid}")
    page.locator("#card-device-manage, h2:has-text('Manage')").first.scroll_into_view_if_needed()
    _press_to(page, "Unpair…")
    expect(page.locator("h1")).to_have_text("Unpair Bakery again")
    _press_to(page, "Unpair this device")

    expect(page.get_by_text("This life has ended.")).to_be_visible()
    expect(lives.locator("#life-2 .chip--unpaired")).to_be_visible()
    # What is unfolded stays so.
    expect(lives.locator("#raw-1 pre")).to_be_visible()


def _press_to(page: Page, text: str) -> None:
    """Tab until what has that text has the focus, and it is seen; then Enter."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and focused.inner_text().strip() == text:
            assert focused.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the keyboard never reaches {text!r}")


def test_keys_offers_and_ends_work_without_a_script(vera: Visitor, windows: Windows) -> None:
    uid = Hub(vera, "Bakery", relay_count=4).uid
    page = windows.of(vera, f"/dashboard/devices/{uid}", java_script_enabled=False)

    def fits() -> None:
        page.set_viewport_size(PHONE)
        expect(page.locator("main")).to_have_css("width", "390px")
        page.set_viewport_size(DESK)

    at = f"{vera.base_url}/dashboard/devices/{uid}"
    page.goto(f"{at}/rotate")
    page.get_by_label("One hour").check()
    page.get_by_role("button", name="Make the new key").click()
    assert len(page.locator(".secret code").inner_text()) >= 43
    fits()
    page.goto(f"{at}/credentials")
    expect(page.locator(".key-row .chip", has_text="Pending")).to_be_visible()
    picture(page, "credentials", height=720)

    page.goto(f"{at}/transfer")
    page.get_by_role("button", name="Offer this device").click()
    expect(page.locator(".secret code")).to_have_text(re.compile(r"^(\w{4}-){3}\w{4}$"))
    fits()
    page.get_by_role("link", name="All transfers").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Nothing is offered.")).to_be_visible()
    page.goto(f"{at}/release")
    page.get_by_role("button", name="Release this device").click()
    expect(page.locator("svg.qr")).to_be_visible()
    fits()
    page.goto(f"{at}/erase")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("heading", name="Report")).to_be_visible()
