"""Two people edit one twin, in Chromium: both sides are shown, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_presence_pages import shoot
from tests.browser.test_sensor_cards import Hub, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

SECONDS = 15_000


def write(page: Page, document: object) -> None:
    page.fill("[name=document]", json.dumps(document))


def save(page: Page) -> None:
    page.click("[data-editor] [type=submit]")


def written(page: Page) -> object:
    return json.loads(page.input_value("[name=document]"))


def test_who_was_slower_decides_and_both_changes_can_hold(
    start_product: Any, browser_page: Page
) -> None:
    product = start_product("embedded")
    mine, hub = browser_page, Hub(product)
    errors: list[str] = []
    mine.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(mine, product)
    address = f"{product.base_url}/dashboard/devices/{hub.uid}/twin"
    mine.goto(address)
    mine.fill("[name=document]", "{")
    expect(mine.locator("[id$=document-error]")).to_contain_text("This is no JSON")
    write(mine, {"volume": 1, "lamp": "off"})
    save(mine)
    expect(mine.locator(".timeline__item")).to_have_count(1)

    theirs = mine.context.new_page()
    theirs.goto(address)
    write(mine, {"volume": 1, "lamp": "on"})
    write(theirs, {"volume": 2, "lamp": "off"})
    save(theirs)
    # It is told before anything is saved, and what was typed stays.
    expect(mine.locator("[data-editor-behind]")).to_be_visible(timeout=SECONDS)
    save(mine)
    dialog = mine.locator("dialog[open]")
    expect(dialog).to_contain_text("You changed different places")
    shoot(mine, "twin-conflict")
    dialog.get_by_role("button", name="Keep both").click()
    expect(mine.locator("dialog")).to_have_count(0)
    assert written(mine) == {"volume": 2, "lamp": "on"}
    # Nobody typed in the other window: it follows.
    expect(theirs.locator("[name=document]")).to_have_value(
        json.dumps({"volume": 2, "lamp": "on"}, indent=2), timeout=SECONDS
    )

    write(mine, {"volume": 5, "lamp": "on"})
    write(theirs, {"volume": 6, "lamp": "on"})
    save(theirs)
    expect(theirs.locator(".timeline__item")).to_have_count(4)
    save(mine)
    expect(dialog).to_contain_text("You both changed /volume")
    expect(dialog.get_by_role("button", name="Keep both")).to_have_count(0)
    dialog.get_by_role("link", name="Keep theirs").click()
    expect(mine.locator("dialog")).to_have_count(0)
    assert written(mine) == {"volume": 6, "lamp": "on"}
    assert not errors
