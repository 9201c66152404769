"""Visits of pages in Chromium: what is wrong with each is gathered, not raised.

A visit loads a page once and then looks at it as it is on a desk by day and by night and on phones:
the theme and the size of the window change, the page stays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ConsoleMessage, Dialog, Page, Request, ViewportSize

from tests.browser.hostile_house import BAIT

_DESK: Final[ViewportSize] = {"width": 1440, "height": 900}
_PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
_SMALL: Final[ViewportSize] = {"width": 360, "height": 740}
_SIGHTS: Final[Sequence[tuple[ViewportSize, Literal["light", "dark"], bool]]] = (
    # How large, which theme, and whether more than colours is looked at: themes change no more.
    (_DESK, "light", True),
    (_DESK, "dark", False),
    (_PHONE, "dark", True),
    # Only its width.
    (_SMALL, "dark", False),
)
# Texts have their colours of style sheets alone, so what hangs in the same tree of names and states
# is looked at once in a walk: a row, a button, the frame of the pages.
_RUN_AXE: Final = """
async ([sight, isWhole]) => {
  const colours = ["color-contrast", "link-in-text-block"];
  const seen = new Set(JSON.parse(localStorage.getItem(`walk ${sight}`) ?? "[]"));
  const paths = new Map();
  const pathOf = (one) => {
    if (!one) return "";
    if (!paths.has(one)) {
      const states = [...one.attributes].filter(({ name }) =>
        /^(class|aria-|data-(state|phase|code|kind|sync|on)|disabled|hidden|open|type|readonly)/.test(name));
      const words = states.map(({ name, value }) =>
        name === "aria-label" || /^aria-.*by$|controls/.test(name) ? "" : `${name}=${value}`);
      const path = `${pathOf(one.parentElement)}>${one.tagName}[${words.sort()}]`;
      let sum = 0;
      for (const sign of path) sum = (sum * 31 + sign.codePointAt(0)) % 9007199254740;
      paths.set(one, sum.toString(36));
    }
    return paths.get(one);
  };
  const fresh = [];
  for (const one of document.body.querySelectorAll("*")) {
    const hasText = one.matches("input, select, textarea") ||
      [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText || seen.has(pathOf(one)) || !one.checkVisibility()) continue;
    seen.add(pathOf(one));
    fresh.push(one);
  }
  localStorage.setItem(`walk ${sight}`, JSON.stringify([...seen]));
  const options = { resultTypes: ["violations"], preload: false, iframes: false };
  const off = Object.fromEntries(colours.map((rule) => [rule, { enabled: false }]));
  const runs = [
    ...(isWhole ? [await axe.run(document, { ...options, rules: off })] : []),
    ...(fresh.length ? [await axe.run({ include: fresh }, { ...options, runOnly: colours })] : []),
  ];
  return runs.flatMap((run) => run.violations).map((one) => [
    one.id,
    one.nodes.slice(0, 3).map((node) => [
      node.target.join(" "), node.any.concat(node.all, node.none).map((n) => n.message).join(" "),
    ]),
  ]);
}
"""
# Colours that fade into those of the other theme are there at once.
_STILL: Final = """
() => {
  const still = new CSSStyleSheet();
  still.replaceSync("*, *::before, *::after { transition: none !important; animation: none !important }");
  document.adoptedStyleSheets.push(still);
}
"""
# Charts follow the window a frame later; what scrolls by itself on purpose widens nothing.
_TOO_WIDE: Final = """
async () => {
  const root = document.documentElement;
  const excess = () => root.scrollWidth - root.clientWidth;
  for (let turn = 0; excess() > 0 && turn < 10; turn += 1) {
    await new Promise((done) => setTimeout(done, 50));
  }
  if (excess() <= 0) return null;
  const scrolls = (one) => one !== root && one !== document.body &&
    (getComputedStyle(one).overflowX !== "visible" || scrolls(one.parentElement));
  const wide = [...document.body.querySelectorAll("*")]
    .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 0.5)
    .filter((one) => !scrolls(one));
  return [excess(), wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120))];
}
"""
# Template marks that were computed, addresses that run, elements that only an attack makes.
_BROKEN_INTO: Final = """
() => {
  const found = [];
  if (document.documentElement.textContent.includes("hp49hp")) found.push("a template ran");
  for (const one of document.querySelectorAll("a[href], form[action], [src], [formaction]")) {
    for (const name of ["href", "action", "src", "formaction"]) {
      if (/^\\s*javascript:/i.test(one.getAttribute(name) ?? "")) found.push(one.outerHTML);
    }
  }
  for (const one of document.querySelectorAll("[onerror], [onload], [src*='bait'], script:not([src])")) {
    if (one.type !== "application/json") found.push(one.outerHTML.slice(0, 200));
  }
  return found;
}
"""
_HEADERS: Final = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
}
_POLICY: Final = ("frame-ancestors 'none'", "base-uri ", "form-action ", "script-src 'self'")


@dataclass
class Walk:
    """One browser page that goes from address to address."""

    page: Page
    base_url: str
    wrong: list[str] = field(default_factory=list)
    _at: str = ""
    _expected: int = 200

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self._tell(f"error: {error}"))
        self.page.on("dialog", self._saw_dialog)
        self.page.on("request", self._saw_request)

    def visit(self, path: str, *, status: int = 200) -> None:
        """Look at a page in every way."""
        self._at, self._expected = path, status
        self._resize(_DESK, "light")
        answer = self.page.goto(self.base_url + path, wait_until="load")
        assert answer is not None
        if answer.status != status:
            self._tell(f"answers {answer.status}")
            return
        self._check_headers(answer.headers)
        for found in self.page.evaluate(_BROKEN_INTO):
            self._tell(f"broken into: {found}")
        self.page.evaluate(_STILL)
        self.page.evaluate(AXE_SCRIPT)
        for size, theme, is_whole in _SIGHTS:
            self._resize(size, theme)
            if size != _SMALL:
                self._ask_axe(f"{size['width']}, {theme}", is_whole)
            self._check_width()

    def _resize(self, size: ViewportSize, theme: Literal["light", "dark"]) -> None:
        if self.page.viewport_size != size:
            self.page.set_viewport_size(size)
        self.page.emulate_media(color_scheme=theme)

    def _ask_axe(self, sight: str, is_whole: bool) -> None:
        for rule, nodes in self.page.evaluate(_RUN_AXE, [sight, is_whole]):
            self._tell(f"axe {rule} ({sight}): {json.dumps(nodes, ensure_ascii=False)[:700]}")

    def _check_width(self) -> None:
        size = self.page.viewport_size
        assert size is not None
        found: Any = self.page.evaluate(_TOO_WIDE)
        if found:
            self._tell(f"scrolls sideways at {size['width']} by {found[0]} px: {found[1]}")

    def _check_headers(self, headers: dict[str, str]) -> None:
        for name, value in _HEADERS.items():
            if headers.get(name) != value:
                self._tell(f"{name}: {headers.get(name)}")
        policy = headers.get("content-security-policy", "")
        for part in _POLICY:
            if part not in policy:
                self._tell(f"no {part} in its policy {policy!r}")

    def _heard(self, message: ConsoleMessage) -> None:
        is_status = message.text.startswith("Failed to load resource") and self._expected != 200
        if message.type == "error" and not is_status:
            self._tell(f"console: {message.text}")

    def _saw_dialog(self, dialog: Dialog) -> None:
        self._tell(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _saw_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        is_ours = request.url.startswith((self.base_url, "data:", "blob:"))
        if not is_ours or parts.path.startswith(BAIT):
            self._tell(f"asks for {request.url}")

    def _tell(self, what: str) -> None:
        self.wrong.append(f"{self._at}: {what}")
