"""A real board: claimed, switched, frozen, broken, dead; and seen by others at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.journeys.boards import Board, Hub
from tests.browser.journeys.camera import picture
from tests.browser.journeys.people import Windows, somebody
from tests.browser.showroom import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]


def _relay(page: Page, index: int) -> Locator:
    return page.locator(f".relays [data-relay='{index}']")


def _word(page: Page, index: int) -> Locator:
    return _relay(page, index).locator("[data-state-word]")


def test_a_board_is_claimed_switched_broken_frozen_and_killed(
    room: Visitor, board: Board, windows: Windows
) -> None:
    nora = somebody(room, "Nora")
    page = windows.of(nora, "/dashboard/devices")
    expect(page.get_by_text("Bring your first device")).to_be_visible()
    page.fill("input[name=claim_code]", board.claim_code())
    page.fill("input[name=name]", "Workshop board")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Workshop board")
    uid = page.url.rsplit("/", 1)[-1]
    expect(page.locator(".chip--online")).to_be_visible()

    # Switched, confirmed by the board, still so after a reload.
    _relay(page, 1).get_by_role("switch").click()
    expect(_word(page, 1)).to_have_text("On")
    expect(_relay(page, 1).get_by_role("switch")).to_have_attribute("aria-checked", "true")
    assert board.positions() == "[false,true,false,false"
    page.reload()
    expect(_word(page, 1)).to_have_text("On")
    expect(page.locator(".chip", has_text="Confirmed").filter(visible=True).first).to_be_visible()

    # By somebody else: it appears without a reload.
    answer = nora.post(f"/devices/{uid}/relays/2/commands", {"is_on": True})
    assert answer["state"] == "succeeded"
    expect(_word(page, 2)).to_have_text("On")

    # The board cannot move its relay: back, with the reason.
    with board.broken():
        _relay(page, 0).get_by_role("switch").click()
        expect(_relay(page, 0)).to_have_attribute("data-phase", "reverted")
        expect(_relay(page, 0)).to_contain_text("The device tried and failed")
        expect(_word(page, 0)).to_have_text("Off")
        picture(page, "switch-refused", of=page.locator("[data-refresh='relays']"))

    # It does not answer: the outcome is called unknown, never failed; later it is told.
    board.freeze()
    _relay(page, 3).get_by_role("switch").click()
    expect(_relay(page, 3)).to_contain_text(re.compile("unknown", re.I))
    expect(_word(page, 3)).to_have_text("Off")
    board.thaw()
    expect(_word(page, 3)).to_have_text("On")
    _goes_offline(page, board)


def _goes_offline(page: Page, board: Board) -> None:
    """Killed, it goes offline on its open page, and the counters of the list follow."""
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".chip--online")).to_be_visible()
    page.goto(page.url.rpartition("/")[0])
    expect(page.get_by_text("1 of 1 online")).to_be_visible()
    board.kill()
    expect(page.get_by_text("0 of 1 online")).to_be_visible(timeout=25_000)
    expect(other.locator("[data-offline-notice]")).to_be_visible()
    expect(other.locator(".chip--offline")).to_be_visible()


def test_what_is_unpaired_goes_from_every_window_at_once(room: Visitor, windows: Windows) -> None:
    iris = somebody(room, "Iris")
    first, second = Hub(iris, "Bakery", relay_count=4), Hub(iris, "Cellar")
    listed = windows.of(iris, "/dashboard/devices")
    opened = listed.context.new_page()
    opened.goto(f"{iris.base_url}/dashboard/devices/{first.uid}")
    for page in (listed, opened):
        expect(page.locator("[data-live-label]").first).to_have_text("Live")
    listed.evaluate("window.stillTheSamePage = true")
    expect(listed.locator(".tab__count").first).to_have_text("2")

    iris.post(f"/devices/{first.uid}/unpair", {})

    expect(listed.locator(f"[data-device-uid='{first.uid}']")).to_have_count(0)
    expect(listed.locator(".tab__count").first).to_have_text("1")
    expect(listed.get_by_text("0 of 1 online")).to_be_visible()
    # The open page of the device turns into its archive.
    expect(opened.get_by_text("This life has ended.")).to_be_visible()
    expect(opened.locator(".chip--unpaired")).to_have_text("Unpaired · life 1")
    controls = opened.locator("[data-switch], [data-explicit], [data-all]")
    assert controls.count() >= 4
    for control in controls.all():
        expect(control).to_be_disabled()
    picture(opened, "unpaired", height=560)

    # The last one: the first steps are offered again, and the next device appears by itself.
    iris.post(f"/devices/{second.uid}/unpair", {})
    expect(listed.get_by_text("Bring your first device")).to_be_visible()
    expect(listed.locator("[data-toolbar]")).to_be_hidden()
    iris.post("/sites", {"name": "Attic", "site_id": "attic"})
    till = {"device_id": "till-7", "name": "Attic till", "device_type": "till"}
    iris.post("/devices/sites/attic/devices", till)
    expect(listed.get_by_role("link", name="Attic till")).to_be_visible()
    expect(listed.locator(".tab__count").first).to_have_text("1")
    assert listed.evaluate("window.stillTheSamePage") is True


def test_the_page_says_when_its_link_is_down_and_catches_up(
    room: Visitor, windows: Windows
) -> None:
    finn = somebody(room, "Finn")
    hub = Hub(finn, "Cellar")
    page = windows.of(finn, "/dashboard/devices")
    is_down = False
    held: list[WebSocketRoute] = []

    def carry(socket: WebSocketRoute) -> None:
        if is_down:
            socket.close(code=1012)
            return
        held.append(socket)
        socket.connect_to_server()

    page.route_web_socket("**/ws/client**", carry)
    page.goto(f"{finn.base_url}/dashboard/devices/{hub.uid}")
    banner = page.get_by_text(re.compile("Live updates are paused"))
    expect(page.locator("[data-live-label]").first).to_have_text("Live")
    expect(banner).to_be_hidden()

    is_down = True
    held[-1].close(code=1012)
    expect(banner).to_be_visible()
    hub.report({"sensor": "air", "kind": "temperature", "value": 21.5, "unit": "°C"})
    is_down = False

    expect(banner).to_be_hidden()
    # What happened meanwhile is fetched.
    expect(page.locator("[data-sensor='air']")).to_contain_text("21.5 °C")
