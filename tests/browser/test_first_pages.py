"""The pages a newcomer sees, in Chromium, on the running product, with real devices."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.product import ProductProcess
from tests.services import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.embedded_only]

ARTEFACTS = ROOT / ".build" / "screenshots"
SECONDS = 15_000


class Agent:
    """The real device agent with a board of four relays, as a process."""

    def __init__(self, product: ProductProcess, folder: Path) -> None:
        self.state = folder
        self._product = product
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it provisions on its first start."""
        with (self.state / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "edge.agent", "run", "--url", self._product.base_url,
                    "--state-dir", str(self.state / "state"), "--relays", "4", "--interval", "1",
                    "--hardware-id", "browser-test-board", "--device-class", "relay_controller",
                ],
                env={**os.environ, "DEVICE_PROVISION_KEY": self._product.provision_key},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def claim_code(self) -> str:
        """The code it printed."""
        for _ in range(150):
            text = (self.state / "agent.log").read_text(encoding="utf-8")
            found = re.search(r"claim code (\w{8})", text)
            if found:
                return found.group(1)
            with contextlib.suppress(subprocess.TimeoutExpired):
                assert self._process is not None
                self._process.wait(0.1)
        raise AssertionError(text)

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it, in whatever state it is."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process = None


@pytest.fixture
def product(start_product: Any) -> ProductProcess:
    started: ProductProcess = start_product(
        "embedded", OFFLINE_AFTER_SECONDS="6", ACK_TIMEOUT_SECONDS="2"
    )
    return started


@pytest.fixture
def agent(product: ProductProcess, tmp_path: Path) -> Iterator[Agent]:
    started = Agent(product, tmp_path)
    started.start()
    yield started
    started.stop()


def _sign_in(page: Page, product: ProductProcess) -> None:
    page.goto(f"{product.base_url}/dashboard/devices")
    page.fill("input[name=email]", product.admin_email)
    page.fill("input[name=password]", product.admin_password)
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_have_text("Devices")


def _shoot(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"{name}.png"), full_page=True)


def _claim(page: Page, code: str, name: str) -> None:
    page.locator("[data-open-claim]").first.click()
    page.fill("input[name=claim_code]", code)
    page.fill("input[name=name]", name)
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("link", name=name).or_(page.locator("h1", has_text=name)).first
    ).to_be_visible(timeout=SECONDS)


def _open_device(page: Page, product: ProductProcess, name: str) -> None:
    page.goto(f"{product.base_url}/dashboard/devices")
    page.get_by_role("link", name=name).first.click()
    expect(page.locator("h1")).to_contain_text(name)
    expect(page.locator("[data-relay='0']")).to_be_visible()


def _relay(page: Page, index: int) -> Any:
    return page.locator(f".relays [data-relay='{index}']")


def test_claim_switch_and_audit(product: ProductProcess, agent: Agent, browser_page: Page) -> None:
    errors: list[str] = []
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    browser_page.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    _sign_in(browser_page, product)
    _shoot(browser_page, "empty")
    _claim(browser_page, agent.claim_code(), "Lobby board")
    _open_device(browser_page, product, "Lobby board")

    _relay(browser_page, 1).get_by_role("switch").click()

    expect(_relay(browser_page, 1).locator("[data-state-word]")).to_have_text("On", timeout=SECONDS)
    expect(_relay(browser_page, 1).get_by_role("switch")).to_have_attribute("aria-checked", "true")
    board = (agent.state / "state" / "board.json").read_text(encoding="utf-8")
    assert re.search(r'"relays":\[false,true,false,false\]', board)
    browser_page.reload()
    expect(_relay(browser_page, 1).locator("[data-state-word]")).to_have_text("On")
    expect(browser_page.locator("table").get_by_text("Confirmed").first).to_be_visible()
    _shoot(browser_page, "switched")
    product.manage("audit_verify")  # fails the test when a chain does not verify
    assert not errors


def test_a_change_by_someone_else_appears_without_a_reload(
    product: ProductProcess, agent: Agent, browser_page: Page
) -> None:
    _sign_in(browser_page, product)
    _claim(browser_page, agent.claim_code(), "Shared board")
    _open_device(browser_page, product, "Shared board")
    uid = browser_page.url.rsplit("/", 1)[-1]

    with httpx.Client(base_url=product.base_url, timeout=20) as api:
        login = {"email": product.admin_email, "password": product.admin_password}
        token = api.post("/api/v1/auth/login", json=login).json()["access_token"]
        api.headers["Authorization"] = f"Bearer {token}"
        answer = api.post(f"/api/v1/devices/{uid}/relays/2/commands", json={"is_on": True})
    assert answer.json()["state"] == "succeeded"

    expect(_relay(browser_page, 2).locator("[data-state-word]")).to_have_text("On", timeout=SECONDS)


def test_a_switch_whose_device_does_not_answer_says_so_and_comes_back(
    product: ProductProcess, agent: Agent, browser_page: Page
) -> None:
    _sign_in(browser_page, product)
    _claim(browser_page, agent.claim_code(), "Frozen board")
    _open_device(browser_page, product, "Frozen board")
    agent.signal(signal.SIGSTOP)

    _relay(browser_page, 0).get_by_role("switch").click()

    # The confirmed state stays what it was; the outcome is called unknown, never failed.
    expect(_relay(browser_page, 0)).to_contain_text(re.compile("unknown", re.I), timeout=SECONDS)
    expect(_relay(browser_page, 0).locator("[data-state-word]")).to_have_text("Off")
    _shoot(browser_page, "unknown")
    agent.signal(signal.SIGCONT)
    expect(_relay(browser_page, 0).locator("[data-state-word]")).to_have_text("On", timeout=SECONDS)


def test_a_dead_device_goes_offline_on_the_open_page(
    product: ProductProcess, agent: Agent, browser_page: Page
) -> None:
    _sign_in(browser_page, product)
    _claim(browser_page, agent.claim_code(), "Dying board")
    _open_device(browser_page, product, "Dying board")
    expect(browser_page.get_by_text("Online").first).to_be_visible(timeout=SECONDS)

    agent.stop()

    expect(browser_page.get_by_text("Offline").first).to_be_visible(timeout=SECONDS)
    expect(browser_page.locator("[data-offline-notice]")).to_be_visible()


def test_the_page_says_when_its_live_link_is_down_and_catches_up(
    product: ProductProcess, agent: Agent, browser_page: Page
) -> None:
    _sign_in(browser_page, product)
    _claim(browser_page, agent.claim_code(), "Patient board")
    _open_device(browser_page, product, "Patient board")
    banner = browser_page.get_by_text(re.compile("Live updates are paused"))
    expect(banner).to_be_hidden()

    product.kill9()

    expect(banner).to_be_visible(timeout=SECONDS)
    _shoot(browser_page, "paused")
    product.start()
    expect(banner).to_be_hidden(timeout=2 * SECONDS)


def test_the_api_reference_draws_every_route_within_the_policy(
    product: ProductProcess, browser_page: Page
) -> None:
    refused: list[str] = []
    browser_page.on(
        "console", lambda told: refused.append(told.text) if told.type == "error" else None
    )

    browser_page.goto(f"{product.base_url}/api/docs/")

    expect(browser_page.locator(".opblock").first).to_be_visible(timeout=SECONDS)
    _shoot(browser_page, "api-reference")
    # It draws what is in sight, and there is more than fits.
    switching = browser_page.get_by_text("/api/v1/devices/{uid}/relays/{index}/commands")
    browser_page.mouse.move(400, 400)
    for _ in range(120):
        if switching.count():
            break
        browser_page.mouse.wheel(0, 400)
        browser_page.wait_for_timeout(100)
    expect(switching.first).to_be_visible()
    assert not refused


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways(
    product: ProductProcess, agent: Agent, browser: Any, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    _sign_in(page, product)
    _claim(page, agent.claim_code(), "A board with a rather long name that has to wrap somewhere")
    for address in (
        "/dashboard/devices",
        page.url.removeprefix(product.base_url),
        "/dashboard/claim",
    ):
        page.goto(product.base_url + address)
        _shoot(page, f"{address.strip('/').replace('/', '-') or 'devices'}-{width}-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
    context.close()
