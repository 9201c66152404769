"""Family, notifications and settings: what a member may change, and what stays as it was."""

from __future__ import annotations

import re
from typing import Any

import pytest

from notifications.models import Channel
from tests.factories.devices import connected_device
from tests.factories.users import make_user
from tests.ops.console import Person, member, secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(db: None) -> Person:
    return Person(make_user())


@pytest.fixture
def family(owner: Person) -> str:
    return owner.client.get("/app/family")["Location"]


def test_a_link_is_shown_once_lets_somebody_in_and_can_be_taken_back(
    owner: Person, family: str
) -> None:
    board, guest = connected_device(owner.actor), Person(make_user())
    link = secret(owner.post(f"{family}/invite", role="operator", valid_days="1"))
    assert link not in owner.page(family)
    path = link[link.index("/invite/") :]
    assert guest.sent_on(path)
    assert board.uid in guest.page("/app")
    void = secret(owner.post(f"{family}/invite", role="viewer"))
    revoke = re.search(r'action="([^"]+/revoke)"', owner.page(family))
    assert revoke is not None
    owner.sent_on(revoke[1])
    Person(make_user()).post(void[void.index("/invite/") :], 404)


def test_a_member_is_changed_and_removed_and_sees_nothing_afterwards(
    owner: Person, family: str
) -> None:
    board, guest = connected_device(owner.actor), member(owner, "viewer")
    person = f"{family}/members/{guest.actor.id}"
    owner.sent_on(person, role="admin")
    assert "May manage" in owner.page(family)
    owner.sent_on(f"{person}/remove")
    guest.page(f"/app/devices/{board.uid}", 404)
    owner.page(person, 404)


def test_who_only_looks_may_invite_nobody(owner: Person, family: str) -> None:
    viewer = member(owner, "viewer")
    assert "Share with somebody" not in viewer.page(family)
    viewer.post(f"{family}/invite", 403, role="viewer")
    Person(make_user()).page(family, 404)


def channels(owner: Person) -> list[tuple[str, list[str]]]:
    rows = Channel.objects.unscoped("tests look at everything").filter(user_id=owner.actor.user_id)
    return [(row.state, row.topics) for row in rows]


def test_the_choice_is_a_channel_of_ones_own_that_can_be_quiet(
    owner: Person, settings: Any
) -> None:
    settings.EMAIL_CONFIGURED = True
    owner.sent_on("/app/notifications", topics="offline", after_s="60")
    assert channels(owner) == [("active", ["offline"])]
    owner.sent_on(
        "/app/notifications", topics="drift", after_s="60", quiet_from="22:00", quiet_to="07:00"
    )
    assert channels(owner) == [("active", ["drift"])]
    assert 'value="22:00"' in owner.page("/app/notifications")
    owner.sent_on("/app/notifications", after_s="60")
    assert [state for state, _ in channels(owner)] == ["paused"]
    body = owner.post("/app/notifications", 400, topics="offline", after_s="60", quiet_from="22:00")
    assert "Give both times, or neither." in body


def test_without_a_mail_server_the_page_says_so(owner: Person, settings: Any) -> None:
    settings.EMAIL_CONFIGURED = False
    assert "sends no mail yet" in owner.page("/app/notifications")
    owner.sent_on("/app/notifications", after_s="60")
    assert channels(owner) == []


def test_the_first_page_after_the_login_follows_the_choice(owner: Person) -> None:
    owner.sent_on("/app/settings", start_page="app")
    assert owner.client.get("/")["Location"] == "/app"
    owner.sent_on("/app/settings", start_page="dashboard")
    assert owner.client.get("/")["Location"] == "/dashboard"
