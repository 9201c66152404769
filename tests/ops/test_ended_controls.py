"""Of a life that has ended everything is readable, and every control says why it is off."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from django.utils import timezone

from devices.models import Device
from tests.factories.devices import Board, connected_device
from tests.factories.users import make_user
from tests.ops.console import Person, member, unpair
from twins.services import desiring

pytestmark = pytest.mark.django_db
_CONTROLS = {"button", "input", "select", "textarea"}
# What may still be done with a life that has ended, and what only shows or folds the page.
_ALLOWED_FORMS = ("erase",)
_DEEDS = ("unpair", "release", "rotate", "transfer", "learn", "restore", "maintenance/new")


@dataclass
class Control:
    """A control of the page, and the method of the form it is in."""

    tag: str
    attributes: dict[str, str]
    method: str

    def is_for_reading(self) -> bool:
        """Whether it sends nothing, or a filter."""
        if self.tag == "input" and self.attributes.get("type") == "hidden":
            return True
        return self.method == "get" or any(
            name.startswith("data-") and name in _READING for name in self.attributes
        )


# Marks of buttons that only change what is shown.
_READING = frozenset(
    {"data-range", "data-chart-table", "data-copy", "data-theme-value", "data-close-dialog",
     "data-step", "data-zoom"}
)  # fmt: skip


@dataclass
class Page(HTMLParser):
    """The controls, texts by id, and links of the main part of a page."""

    controls: list[Control] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    method: str = ""
    depth: int = 0

    def __post_init__(self) -> None:
        """Make ready to read."""
        super().__init__()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Note a control, a link, an id."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "main":
            self.depth += 1
        if not self.depth:
            return
        if "id" in attributes:
            self.ids.add(attributes["id"])
        if tag == "form":
            self.method = attributes.get("method", "get").lower()
        if tag in _CONTROLS:
            self.controls.append(Control(tag, attributes, self.method))
        if tag == "a":
            self.links.append(attributes.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave a form, or the main part."""
        if tag == "form":
            self.method = ""
        if tag == "main":
            self.depth -= 1


@pytest.fixture
def ada(db: None) -> Person:
    """Who owned the device."""
    return Person(make_user())


@pytest.fixture
def board(ada: Person) -> Board:
    """Her device that had everything, and whose life has ended."""
    found = connected_device(ada.actor)
    desiring.patch_desired(
        device_uid=found.uid,
        patch={"mode": "night"},
        if_match="*",
        actor=ada.actor,
        now=timezone.now(),
    )
    # A hub knows infrared codes besides relays: that is one page more.
    rows = Device.objects.unscoped("a test of all pages")
    rows.filter(pk=found.device_id).update(device_class="hybrid")
    unpair(ada, found)
    return found


def pages_of(person: Person, board: Board) -> list[str]:
    body = person.page(f"/dashboard/devices/{board.uid}")
    found = re.findall(r'class="device-tab" href="([^"]+)"', body)
    assert len(found) >= 10
    return found


def read(body: str) -> Page:
    page = Page()
    page.feed(body)
    return page


@pytest.mark.parametrize("role", ["owner", "operator"])
def test_no_control_of_an_ended_life_does_anything_and_each_says_why(
    ada: Person, board: Board, role: str
) -> None:
    viewer = ada if role == "owner" else member(ada, role)
    disabled = 0
    for address in pages_of(viewer, board):
        page = read(viewer.page(address))
        for control in page.controls:
            if control.is_for_reading():
                continue
            assert "disabled" in control.attributes, (address, control)
            reason = control.attributes.get("aria-describedby", "")
            assert reason in page.ids, (address, control)
            disabled += 1
        deeds = [
            link for link in page.links for deed in _DEEDS if link.split("?")[0].endswith(deed)
        ]
        assert deeds == [], address
    assert disabled >= 8


def test_what_a_life_can_do_is_offered_while_it_goes_on(ada: Person) -> None:
    living = connected_device(ada.actor)
    page = read(ada.page(f"/dashboard/devices/{living.uid}"))
    assert [control for control in page.controls if "disabled" in control.attributes] == []
    assert any(link.endswith("/unpair") for link in page.links)
