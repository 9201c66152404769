"""The device list: views that are kept, queries that are completed, many devices at once, files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journeys.boards import Hub
from tests.browser.journeys.camera import picture
from tests.browser.journeys.people import DESK, Windows, somebody
from tests.browser.showroom import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

NAMES = ("Front till", "Back till", "Hall hub", "Attic hub")


@pytest.fixture
def keeper(room: Visitor) -> Iterator[Visitor]:
    """Who keeps four devices that are not connected."""
    person = somebody(room, "Karla")
    for name in NAMES:
        Hub(person, name, device_class="pos_terminal" if "till" in name else "sensor_hub")
    yield person
    person.close()


def _names(page: Page) -> list[str]:
    return page.locator(".device-row__name").all_inner_texts()


def test_a_view_is_kept_and_found_again_by_another_browser(
    keeper: Visitor, windows: Windows
) -> None:
    page = windows.of(keeper, "/dashboard/devices")
    page.fill("[data-search]", "till")
    page.keyboard.press("Enter")
    expect(page.locator(".device-row")).to_have_count(2)
    page.get_by_role("link", name="Device", exact=True).click()
    expect(page.locator(".device-row__name").first).to_have_text("Front till")
    assert "q=till" in page.url
    assert "sort=-name" in page.url
    page.locator("#view-menu summary").click()
    page.fill("#view-name", "Our tills")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".view-tab[aria-current]")).to_have_text("Our tills")

    other = windows.of(keeper, "/dashboard/devices", viewport={"width": 1280, "height": 800})
    assert len(_names(other)) == 4
    other.get_by_role("link", name="Our tills").click()
    expect(other.locator(".view-tab[aria-current]")).to_have_text("Our tills")
    assert _names(other) == ["Front till", "Back till"]


def test_a_query_is_completed_told_what_is_wrong_and_exported(
    room: Visitor, windows: Windows, tmp_path: Path
) -> None:
    page = windows.of(room, "/dashboard/devices")
    query = page.locator("#query")
    query.click()
    query.press_sequentially("tag:lob")
    offered = page.get_by_role("listbox", name="What may be written here")
    expect(offered.get_by_role("option").filter(has_text="lobby").first).to_be_visible()
    # Names are words in every width between a tablet and a large desk.
    for width in (1024, 1280, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.locator(".device-row__name").first.bounding_box()["height"] < 50, width
    page.set_viewport_size(DESK)
    picture(page, "device-list", height=620)
    query.press("ArrowDown")
    query.press("Enter")
    expect(query).to_have_value("tag:lobby")
    query.press("Escape")
    query.press("Enter")
    expect(page.get_by_text("4 devices match")).to_be_visible()
    assert "query=tag" in page.url
    mine = _names(page)
    assert len(mine) == 4

    windows.expected.add("400 ")  # the page that says what is wrong
    page.fill("#query", "tag:lobby and nonsense:(")
    page.locator(".query-line").get_by_role("button", name="Search").click()
    expect(page.locator("#query-error")).to_be_visible()
    expect(page.locator("#query")).to_have_value("tag:lobby and nonsense:(")

    page.go_back()
    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.locator("h1")).to_have_text("Export 4 devices")
    page.get_by_role("button", name="Make the file").click()
    # The page follows the work by itself.
    ready = page.locator(".export").first.get_by_role("link", name="Download")
    expect(ready).to_be_visible(timeout=25_000)
    with page.expect_download() as download:
        ready.click()
    rows = list(
        csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8")))
    )
    assert sorted(row["name"] for row in rows) == sorted(mine)


def test_many_are_changed_after_a_look_at_what_would_happen(
    keeper: Visitor, windows: Windows
) -> None:
    page = windows.of(keeper, "/dashboard/devices")
    # By keyboard: two rows.
    page.locator("body").press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-count]")).to_contain_text("2")
    page.locator("[data-bulk]").get_by_role("button", name="Tags").click()
    expect(page.locator("h1")).to_contain_text("2 devices")
    page.locator("[name=add]").fill("floor=2")
    page.get_by_role("button", name="What would happen?").click()
    expect(page.locator("[data-outlook]")).to_contain_text("2 devices would change")
    page.get_by_role("button", name="Change 2 devices").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    page.get_by_role("link", name="Back to the list").click()

    # All of them: unpaired together, after the same look.
    page.locator("[data-pick-page]").check(force=True)
    page.locator("[data-pick-all]").check(force=True)
    page.locator("[data-bulk]").get_by_role("button", name="Unpair").click()
    page.get_by_role("button", name="What would happen?").click()
    expect(page.locator("[data-outlook]")).to_contain_text("4 devices would change")
    page.get_by_role("button", name="Unpair 4 devices").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    page.get_by_role("link", name="To the archive").click()
    for name in NAMES:
        expect(page.get_by_role("link", name=name)).to_be_visible()
    tagged = [
        item for item in keeper.get("/devices?archived=true&limit=50")["items"] if item["tags"]
    ]
    assert len(tagged) in {0, 2}


def test_many_are_asked_after_a_preview_and_the_progress_survives_a_reload(
    room: Visitor, windows: Windows
) -> None:
    page = windows.of(room, "/dashboard/devices?device_class=relay_controller")
    page.locator("[data-pick-page]").check(force=True)
    expect(page.locator("[data-bulk-count]")).to_contain_text("4")
    picture(page, "many-at-once", of=page.locator("[data-refresh='devices']"))
    page.locator("[data-bulk]").get_by_role("button", name="Ask").click()
    page.select_option("#kind", "set_relay")
    expect(page.get_by_role("button", name="What would happen?")).to_be_visible()
    page.get_by_label("Relay", exact=True).fill("3")
    page.get_by_label("On", exact=True).select_option("Yes")
    page.locator("[name=per_minute]").fill("30")
    page.get_by_role("button", name="What would happen?").click()
    preview = page.locator("[data-batch-preview]")
    expect(preview).to_contain_text("4 devices would be asked; 4 are online")
    page.get_by_role("button", name="Ask 4 devices").click()

    # Slow on purpose: a reload in the middle finds it where it is.
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.reload()
    expect(page.locator("#progress-title")).to_contain_text("of 4 done")
    work = page.locator("[data-work]").filter(visible=True).first
    expect(work).to_be_visible()
    work.click()
    expect(page.locator("[data-work-list] a").first).to_be_visible()
    picture(page, "work-in-progress")
    page.keyboard.press("Escape")
    expect(page.locator("#progress-title")).to_have_text("4 of 4 done", timeout=25_000)
    expect(page.locator("[data-batch-state]")).to_have_attribute("data-batch-state", "done")
