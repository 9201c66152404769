"""Maintenance windows on pages: who announces what, in whose time, and how they end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import selectors as accounts
from devices import selectors as devices
from devices.models import MaintenanceWindow
from devices.services import maintenance
from tests.factories.devices import connected_device
from tests.factories.sites import join, make_site
from tests.factories.users import make_user
from tests.ops.console import Person, member

pytestmark = [pytest.mark.django_db, pytest.mark.core]
TIMES = {"starts_at": "2026-07-01T22:00", "ends_at": "2026-07-02T02:00"}


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the devices."""
    return Person(make_user())


def windows(owner: Person) -> list[MaintenanceWindow]:
    return list(devices.maintenance_windows_visible_to(owner.actor).order_by("pk"))


def announce(owner: Person, begin: float, end: float) -> MaintenanceWindow:
    """A window for everything from so many hours on until so many."""
    now = timezone.now()
    return maintenance.create_window(
        starts_at=now + timedelta(hours=begin),
        ends_at=now + timedelta(hours=end),
        actor=owner.actor,
        now=now,
    )


def test_a_window_is_announced_in_the_time_of_who_types_it(ada: Person) -> None:
    make_site(ada.actor, "store")
    form = TIMES | {"site": "store", "zone": "Europe/Berlin", "reason": "New switch"}
    assert ada.sent_on("/dashboard/maintenance/new", **form) == "/dashboard/maintenance"
    (window,) = windows(ada)
    assert window.starts_at == datetime(2026, 7, 1, 20, 0, tzinfo=UTC)
    assert window.ends_at == datetime(2026, 7, 2, 0, 0, tzinfo=UTC)
    body = ada.page("/dashboard/maintenance")
    assert "New switch" in body and ">store</a>" in body and "4 h" in body


@pytest.mark.parametrize(
    ("begin", "zone"), [("0001-01-01T00:00", "Asia/Tokyo"), ("9999-12-31T22:00", "UTC")]
)
def test_times_at_the_ends_of_the_calendar_are_refused_or_taken(
    ada: Person, begin: str, zone: str
) -> None:
    form = {"starts_at": begin, "ends_at": f"{begin[:11]}23:00", "zone": zone}
    answer = ada.client.post("/dashboard/maintenance/new", form)
    assert answer.status_code == (302 if zone == "UTC" else 400)


def test_without_a_script_times_are_utc(ada: Person) -> None:
    body = ada.page("/dashboard/maintenance/new")
    assert 'value="UTC" data-zone' in body
    ada.sent_on("/dashboard/maintenance/new", **TIMES)
    (window,) = windows(ada)
    assert (window.starts_at.hour, window.site, window.device) == (22, None, None)


def test_a_device_gets_a_window_from_its_page(ada: Person) -> None:
    board = connected_device(ada.actor)
    address = re.search(
        r'href="(/dashboard/maintenance/new[^"]*)"', ada.page(f"/dashboard/devices/{board.uid}")
    )
    assert address is not None
    ada.sent_on(address[1].replace("&amp;", "&"), **TIMES, device=board.uid)
    (window,) = windows(ada)
    assert window.device is not None and window.device.uid == board.uid


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"ends_at": "2026-07-01T21:00"}, "Later than starts_at"),
        ({"ends_at": "2026-09-01T21:00"}, "at most 31 days"),
        ({"starts_at": "tomorrow"}, "This is no date and time."),
        ({"ends_at": ""}, "Give a date and a time."),
        ({"zone": "Mars/Base"}, "This is no time zone."),
        ({"zone": "../../etc/passwd"}, "This is no time zone."),
        ({"reason": "x" * 201}, "at most 200"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_announced(
    ada: Person, changed: dict[str, str], text: str
) -> None:
    body = ada.post("/dashboard/maintenance/new", 400, **(TIMES | changed))
    assert text in body
    assert "data-typed" in body
    assert windows(ada) == []


def test_an_unknown_device_is_not_found(ada: Person) -> None:
    ada.post("/dashboard/maintenance/new", 404, **TIMES, device="not-mine")
    ada.page("/dashboard/maintenance/new?device=not-mine", status=404)


def test_a_window_that_goes_on_ends_and_one_to_come_is_taken_back(ada: Person) -> None:
    over, now, coming = (announce(ada, begin, begin + 2) for begin in (-5, -1, 3))
    body = ada.page("/dashboard/maintenance")
    assert (body.count("End now"), body.count("Take back")) == (1, 1)
    ada.sent_on(f"/dashboard/maintenance/{now.uid}/end")
    ada.sent_on(f"/dashboard/maintenance/{coming.uid}/remove")
    kept = {window.uid: window.ends_at for window in windows(ada)}
    assert kept.keys() == {over.uid, now.uid}
    assert kept[now.uid] <= timezone.now()


def test_a_window_to_come_cannot_be_ended(ada: Person) -> None:
    window = announce(ada, 3, 4)
    assert "has not begun yet" in ada.post(f"/dashboard/maintenance/{window.uid}/end", 400)
    assert windows(ada)[0].ends_at == window.ends_at


def test_viewers_read_and_strangers_see_nothing(ada: Person) -> None:
    window = announce(ada, -1, 1)
    viewer, stranger = member(ada, "viewer"), Person(make_user())
    body = viewer.page("/dashboard/maintenance")
    assert "Everything" in body
    assert "End now" not in body
    viewer.post(f"/dashboard/maintenance/{window.uid}/end", 403)
    viewer.post(f"/dashboard/maintenance/{window.uid}/remove", 403)
    assert "Going on" not in stranger.page("/dashboard/maintenance")
    stranger.post(f"/dashboard/maintenance/{window.uid}/end", 404)
    stranger.post(f"/dashboard/maintenance/{window.uid}/remove", 404)
    assert len(windows(ada)) == 1


def test_who_is_limited_to_sites_announces_for_those_only(ada: Person) -> None:
    mine, _ = (make_site(ada.actor, name) for name in ("mine", "other"))
    helper = Person(join(ada.actor, "operator", site_ids=[mine.pk]))
    home = f"?tenant={_home(ada)}"
    body = helper.page(f"/dashboard/maintenance/new{home}")
    assert "mine" in body and "other" not in body and "Everything" not in body
    helper.post(f"/dashboard/maintenance/new{home}", 403, **TIMES)
    helper.post(f"/dashboard/maintenance/new{home}", 400, **TIMES, site="other")
    helper.sent_on(f"/dashboard/maintenance/new{home}", **TIMES, site="mine")
    assert [window.site.site_id for window in windows(ada) if window.site] == ["mine"]


def _home(owner: Person) -> str:
    assert owner.actor.user_id is not None
    return str(accounts.memberships_of(owner.actor.user_id)[0].tenant.uid)
