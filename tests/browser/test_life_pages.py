"""The life of a device in Chromium: pages that follow live, by keyboard, without a script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories.installation import Installation
from tests.product import ProductProcess

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

SECONDS = 15_000
MARK = "window.stillTheSamePage"


@pytest.fixture
def installation(start_product: Any) -> Installation:
    return Installation(start_product("embedded"))


def _sign_in(page: Page, product: ProductProcess) -> None:
    page.goto(f"{product.base_url}/dashboard/devices")
    page.fill("input[name=email]", product.admin_email)
    page.fill("input[name=password]", product.admin_password)
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_have_text("Devices")


def _named(installation: Installation, hardware_id: str, name: str) -> str:
    made = installation.provision(hardware_id)
    body = {"claim_code": made["claim_code"], "name": name}
    answer = installation.call("POST", "/api/v1/devices/claim", body)
    assert answer.status == 200, answer
    return str(answer.body["uid"])


def _unpair(installation: Installation, uid: str) -> None:
    assert installation.call("POST", f"/api/v1/devices/{uid}/unpair").status == 200


def _wait_for_link(page: Page) -> None:
    expect(page.locator("[data-live-label]").first).to_have_text("Live", timeout=SECONDS)


def test_the_list_and_its_counters_follow_without_a_reload(
    installation: Installation, browser_page: Page
) -> None:
    page = browser_page
    first = _named(installation, "hw-1", "Bakery")
    second = _named(installation, "hw-2", "Cellar")
    _sign_in(page, installation.product)
    _wait_for_link(page)
    page.evaluate(f"{MARK} = true")
    expect(page.locator(".tab__count").first).to_have_text("2")

    _unpair(installation, first)
    expect(page.locator(f"[data-device-uid='{first}']")).to_have_count(0, timeout=SECONDS)
    expect(page.locator(".tab__count").first).to_have_text("1", timeout=SECONDS)
    expect(page.get_by_text("0 of 1 online")).to_be_visible()

    _unpair(installation, second)
    expect(page.get_by_text("Bring your first device")).to_be_visible(timeout=SECONDS)
    expect(page.locator("[data-toolbar]")).to_be_hidden()

    site = {"name": "Attic", "site_id": "attic"}
    assert installation.call("POST", "/api/v1/sites", site).status == 201
    till = {"device_id": "till-7", "name": "Attic till", "device_type": "till"}
    answer = installation.call("POST", "/api/v1/devices/sites/attic/devices", till)
    assert answer.status == 201, answer
    expect(page.get_by_role("link", name="Attic till")).to_be_visible(timeout=SECONDS)
    expect(page.locator(".tab__count").first).to_have_text("1")
    assert page.evaluate(MARK) is True


def test_an_open_device_page_turns_into_its_archive(
    installation: Installation, browser_page: Page
) -> None:
    page = browser_page
    uid = _named(installation, "hw-1", "Bakery")
    _sign_in(page, installation.product)
    page.goto(f"{installation.product.base_url}/dashboard/devices/{uid}")
    _wait_for_link(page)

    _unpair(installation, uid)

    expect(page.get_by_text("This life has ended.")).to_be_visible(timeout=SECONDS)
    expect(page.locator(".chip--unpaired")).to_have_text("Unpaired · life 1")
    for button in page.locator("[data-explicit], [data-all]").all():
        expect(button).to_be_disabled()


def test_the_lives_follow_and_what_is_unfolded_stays_so(
    installation: Installation, browser_page: Page
) -> None:
    page = browser_page
    _unpair(installation, _named(installation, "hw-1", "Bakery"))
    uid = _named(installation, "hw-1", "Bakery again")
    _sign_in(page, installation.product)
    page.goto(f"{installation.product.base_url}/dashboard/devices/{uid}/lives")
    _wait_for_link(page)
    page.locator("#raw-1 summary").click()

    _unpair(installation, uid)

    expect(page.locator("#life-2 .chip--unpaired")).to_be_visible(timeout=SECONDS)
    expect(page.locator("#raw-1 pre")).to_be_visible()


def test_a_device_is_unpaired_by_keyboard_alone(
    installation: Installation, browser_page: Page
) -> None:
    page = browser_page
    uid = _named(installation, "hw-1", "Bakery")
    _sign_in(page, installation.product)
    page.goto(f"{installation.product.base_url}/dashboard/devices/{uid}")
    _press_to(page, "Unpair…")
    expect(page.locator("h1")).to_have_text("Unpair Bakery")
    _press_to(page, "Unpair this device")
    expect(page.get_by_text("This life has ended.")).to_be_visible(timeout=SECONDS)


def _press_to(page: Page, text: str) -> None:
    """Tab until what has that text has the focus, and it is seen; then Enter."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and focused.inner_text().strip() == text:
            assert focused.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the keyboard never reaches {text!r}")


def test_everything_works_without_a_script(installation: Installation, browser: Any) -> None:
    uid = _named(installation, "hw-1", "Bakery")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    _sign_in(page, installation.product)
    at = f"{installation.product.base_url}/dashboard/devices/{uid}"

    page.goto(f"{at}/rotate")
    page.get_by_label("One hour").check()
    page.get_by_role("button", name="Make the new key").click()
    assert len(page.locator(".secret code").inner_text()) >= 43

    page.goto(f"{at}/transfer")
    page.get_by_role("button", name="Offer this device").click()
    expect(page.locator(".secret code")).to_have_text(re.compile(r"^(\w{4}-){3}\w{4}$"))
    page.get_by_role("link", name="All transfers").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Nothing is offered.")).to_be_visible()

    page.goto(f"{at}/release")
    page.get_by_role("button", name="Release this device").click()
    expect(page.locator("svg.qr")).to_be_visible()
    page.goto(f"{at}/erase")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("heading", name="Report")).to_be_visible()
    context.close()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_a_life_scrolls_sideways(
    installation: Installation, browser: Any, width: int, scheme: str
) -> None:
    name = "A board with a rather long name that has to wrap somewhere"
    gone = _named(installation, "hardware-with-an-id-" + "x" * 60, name)
    _unpair(installation, gone)
    uid = _named(installation, "hardware-with-an-id-" + "x" * 60, name)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
    _sign_in(page, installation.product)

    def look(what: str) -> None:
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{what} is {wide} px too wide"

    pages = ("", "/lives", "/unpair", "/release", "/rotate", "/transfer")
    addresses = [f"/dashboard/devices/{uid}{each}" for each in pages]
    addresses += [
        f"/dashboard/devices/{gone}",
        f"/dashboard/devices/{gone}/erase",
        f"/dashboard/devices/{gone}/unpair",
    ]
    for address in [
        *addresses,
        "/dashboard/archive",
        "/dashboard/transfers",
        "/dashboard/transfers/accept",
    ]:
        page.goto(installation.product.base_url + address)
        for fold in page.locator("details summary").all():
            fold.click()
        look(address)
    for deed in ("rotate", "transfer", "release"):
        page.goto(f"{installation.product.base_url}/dashboard/devices/{uid}/{deed}")
        page.locator("form[data-once] [type=submit]").last.click()
        expect(page.locator(".secret")).to_be_visible()
        look(f"what {deed} gives")
    assert not errors
    context.close()
