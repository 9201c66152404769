"""What the pages tell of connections: bars, figures, the log, outages; simulated devices apart."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from devices import selectors as devices
from devices.models import BrokerAccount, Device, DeviceCredential, FlapEpisode, SiteOutage
from devices.services import maintenance, sessions
from ops import selectors, wording
from telemetry.models import LatestMetrics, ReadingRollup
from tests.factories.devices import Board, connected_device, make_device, reconnected
from tests.factories.sites import make_site
from tests.factories.users import make_user, tenant_of
from tests.ops.console import Person, member, row, unpair

pytestmark = [pytest.mark.django_db, pytest.mark.core]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ada(db: None) -> Person:
    """Who owns the devices."""
    return Person(make_user())


@pytest.fixture
def bob(db: None) -> Person:
    """Somebody else, with a tenant of their own."""
    return Person(make_user())


class Clock:
    """The time at which a test began: what is so many hours apart is exactly that."""

    began = timezone.now()


@pytest.fixture(autouse=True)
def _clock() -> None:
    Clock.began = timezone.now()


def hours_ago(hours: float) -> datetime:
    return Clock.began - timedelta(hours=hours)


def away(board: Board, begin: float, end: float, reason: str = "connection_closed") -> Board:
    """The device is gone from so many hours ago until so many hours ago."""
    sessions.close_session(
        device_id=board.device_id, epoch=board.epoch, reason=reason, now=hours_ago(begin)
    )
    return reconnected(board, now=hours_ago(end))


def change(board: Board, **fields: Any) -> None:
    rows = Device.all_objects.unscoped("tests look at everything")
    rows.filter(pk=board.device_id).update(**fields)


def marks(body: str) -> list[str]:
    """The states of the first bar, from left to right."""
    first = body.split('class="presence-bar__picture"')[1].split("</svg>")[0]
    return re.findall(r"presence-mark--(\w+)", first)


def test_a_device_shows_when_it_was_there_and_why_it_went(ada: Person) -> None:
    board = away(connected_device(ada.actor, now=hours_ago(12)), 6, 3)
    body = ada.page(f"/dashboard/devices/{board.uid}")
    assert marks(body) == ["unknown", "online", "offline", "online"]
    assert "Last 24 hours: 75.00 % online, 1 outage, the longest 3 h." in body
    assert "Offline for 3 h from" in body
    assert "<strong>Offline</strong> after 6 h. The device or the network closed" in body
    assert "WebSocket · session 2" in body
    assert "Online since" in body


def test_announced_absence_is_drawn_apart_and_costs_no_uptime(ada: Person) -> None:
    board = away(connected_device(ada.actor, now=hours_ago(12)), 6, 3)
    maintenance.create_window(
        starts_at=hours_ago(7),
        ends_at=hours_ago(2),
        device_uid=board.uid,
        actor=ada.actor,
        now=timezone.now(),
    )
    body = ada.page(f"/dashboard/devices/{board.uid}")
    assert marks(body) == ["unknown", "online", "maintenance", "online"]
    assert "Last 24 hours: 100 % online, 0 outages." in body


def test_maintenance_that_goes_on_is_said(ada: Person) -> None:
    board = connected_device(ada.actor, now=hours_ago(12))
    assert "In maintenance until" not in ada.page(f"/dashboard/devices/{board.uid}")
    maintenance.create_window(
        starts_at=hours_ago(1), ends_at=hours_ago(-1), actor=ada.actor, now=timezone.now()
    )
    assert "In maintenance until" in ada.page(f"/dashboard/devices/{board.uid}")


@pytest.mark.parametrize(
    ("ended", "is_told", "said"),
    [
        ({}, False, "MQTT broker"),
        ({"lost_at": 2}, True, "has lost its account"),
        ({"revoked_at": 2}, True, "the broker has not confirmed that yet"),
        ({"revoked_at": 0}, False, "MQTT broker"),
        ({"revoked_at": 2, "removed_at": 1}, False, "MQTT broker"),
    ],
)
def test_an_account_that_the_broker_has_otherwise_is_told_of(
    ada: Person, ended: dict[str, float], is_told: bool, said: str
) -> None:
    board = make_device(ada.actor)
    BrokerAccount.objects.create(
        device_id=board.device_id,
        credential=DeviceCredential.objects.get(device_id=board.device_id),
        username=f"device-{board.uid}",
        client_id=board.uid,
        iterations=101,
        created_at=hours_ago(3),
        issued_at=hours_ago(3),
        applied_at=hours_ago(3),
        **{name: hours_ago(hours) for name, hours in ended.items()},
    )
    assert (said in ada.page(f"/dashboard/devices/{board.uid}")) is is_told


def test_a_device_that_never_connected_shows_no_bar(ada: Person) -> None:
    body = ada.page(f"/dashboard/devices/{make_device(ada.actor).uid}")
    assert "presence-bar__picture" not in body
    assert "When it connects, this shows" in body


def test_flapping_is_one_line_and_one_mark(ada: Person) -> None:
    board = connected_device(ada.actor, now=hours_ago(12))
    for step in range(8):
        board = away(board, 5 - step / 60, 5 - step / 60 - 0.005)
    FlapEpisode.objects.unscoped("tests look at everything").update(ended_at=timezone.now())
    body = ada.page(f"/dashboard/devices/{board.uid}")
    assert marks(body) == ["unknown", "online", "flapping", "online"]
    assert re.search(r"<strong>Came and went</strong>\. 1\d changes in", body)
    assert body.count('class="connection ') <= 3


def test_the_whole_log_is_a_page_of_its_own_and_outlives_the_device(
    ada: Person, bob: Person
) -> None:
    board = connected_device(ada.actor, now=hours_ago(20))
    for hour in (18, 14, 10, 6):
        board = away(board, hour, hour - 1)
    path = f"/dashboard/devices/{board.uid}/connections"
    assert f'href="{path}"' in ada.page(f"/dashboard/devices/{board.uid}")
    assert ada.page(path).count('class="connection ') == 9
    unpair(ada, board)
    assert "Its life ended." in ada.page(path)
    assert "Plan maintenance" not in ada.page(f"/dashboard/devices/{board.uid}")
    bob.page(path, status=404)
    bob.page("/dashboard/devices/nothing-here/connections", status=404)


def test_a_device_page_costs_the_same_queries_for_any_history(
    ada: Person, django_assert_max_num_queries: Any
) -> None:
    board = connected_device(ada.actor, now=hours_ago(100))
    for hour in range(90, 60, -1):
        board = away(board, hour, hour - 0.5)
    ada.page(f"/dashboard/devices/{board.uid}")
    with django_assert_max_num_queries(50):
        ada.page(f"/dashboard/devices/{board.uid}")


def test_the_last_day_of_a_metric_is_drawn(ada: Person) -> None:
    board = connected_device(ada.actor)
    now, tenant_id = timezone.now(), tenant_of(ada.actor)
    LatestMetrics.objects.create(
        device_id=board.device_id,
        tenant_id=tenant_id,
        metrics={"cpu_percent": 12.0},
        at=now,
        received_at=now,
        clock_skew_s=-7_260.0,
        clock_skew_at=now,
    )
    start = now.replace(minute=0, second=0, microsecond=0)
    for hour, value in ((9, 10.0), (8, 90.0)):
        ReadingRollup.objects.create(
            device_id=board.device_id,
            tenant_id=tenant_id,
            metric="cpu_percent",
            tier=300,
            bucket_at=start - timedelta(hours=hour),
            count=1,
            min=value,
            max=value,
            sum=value,
            last=value,
            last_at=start - timedelta(hours=hour),
        )
    body = ada.page(f"/dashboard/devices/{board.uid}")
    assert "CPU in the last 24 hours: 10 % to 90 %" in body
    assert body.count("trace__line") == 2
    assert '2 h 1 min behind <span class="chip chip--warn">Wrong</span>' in body


# Sites


def test_a_site_shows_its_outages_and_how_long_it_was_up(ada: Person, bob: Person) -> None:
    site = make_site(ada.actor, "store")
    board = away(connected_device(ada.actor, now=hours_ago(10)), 4, 2)
    change(board, site=site)
    SiteOutage.objects.create(
        tenant_id=tenant_of(ada.actor),
        site=site,
        began_at=hours_ago(4),
        noticed_at=hours_ago(4),
        ended_at=hours_ago(2),
        lost=9,
        total=10,
    )
    body = ada.page("/dashboard/sites/store")
    assert "9 of 10 devices lost" in body and "An outage is going on" not in body
    whole = ada.page("/dashboard/sites/store/connectivity")
    assert "80.00 %" in whole and "9 of 10 devices lost" in whole
    bob.page("/dashboard/sites/store/connectivity", status=404)

    SiteOutage.objects.unscoped("tests look at everything").update(ended_at=None)
    assert "An outage is going on" in ada.page("/dashboard/sites/store")


# Simulated devices


def test_simulated_devices_are_shown_and_count_nowhere(ada: Person) -> None:
    site = make_site(ada.actor, "store")
    real, played = (connected_device(ada.actor, now=hours_ago(10)) for _ in range(2))
    for board in (real, played):
        change(board, site=site)
    change(played, is_simulated=True)
    away(played, 6, 1)

    counts = selectors.counts(actor=ada.actor)
    assert (counts.real.total, counts.real.online, counts.simulated.total) == (1, 1, 1)
    assert "1 of 1 online · 1 simulated, not counted" in ada.page("/dashboard/devices")
    assert "1 device, 1 online · 1 simulated, not counted" in ada.page("/dashboard/sites/store")
    assert "1 simulated" in ada.page("/dashboard/sites")
    now = timezone.now()
    for figures in (
        devices.uptime_of_all(actor=ada.actor, now=now),
        devices.uptime_of_site(site_pk=site.pk, actor=ada.actor, now=now),
    ):
        assert (figures["24h"].uptime_percent, figures["24h"].outages) == (100.0, 0)
    assert devices.uptime_of(row(played.uid), now)["24h"].outages == 1
    assert "It is simulated and counts in no figure." not in ada.page(
        f"/dashboard/devices/{real.uid}"
    )
    assert "It is simulated and counts in no figure." in ada.page(
        f"/dashboard/devices/{played.uid}"
    )


@pytest.mark.parametrize(
    ("choice", "shown", "count"),
    [("", {"real", "played"}, 2), ("hide", {"real"}, 1), ("only", {"played"}, 1)],
)
def test_the_list_hides_simulated_devices_or_shows_them_only(
    ada: Person, choice: str, shown: set[str], count: int
) -> None:
    change(make_device(ada.actor), name="real")
    change(make_device(ada.actor), name="played", is_simulated=True)
    body = ada.page(f"/dashboard/devices?simulated={choice}")
    assert set(re.findall(r'class="device-row__name"[^>]*>([^<]*)<', body)) == shown
    assert f'All <span class="tab__count">{count}</span>' in body
    assert 'name="simulated"' in body


def test_who_has_no_simulated_devices_is_not_asked_about_them(ada: Person) -> None:
    make_device(ada.actor)
    assert 'name="simulated"' not in ada.page("/dashboard/devices")


# Words


def test_every_reason_in_the_documentation_has_words() -> None:
    text = (ROOT / "docs" / "presence.md").read_text()
    tables = re.search(r"\| Beginning \| \|(.*?)\| End \| \|(.*?)\n\n[A-Z]", text, re.DOTALL)
    assert tables is not None
    for table, words in zip(
        tables.groups(), (wording.BEGIN_REASONS, wording.END_REASONS), strict=True
    ):
        named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))
        assert named
        assert set(named) - words.keys() == set()


def test_a_reason_of_a_later_release_is_told_by_its_name() -> None:
    assert wording.connection_reason("moved_house", is_begin=False) == "Moved house."


def test_a_viewer_is_not_offered_to_plan_maintenance(ada: Person) -> None:
    board = connected_device(ada.actor)
    assert "Plan maintenance" in ada.page(f"/dashboard/devices/{board.uid}")
    assert "Plan maintenance" not in member(ada, "viewer").page(f"/dashboard/devices/{board.uid}")


def test_a_span_is_added_up_and_each_absence_has_its_reasons(ada: Person) -> None:
    board = connected_device(ada.actor, now=hours_ago(20))
    board = away(board, 10, 8)
    body = ada.page(f"/dashboard/devices/{board.uid}/connections?range=24h")
    assert "<dt>Uptime</dt><dd>90.00 %</dd>" in body and "<dt>Away</dt><dd>2 h</dd>" in body
    assert "<dt>Not known</dt>" in body and body.count('class="absence"') == 1
    # A shorter span knows nothing of it, and what goes back too far is cut to what is kept.
    assert "It was not away in the last hour." in ada.page(
        f"/dashboard/devices/{board.uid}/connections?range=1h"
    )
    since = hours_ago(24 * 90).isoformat().replace("+", "%2B")
    long_ago = ada.page(
        f"/dashboard/devices/{board.uid}/connections?from={since}&to=2999-01-01T00:00"
    )
    assert "goes back 30 days" in long_ago and "<dt>Outages</dt><dd>1</dd>" in long_ago
