"""Every page there is, in Chromium, in a house where every name is an attack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from tests.architecture.permission_matrix import row_of
from tests.architecture.routes import PARAMETER, routes
from tests.browser.hostile_house import HostileHouse, hostile_house
from tests.browser.page_visits import Walk
from tests.browser.showroom import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

# Answered for machines; nothing of it is drawn. And Swagger's, which is drawn in its own test.
NO_PAGES: Final = {
    "api/docs/",
    "api/schema/",
    "dashboard/exports/<str:uid>/file",
    "health",
    "health/ready",
    "manifest.webmanifest",
    "metrics",
    "sw.js",
}
# Django's: a route per model and kind of page, all from the same few templates.
ADMIN: Final = "admin/"
# Seen by who has no session: the signed-in are sent on.
FOR_STRANGERS: Final = {"login", "invite/<str:token>/join"}
STATUS: Final = {"notifications/link/<str:token>": 404}
# The same page with what another state or a question makes of it.
VARIANTS: Final = (
    "/dashboard/devices?q=name:nonsense(",
    "/dashboard/devices/{archived}",
    "/dashboard/devices/{archived}/timeline",
    "/dashboard/devices/{boastful}",
    "/dashboard/devices/{offered}",
    "/app/devices/{archived}",
    "/app/devices/{boastful}",
    "/dashboard/nothing-here",
)
ADMIN_LISTS: Final = (
    "accounts/user",
    "audit/auditentry",
    "devices/device",
    "notifications/channel",
)
ADMIN_PAGES: Final = (
    "",
    "devices/",
    "auth/group/add/",
    "devices/device/{row}/do/unpair/",
)


@pytest.fixture(scope="module")
def house(room: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileHouse]:
    """One house for all visits."""
    with hostile_house(room, tmp_path_factory.mktemp("hostile")) as filled:
        yield filled


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in which nothing moves, so that colours are what they will stay."""
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


def _patterns() -> list[str]:
    return [
        route.pattern
        for route in routes()
        if route.method == "GET"
        and route.pattern not in NO_PAGES
        and not route.pattern.startswith(("api/v1/", ADMIN))
    ]


def _address(pattern: str, house: HostileHouse) -> str:
    row = row_of(pattern, "GET")
    assert row is not None, pattern
    names = house.names(row.names)
    return "/" + PARAMETER.sub(lambda found: names[found[0].strip("<>").split(":")[-1]], pattern)


def _sign_in(page: Page, house: HostileHouse) -> None:
    page.goto(f"{house.base_url}/login")
    page.fill("input[name=email]", house.email)
    page.fill("input[name=password]", house.password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: not url.endswith("/login"))


# One test: a second process would fill a second house.
@pytest.mark.timeout(600)
def test_every_page(page: Page, house: HostileHouse) -> None:
    walk = Walk(page, house.base_url)
    known = _patterns()
    assert {*FOR_STRANGERS, *STATUS} <= set(known)
    for pattern in (*FOR_STRANGERS, "invite/<str:token>"):
        _visit(walk, house, pattern)
    _sign_in(page, house)
    for pattern in known:
        if pattern not in FOR_STRANGERS:
            _visit(walk, house, pattern)
    for variant in VARIANTS:
        walk.visit(variant.format(**house.uids), status=404 if "nothing" in variant else 200)
    _visit_administration(walk)
    assert not walk.wrong, "\n".join(walk.wrong)


def _visit(walk: Walk, house: HostileHouse, pattern: str) -> None:
    walk.visit(_address(pattern, house), status=STATUS.get(pattern, 200))


def _visit_administration(walk: Walk) -> None:
    rows: dict[str, str] = {}
    for name in ADMIN_LISTS:
        walk.visit(f"/admin/{name}/")
        first = walk.page.locator("#result_list tbody th a").first
        rows[name] = str(first.get_attribute("href")).split("/")[-3]
        walk.visit(f"/admin/{name}/{rows[name]}/change/")
    for address in ADMIN_PAGES:
        name = "/".join(address.split("/")[:2])
        walk.visit(f"/admin/{address.format(row=rows.get(name))}")
