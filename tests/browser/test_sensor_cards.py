"""Sensors on the page of a device, in Chromium: they are there, and they change by themselves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.product import ProductProcess
from tests.services import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

ARTEFACTS = ROOT / ".build" / "screenshots"
SECONDS = 15_000
FIRST: list[dict[str, Any]] = [
    {"sensor": "hall", "kind": "motion", "value": False},
    {"sensor": "hall.radar", "kind": "mmwave", "value": True},
    {"sensor": "front_door", "kind": "contact", "value": True},
    {"sensor": "air", "kind": "temperature", "value": 21.534, "unit": "°C"},
    {"sensor": "cellar", "kind": "leak", "value": False},
    {"sensor": "bell", "kind": "button", "value": "hold", "event_id": "b1-1"},
    {"sensor": "room-map", "kind": "targets", "value": {"targets": [[1, 2], [3, 4]], "n": 2}},
]


def sign_in(page: Page, product: ProductProcess) -> None:
    page.goto(f"{product.base_url}/dashboard/devices")
    page.fill("input[name=email]", product.admin_email)
    page.fill("input[name=password]", product.admin_password)
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_have_text("Devices")


class Hub:
    """A sensor hub of the administrator's that speaks HTTP."""

    def __init__(self, product: ProductProcess) -> None:
        self._http = httpx.Client(base_url=product.base_url, timeout=20)
        made = self._post(
            "/api/v1/provision/register",
            {
                "hardware_id": "browser-test-hub",
                "device_class": "sensor_hub",
                "capabilities": [],
                "relay_count": 0,
            },
            {"X-Provision-Key": product.provision_key},
        )
        self.uid = made["device_uid"]
        self._key = made["device_token"]
        login = {"email": product.admin_email, "password": product.admin_password}
        token = self._post("/api/v1/auth/login", login)["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        claim = {"claim_code": made["claim_code"], "name": "Hall hub"}
        self._post("/api/v1/devices/claim", claim, bearer)

    def report(self, *items: dict[str, Any], **more: Any) -> list[str]:
        """What became of each item."""
        body = {"sensors": list(items), **more}
        shown = {"X-Device-ID": self.uid, "X-API-Key": self._key}
        answer = self._post("/api/v1/devices/sensor-report", body, shown)
        return [verdict["outcome"] for verdict in answer["verdicts"]]

    def _post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        answer = self._http.post(path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()


def value_of(page: Page, sensor: str) -> Any:
    return page.locator(f"[data-sensor='{sensor}'] .metric__value")


def test_sensors_are_shown_in_words_and_change_by_themselves(
    start_product: Any, browser_page: Page
) -> None:
    product = start_product("embedded")
    page, hub = browser_page, Hub(product)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, product)
    page.goto(f"{product.base_url}/dashboard/devices/{hub.uid}")
    expect(page.locator("#sensors-title")).to_be_hidden()

    assert hub.report(*FIRST, attributes={"hub_model": "HS-2"}) == ["stored"] * len(FIRST)
    expect(value_of(page, "hall")).to_have_text("Quiet", timeout=SECONDS)
    expect(value_of(page, "hall.radar")).to_have_text("Somebody")
    expect(value_of(page, "front_door")).to_have_text("Closed")
    expect(value_of(page, "air")).to_have_text("21.53 °C")
    expect(value_of(page, "bell")).to_have_text("hold")
    expect(page.locator("[data-refresh='facts']")).to_contain_text("HS-2")

    hub.report(
        {"sensor": "hall", "kind": "motion", "value": True},
        {"sensor": "cellar", "kind": "leak", "value": True},
    )
    expect(value_of(page, "hall")).to_have_text("Motion", timeout=SECONDS)
    expect(value_of(page, "cellar")).to_have_text("Leak")
    expect(page.locator("[data-sensor]").first).to_have_attribute("data-sensor", "cellar")
    shoot(page)
    assert not errors


def shoot(page: Page) -> None:
    """For the eye, in both themes; and nothing may hang over the edge of a narrow screen."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            hangs = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert page.evaluate(hangs) is False
            page.screenshot(
                path=str(ARTEFACTS / f"sensors-{theme}-{width}.png"),
                full_page=True,
                animations="disabled",
            )
