"""The server dies between a change and its news, twice, and the news arrives under one id."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories.installation import Installation, eventually
from tests.faults.test_kills import arm, is_dead
from tests.notifications.receiver import Receiver, receiving
from tests.product import ProductFailed

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.embedded_only]
CHANNELS = "/api/v1/notification-channels"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_news_survives_the_death_of_its_planner_and_of_its_sender(
    start_product: Any, receiver: Receiver
) -> None:
    home = Installation(
        start_product(
            "embedded",
            HOMEPOT_FAILPOINT="notifications.planned:kill",
            # It speaks once, and the channel is there before it counts as gone.
            OFFLINE_AFTER_SECONDS="8",
            WEBHOOK_ALLOW_NETWORKS="127.0.0.1/32",
            WEBHOOK_ALLOW_HTTP="1",
        )
    )
    device = home.new_device("news-1")
    heard = home.call(
        "POST",
        "/api/v1/analytics/device-metrics",
        {"metrics": {"load": 1}},
        is_public=True,
        **{"X-Device-ID": device["device_uid"], "X-API-Key": device["device_token"]},
    )
    assert heard.status == 202, heard
    wish = {"transport": "webhook", "name": "On-call", "url": receiver.url, "topics": ["offline"]}
    made = home.call("POST", CHANNELS, wish | {"window_s": 0, "after_s": 0})
    assert made.status == 201, made

    eventually(lambda: is_dead(home), within_s=30, what="nothing was planned")
    arm(home, "notifications.sent:kill")
    try:
        home.product.restart()
    except ProductFailed:
        # It was sent, and the server dead, before it was healthy.
        pass
    else:
        eventually(lambda: is_dead(home), within_s=30, what="nothing was sent")
    assert len(receiver.requests) == 1
    _end_leases(home)
    arm(home, "")
    home.product.restart()

    path = f"{CHANNELS}/{made.body['uid']}/deliveries"
    eventually(
        lambda: [row["state"] for row in home.call("GET", path).body["items"]] == ["delivered"],
        within_s=20,
        what="it was not sent again",
    )
    first, second = receiver.requests
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    (change,) = json.loads(first[1])["data"]["changes"]
    assert (change["kind"], change["device"]["uid"]) == ("offline", device["device_uid"])


def _end_leases(home: Installation) -> None:
    """As if the minute for which the dead sender is waited for had passed."""
    database = home.product.folder / "data" / "homepot.sqlite3"
    with sqlite3.connect(database) as connection:
        changed = connection.execute(
            "UPDATE notifications_delivery SET lease_until = '2026-01-01 00:00:00'"
            " WHERE state = 'sending'"
        )
        assert changed.rowcount == 1
    connection.close()
