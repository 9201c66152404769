"""A browser in front of a filled installation, for the benchmarks of pages."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.browser.showroom import Showroom
from tests.migrated import put_migrated_database
from tests.product import ProductProcess, embedded_product

CHROMIUM = "/usr/bin/chromium"


@contextmanager
def filled_installation() -> Iterator[tuple[ProductProcess, Showroom]]:
    """A running product with sites, two real agents and a simulated fleet."""
    product = embedded_product()
    put_migrated_database(product)
    room: Showroom | None = None
    try:
        product.start()
        room = Showroom(product)
        room.fill()
        yield product, room
    finally:
        if room is not None:
            room.close()
        product.close()


@contextmanager
def signed_in_browser(product: ProductProcess, *, port: int = 0) -> Iterator[Page]:
    """A page of a Chromium whose profile is signed in; others may drive it over `port`."""
    with (
        tempfile.TemporaryDirectory(prefix="homepot-browser-") as profile,
        sync_playwright() as play,
    ):
        arguments = ["--no-sandbox", *([f"--remote-debugging-port={port}"] if port else [])]
        context: Any = play.chromium.launch_persistent_context(
            str(Path(profile)),
            executable_path=CHROMIUM,
            args=arguments,
            viewport={"width": 1440, "height": 900},
        )
        page = context.new_page()
        page.goto(f"{product.base_url}/login?next=/dashboard/devices")
        page.fill("input[name=email]", product.admin_email)
        page.fill("input[name=password]", product.admin_password)
        page.click("button[type=submit]")
        page.wait_for_url("**/dashboard/devices")
        yield page
        context.close()


def forget_files(page: Page) -> None:
    """Have the browser fetch every file again; it stays signed in."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.clearBrowserCache")
    origin = page.evaluate("location.origin")
    kinds = "service_workers,cache_storage"
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": kinds})
    session.detach()


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
