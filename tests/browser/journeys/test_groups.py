"""Groups: conditions in rows and as text follow each other, and say why."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.journeys.camera import picture
from tests.browser.journeys.people import Windows
from tests.browser.showroom import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]


def test_a_group_is_built_in_rows_and_as_text_and_says_why(room: Visitor, windows: Windows) -> None:
    page = windows.of(room, "/dashboard/groups/new")
    page.get_by_label("Name", exact=True).fill("Lobby boards")
    page.locator("[data-builder] [data-add=row]").first.click()
    page.locator("[data-qrow] [data-field]").select_option("status")
    page.locator("[data-qrow] select[data-value]").select_option("online")
    text = page.locator("[name=query]")
    expect(text).to_have_value("status:online")

    # The other way round: what is written comes back as rows.
    text.fill("status:online and (tag:lobby or tag:night)")
    expect(page.locator("[data-qrow]")).to_have_count(3)
    expect(page.locator(".qgroup--inner [data-join]")).to_have_value("any")
    found = page.locator("[data-preview]")
    expect(found).to_contain_text("devices")
    page.get_by_label("Try it on one device").fill(room.devices["Lobby board"])
    page.get_by_role("button", name="Why, or why not?").click()
    expect(page.locator("[data-preview]")).to_contain_text("Lobby board")
    page.locator("[data-builder]").evaluate("each => each.scrollIntoView()")
    picture(page, "group-builder", of=page.locator("[data-query-part]"))
    page.get_by_role("button", name="Make the group").click()

    expect(page.locator("h1")).to_have_text("Lobby boards")
    page.get_by_role("link", name="Why? Lobby board").click()
    expect(page.get_by_role("heading", name="Lobby board is in this group")).to_be_visible()
    expect(page.locator(".condition[data-met=true]").first).to_be_visible()
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_role("button", name="Remove the group…").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("link", name="Lobby boards")).to_have_count(0)
