"""People: invited, limited to their sites, removed; and who is signed in no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journeys.boards import Hub
from tests.browser.journeys.camera import picture
from tests.browser.journeys.people import PHONE, Windows, sign_in, somebody
from tests.browser.showroom import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]


def _send(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"main [name={name}]", value)
    page.locator("main button[type=submit]").last.click()


def test_somebody_invited_sees_only_her_sites_until_she_is_removed(
    room: Visitor, windows: Windows
) -> None:
    olga = somebody(room, "Olga")
    page = windows.of(olga, "/dashboard/sites/new")
    _send(page, name="Harbour Street")
    page.get_by_role("link", name="Register a device here").first.click()
    _send(page, device_id="till-1", name="Front till")
    expect(page.locator("h1")).to_have_text("Front till is registered")
    Hub(olga, "Home hub")

    page.goto(f"{olga.base_url}/dashboard/people")
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("May switch").check()
    page.get_by_label("Only at some").check()
    page.get_by_label("Harbour Street").check()
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator(".qr")).to_be_visible()
    link = page.locator("[data-copy-source]").inner_text()
    picture(page, "invitation", height=560)

    guest = windows.strange(viewport=PHONE, color_scheme="dark")
    guest.goto(link)
    guest.get_by_role("link", name="I have no account yet").click()
    email = f"sam-{olga.admin_email}"
    _send(guest, email=email, display_name="Sam", password="a good long phrase")
    expect(guest.locator("h1")).not_to_contain_text("Join")
    guest.goto(f"{olga.base_url}/dashboard/devices")
    expect(guest.get_by_role("link", name="Front till")).to_be_visible()
    expect(guest.get_by_text("0 of 1 online")).to_be_visible()
    expect(guest.get_by_role("link", name="Home hub")).to_have_count(0)

    page.goto(f"{olga.base_url}/dashboard/people")
    expect(page.get_by_text(email)).to_be_visible()
    # Removed, they see nothing of it from the next click on.
    page.get_by_role("link", name="Remove Sam").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text(email)).to_have_count(0)
    guest.goto(f"{olga.base_url}/dashboard/devices")
    expect(guest.get_by_role("link", name="Front till")).to_have_count(0)


def test_a_session_that_ended_is_told_and_what_was_typed_stays(
    room: Visitor, windows: Windows
) -> None:
    windows.expected.add("401")
    paul = somebody(room, "Paul")
    hub = Hub(paul, "Cellar")
    page = windows.of(paul, "/dashboard/devices")
    page.goto(f"{paul.base_url}/dashboard/devices/{hub.uid}/twin")
    page.fill("[name=document]", '{"volume": 7}')
    # In another tab of the same browser.
    other = page.context.new_page()
    other.goto(f"{paul.base_url}/dashboard/account")
    other.locator("form[action='/logout'] button").first.evaluate("each => each.form.submit()")

    dialog = page.locator("dialog.login-dialog")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Your session has ended")
    dialog.locator("[name=email]").fill(paul.admin_email)
    dialog.locator("[name=password]").fill(paul.admin_password)
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("[name=document]")).to_have_value('{"volume": 7}')
    page.click("[data-editor] [type=submit]")
    expect(page.get_by_text("Version 1").first).to_be_visible()
    assert paul.get(f"/devices/{hub.uid}/twin")["desired"] == {"volume": 7}


def test_a_list_becomes_devices_and_its_keys_are_taken_away(
    room: Visitor, windows: Windows, tmp_path: Path
) -> None:
    page = windows.of(somebody(room, "Lena"), "/dashboard/enrol")
    listed = tmp_path / "devices.csv"
    listed.write_text("device_id,name\ntill-1,Front till\ntill-2,Back till\nno good,Broken\n")
    page.set_input_files("[name=file]", str(listed))
    page.get_by_role("button", name="Check the list").click()
    expect(page.get_by_text("no spaces")).to_be_visible()
    page.get_by_role("button", name="Enrol 2 devices").click()
    passphrase = page.locator("[data-copy-source]").inner_text()
    page.get_by_role("link", name="I have it, show the progress").click()

    # No reload of ours: the frames of the live link bring the form for the keys.
    expect(page.locator("[name=passphrase]")).to_be_visible(timeout=30_000)
    windows.expected.add("403 ")
    page.fill("[name=passphrase]", "not this one")
    page.get_by_role("button", name="Download once").click()
    expect(page.get_by_text("This is not the passphrase")).to_be_visible()
    page.fill("[name=passphrase]", passphrase.lower())
    with page.expect_download() as download:
        page.get_by_role("button", name="Download once").click()
    assert download.value.suggested_filename.endswith(".zip")
    expect(page.get_by_text("are wiped here")).to_be_visible()
    page.reload()
    expect(page.get_by_text("are wiped here")).to_be_visible()


def test_the_administration_unpairs_by_an_action(room: Visitor, windows: Windows) -> None:
    hub = Hub(somebody(room, "Rita"), "Rita's hub")
    page = windows.strange()
    sign_in(page, room, "/admin/")
    expect(page.locator("h1").first).to_be_visible()
    picture(page, "administration")
    page.goto(f"{room.base_url}/admin/devices/device/?q={hub.uid}")
    page.locator("#result_list input[type=checkbox]").last.check()
    page.select_option("select[name=action]", label="Unpair…")
    page.get_by_role("button", name="Go").click()
    expect(page.locator(".deed-rows")).to_contain_text(hub.uid)
    picture(page, "administration-unpair", height=560)
    page.locator(".submit-row input[type=submit]").click()
    expect(page.get_by_text("is unpaired; its history stays")).to_be_visible()
    # It stands under its own filter now.
    page.goto(f"{room.base_url}/admin/devices/device/?life=unpaired&q={hub.uid}")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
