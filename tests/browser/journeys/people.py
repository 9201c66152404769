"""People of a journey's own, and the windows they look through."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.browser.showroom import Visitor

DESK: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}


def somebody(room: Visitor, name: str) -> Visitor:
    """Who has just registered, alone in a home of their own."""
    email, password = (
        f"{name.lower()}-{secrets.token_hex(4)}@example.com",
        secrets.token_urlsafe(16),
    )
    room.post("/auth/register", {"email": email, "password": password, "display_name": name})
    return Visitor({**vars(room), "admin_email": email, "admin_password": password})


def sign_in(page: Page, person: Visitor, path: str) -> None:
    """Through the login page to where they wanted to go."""
    page.goto(f"{person.base_url}/login?next={path}")
    page.fill("input[name=email]", person.admin_email)
    page.fill("input[name=password]", person.admin_password)
    page.click("button[type=submit]")
    page.wait_for_url(re.compile(re.escape(person.base_url + path)))


class Windows:
    """The browser profiles of one journey; when they close, nothing may have gone wrong in them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._wrong: list[str] = []
        # What the journey itself brings about, such as a refusal.
        self.expected: set[str] = set()

    def strange(self, **how: Any) -> Page:
        """A window of who is not signed in."""
        how = {"viewport": DESK, "color_scheme": "light", "reduced_motion": "reduce", **how}
        context = self._browser.new_context(**how)
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self._wrong.append(f"{page.url}: {error}"))
        page.on("console", self._heard)
        return page

    def of(self, person: Visitor, path: str, **how: Any) -> Page:
        """A window in which a person has signed in and come to a page."""
        page = self.strange(**how)
        sign_in(page, person, path)
        return page

    def close(self) -> None:
        """Close them all."""
        for context in self._contexts:
            context.close()
        expected = re.compile("|".join(self.expected) or "(?!)")
        wrong = [each for each in self._wrong if not expected.search(each)]
        assert not wrong, "\n".join(wrong)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self._wrong.append(f"{message.page and message.page.url}: {message.text} {where}")
