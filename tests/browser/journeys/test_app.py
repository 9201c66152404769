"""The app of who owns a few devices: set up, switched, taken back, unpaired, and without a server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journeys.boards import Board, Hub
from tests.browser.journeys.camera import picture
from tests.browser.journeys.people import PHONE, Windows, somebody
from tests.browser.showroom import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

ROOM = "Kitchen"


def test_a_board_is_set_up_switched_taken_back_and_unpaired(
    room: Visitor, board: Board, windows: Windows
) -> None:
    anna = somebody(room, "Anna")
    page = windows.of(anna, "/app", viewport=PHONE, has_touch=True)
    windows.expected.add("40[0-9] ")  # a code that does not work
    uid = _set_up(page, board)
    tile = page.locator(f"#relay-{uid}-0")
    expect(page.get_by_role("heading", name=ROOM)).to_be_visible()
    expect(page.locator("[data-count=on]")).to_have_text("1")
    picture(page, "app-home")

    # At once what was asked, as a wish; back with the reason when the board cannot.
    board.freeze()
    with board.broken():
        tile.get_by_role("switch").click()
        expect(tile.locator("[data-asked-word=false]")).to_be_visible()
        expect(tile.get_by_role("switch")).to_have_attribute("aria-checked", "true")
        board.thaw()
        expect(tile).to_have_attribute("data-phase", "reverted")
        expect(tile.locator("[data-state-word]")).to_have_text("On")
        expect(page.locator("[data-toast]")).to_contain_text("The device tried and failed")

    _unpair(page)
    # The old link says what it was, and nothing on it can be pressed.
    page.goto(f"{anna.base_url}/app/devices/{uid}")
    expect(page.get_by_role("heading", name="This device is unpaired")).to_be_visible()
    expect(page.locator(".chip", has_text=re.compile("unpaired", re.I)).first).to_be_visible()
    controls = page.locator("[data-switch], [data-explicit]")
    assert controls.count() >= 4
    for control in controls.all():
        expect(control).to_be_disabled()
    assert page.locator("main form").count() == 0


def _set_up(page: Page, board: Board) -> str:
    """All six steps, one of them with a mistake, one after the phone went dark."""
    page.get_by_role("link", name="Add a device").click()
    page.get_by_role("link", name="It has power").click()
    page.fill("[name=claim_code]", "WRONG-99")
    page.get_by_role("button", name="Pair it").click()
    expect(page.locator("#trouble-title")).to_have_text("This code does not work")
    page.fill("[name=claim_code]", board.claim_code())
    picture(page, "app-code")
    page.get_by_role("button", name="Pair it").click()
    expect(page.locator("h1")).to_contain_text("What is it called?")
    uid = page.url.split("/")[-2]
    page.fill("[name=name]", "Kitchen lights")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("h1")).to_have_text("Where is Kitchen lights?")
    # The phone went dark: another way in goes on where it was left.
    page.goto(page.url.partition("/app/")[0] + "/app")
    page.get_by_role("link", name="Go on").click()
    expect(page.locator("h1")).to_have_text("Where is Kitchen lights?")
    page.fill("[name=other]", ROOM)
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".chip--online").first).to_be_visible()
    tile = page.locator(f"#relay-{uid}-0")
    tile.get_by_role("switch").click()
    expect(tile.locator("[data-state-word]")).to_have_text("On")
    page.get_by_role("button", name="It works").click()
    expect(page.locator("h1")).to_have_text("Kitchen lights is ready")
    page.get_by_role("link", name="Go to my home").click()
    return uid


def _unpair(page: Page) -> None:
    """It goes from another open page at once, with its number."""
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("[data-count=total]")).to_have_text("1")
    page.locator(".home-card__link").click()
    page.get_by_role("link", name="Unpair this device…").click()
    expect(page.locator("h1")).to_have_text("Unpair Kitchen lights?")
    picture(page, "app-unpair")
    page.get_by_role("button", name="Unpair it").click()
    expect(other.locator("[data-device-card]")).to_have_count(0)
    expect(other.get_by_text("Nothing here yet")).to_be_visible()


def test_by_night_on_a_phone_and_without_a_server(room: Visitor, windows: Windows) -> None:
    windows.expected.add("ERR_INTERNET_DISCONNECTED|ERR_FAILED|sw.js")
    emil = somebody(room, "Emil")
    hub = Hub(emil, "Garden")
    hub.report({"sensor": "air", "kind": "temperature", "value": 12.5, "unit": "°C"})
    page = windows.of(emil, "/app", viewport=PHONE, color_scheme="dark", has_touch=True)
    expect(page.locator("[data-device-card]")).to_contain_text("12.5")
    expect(page.locator("[data-tabbar]")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).colorScheme || 'dark'") != "light"
    picture(page, "app-dark")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function(
        "async () => (await caches.keys()).some((name) => name.startsWith('homepot-shell-'))"
    )

    page.context.set_offline(True)
    page.goto(f"{emil.base_url}/app/devices/{hub.uid}")

    expect(page.locator("h1")).to_have_text("No connection")
    expect(page.get_by_text("Nothing can be switched from here")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Garden")
    assert page.get_by_role("switch").count() == 0
    picture(page, "app-offline")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    # Back, it goes on by itself.
    page.context.set_offline(False)
    expect(page.locator("h1")).to_have_text("Garden")


def test_a_home_is_shared(room: Visitor, windows: Windows) -> None:
    greta = somebody(room, "Greta")
    Hub(greta, "Hall")
    page = windows.of(greta, "/app/family", viewport=PHONE)
    page.get_by_text("May look").first.click()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("[data-copy-source]").inner_text()
    picture(page, "app-share")
    guest = windows.strange(viewport=PHONE)
    guest.goto(link)
    guest.get_by_role("link", name="I have no account yet").click()
    guest.fill("main [name=email]", f"leo-{greta.admin_email}")
    guest.fill("main [name=display_name]", "Leo")
    guest.fill("main [name=password]", "a good long phrase")
    guest.locator("main button[type=submit]").last.click()
    expect(guest.locator("main form [name=password]")).to_have_count(0)
    guest.goto(f"{greta.base_url}/app")
    expect(guest.locator("[data-device-card]")).to_contain_text("Hall")
    page.goto(f"{greta.base_url}/app/family")
    expect(page.get_by_text("Leo").first).to_be_visible()
