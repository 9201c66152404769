"""The pages about notifications: making a channel, changing it, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from notifications.models import Channel
from tests.factories.users import PASSWORD
from tests.notifications.telling import WHY, fresh

pytestmark = [pytest.mark.django_db]
WEBHOOK = {
    "to": "webhook",
    "name": "On-call",
    "url": "https://hooks.example.com/homepot",
    "topics": ["offline", "online"],
    "after_s": 300,
}


@pytest.fixture
def pages(user: User) -> Client:
    client = Client()
    answer = client.post("/login", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def made(pages: Client, **more: Any) -> Channel:
    answer = pages.post("/dashboard/notifications/new", WEBHOOK | more)
    assert answer.status_code in {200, 302}, answer.content
    found: Channel = Channel.objects.unscoped(WHY).get()
    return found


def test_a_webhook_is_made_and_its_secret_shown_this_once(pages: Client) -> None:
    assert b"Nobody is told yet" in pages.get("/dashboard/notifications").content
    answer = pages.post("/dashboard/notifications/new", WEBHOOK)
    assert b"whsec_" in answer.content
    channel = Channel.objects.unscoped(WHY).get()
    assert (channel.after_s, channel.topics) == (300, ["offline", "online"])
    shown = pages.get(f"/dashboard/notifications/{channel.uid}").content.decode()
    assert "whsec_" not in shown
    assert "After 5 minutes" in shown


def test_what_is_wrong_stands_beside_its_field(pages: Client) -> None:
    answer = pages.post("/dashboard/notifications/new", WEBHOOK | {"url": "https://127.0.0.1/"})
    assert answer.status_code == 400
    assert b"webhooks may not reach" in answer.content
    answer = pages.post("/dashboard/notifications/new", WEBHOOK | {"quiet_from": "22:00"})
    assert b"Give both, or neither." in answer.content
    assert not Channel.objects.unscoped(WHY).exists()


def test_an_edit_keeps_what_the_form_does_not_show(pages: Client, api: Any) -> None:
    channel = made(pages)
    path = f"/dashboard/notifications/{channel.uid}/edit"
    api.patch(f"/api/v1/notification-channels/{channel.uid}", {"after_s": 77, "window_s": 5})
    assert b"After 77 seconds" in pages.get(path).content
    version = f'"{fresh(channel).version}"'
    wish = WEBHOOK | {"name": "Night", "after_s": 77, "version": version}
    assert pages.post(path, wish).status_code == 302
    changed = fresh(channel)
    assert (changed.name, changed.after_s, changed.window_s) == ("Night", 77, 5)


def test_an_edit_of_what_somebody_else_has_changed_is_refused(pages: Client, api: Any) -> None:
    channel = made(pages)
    version = f'"{channel.version}"'
    api.patch(f"/api/v1/notification-channels/{channel.uid}", {"name": "Day"})
    answer = pages.post(
        f"/dashboard/notifications/{channel.uid}/edit",
        WEBHOOK | {"name": "Night", "version": version},
    )
    assert answer.status_code == 412
    assert fresh(channel).name == "Day"


def test_pause_test_and_remove(pages: Client) -> None:
    channel = made(pages)
    path = f"/dashboard/notifications/{channel.uid}"
    pages.post(f"{path}/test")
    assert b"A test" in pages.get(path).content
    pages.post(f"{path}/pause")
    assert fresh(channel).state == "paused"
    assert pages.post(f"{path}/test")["Location"] == f"{path}?refused=off"
    assert b"no test was sent" in pages.get(f"{path}?refused=off").content
    pages.post(f"{path}/pause", {"on": "1"})
    assert fresh(channel).state == "active"
    assert b"whsec_" in pages.post(f"{path}/secret").content
    # The page asks first; nothing is gone before the answer.
    assert f'href="{path}/remove"' in pages.get(path).content.decode()
    assert b"Keep it" in pages.get(f"{path}/remove").content
    assert fresh(channel).state == "active"
    assert pages.post(f"{path}/remove")["Location"] == "/dashboard/notifications"
    assert pages.get(path).status_code == 404
