"""One journey in Chromium: somebody is invited, comes in, and sees the devices of the house."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.product import ProductProcess

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

SECONDS = 15_000


@pytest.fixture
def product(start_product: Any) -> ProductProcess:
    started: ProductProcess = start_product("embedded")
    return started


def _sign_in(page: Page, product: ProductProcess) -> None:
    page.goto(f"{product.base_url}/dashboard/devices")
    page.fill("input[name=email]", product.admin_email)
    page.fill("input[name=password]", product.admin_password)
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_have_text("Devices")


def _send(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"main [name={name}]", value)
    page.locator("main button[type=submit]").last.click()


def _device_at_a_new_site(page: Page, product: ProductProcess) -> None:
    page.goto(f"{product.base_url}/dashboard/sites/new")
    _send(page, name="Harbour Street")
    page.get_by_role("link", name="Register a device here").first.click()
    _send(page, device_id="till-1", name="Front till")
    expect(page.locator("h1")).to_have_text("Front till is registered")


def _invitation(page: Page, product: ProductProcess) -> str:
    page.goto(f"{product.base_url}/dashboard/people")
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("May look").check()
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator(".qr")).to_be_visible()
    return page.locator("[data-copy-source]").inner_text()


def _fits(page: Page) -> bool:
    fits: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return fits


def test_somebody_invited_comes_in_and_sees_the_device(
    product: ProductProcess, browser_page: Page, browser: Any
) -> None:
    _sign_in(browser_page, product)
    _device_at_a_new_site(browser_page, product)
    link = _invitation(browser_page, product)
    errors: list[str] = []
    phone = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    guest = phone.new_page()
    guest.on("pageerror", lambda error: errors.append(str(error)))
    guest.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )

    guest.goto(link)
    guest.get_by_role("link", name="I have no account yet").click()
    assert _fits(guest)
    _send(guest, email="sam@example.com", display_name="Sam", password="a good long phrase")

    expect(guest.locator("h1")).to_have_text("Devices", timeout=SECONDS)
    expect(guest.get_by_role("link", name="Front till")).to_be_visible()
    assert _fits(guest)
    browser_page.goto(f"{product.base_url}/dashboard/people")
    expect(browser_page.get_by_text("sam@example.com")).to_be_visible()

    # Removed, they see nothing of it from the next click on.
    browser_page.get_by_role("link", name="Remove Sam").click()
    browser_page.get_by_role("button", name="Remove").click()
    expect(browser_page.get_by_text("sam@example.com")).to_have_count(0)
    guest.goto(f"{product.base_url}/dashboard/devices")
    expect(guest.get_by_role("link", name="Front till")).to_have_count(0)
    assert not errors
    phone.close()


def test_a_list_becomes_devices_and_its_keys_are_taken_away(
    product: ProductProcess, browser_page: Page, tmp_path: Any
) -> None:
    _sign_in(browser_page, product)
    page = browser_page
    listed = tmp_path / "devices.csv"
    listed.write_text("device_id,name\ntill-1,Front till\ntill-2,Back till\nno good,Broken\n")
    page.goto(f"{product.base_url}/dashboard/enrol")
    page.set_input_files("[name=file]", str(listed))
    page.get_by_role("button", name="Check the list").click()
    expect(page.get_by_text("no spaces")).to_be_visible()
    page.get_by_role("button", name="Enrol 2 devices").click()
    passphrase = page.locator("[data-copy-source]").inner_text()
    page.get_by_role("link", name="I have it, show the progress").click()

    # No reload of ours: the frames of the live link bring the form for the keys.
    expect(page.locator("[name=passphrase]")).to_be_visible(timeout=2 * SECONDS)
    page.fill("[name=passphrase]", "not this one")
    page.get_by_role("button", name="Download once").click()
    expect(page.get_by_text("This is not the passphrase")).to_be_visible()
    page.fill("[name=passphrase]", passphrase.lower())
    with page.expect_download() as download:
        page.get_by_role("button", name="Download once").click()

    assert download.value.suggested_filename.endswith(".zip")
    expect(page.get_by_text("are wiped here")).to_be_visible(timeout=SECONDS)
    page.reload()
    expect(page.get_by_text("are wiped here")).to_be_visible()
