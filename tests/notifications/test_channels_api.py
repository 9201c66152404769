"""Channels over the API: who may have whom told, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from accounts.models import Membership
from audit.models import AuditEntry
from devices.services import erasing, unpairing
from kernel import row_security
from kernel.actors import Actor
from notifications.models import Channel, Notice
from notifications.services import channels
from notifications.services import erasing as notifications_erasing
from tests.devices.connections import at
from tests.factories.devices import connected_device
from tests.factories.users import client_of, make_user, sign_in, tenant_of
from tests.notifications.telling import WHY, fresh, lose, notices, tick

pytestmark = [pytest.mark.django_db]
PATH = "/api/v1/notification-channels"
HOOK = {"transport": "webhook", "name": "On-call", "url": "https://hooks.example.com/s3cret"}
ME = {"transport": "email", "own": True, "name": "Me"}


def member_of(owner: Actor, role: str, **more: Any) -> APIClient:
    user = make_user()
    Membership.objects.unscoped(WHY).filter(user=user).delete()
    Membership.objects.create(
        user=user, tenant_id=tenant_of(owner), role=role, created_at=at(0), **more
    )
    return client_of(sign_in(user))


@pytest.mark.core
def test_a_webhook_is_made_with_a_secret_that_is_shown_once(api: APIClient) -> None:
    made = api.post(PATH, HOOK)
    assert made.status_code == 201, made.content
    assert made.json()["secret"].startswith("whsec_")
    assert (made.json()["state"], made.json()["after_s"], made.json()["window_s"]) == (
        "active", 60, 30,
    )  # fmt: skip
    shown = api.get(f"{PATH}/{made.json()['uid']}")
    assert "secret" not in shown.json()
    (listed,) = api.get(PATH).json()["items"]
    assert listed == shown.json()
    row = Channel.objects.unscoped(WHY).get()
    assert made.json()["secret"].encode() not in bytes(row.sealed_secret)


def test_the_log_of_changes_keeps_no_secret(api: APIClient) -> None:
    made = api.post(PATH, HOOK).json()
    api.post(f"{PATH}/{made['uid']}/rotate-secret")
    entries = AuditEntry.objects.unscoped(WHY).filter(action__startswith="notifications.")
    kept = str([(entry.before, entry.after) for entry in entries])
    assert entries.count() == 2
    assert "hooks.example.com" in kept
    assert "s3cret" not in kept
    assert made["secret"] not in kept


def test_every_member_may_have_themselves_told(owner: Actor) -> None:
    viewer = member_of(owner, "viewer")
    made = viewer.post(PATH, ME)
    assert made.status_code == 201, made.content
    assert (made.json()["own"], made.json()["state"], made.json()["secret"]) == (
        True, "active", None,
    )  # fmt: skip
    path = f"{PATH}/{made.json()['uid']}"
    assert viewer.patch(path, {"after_s": 300}).json()["after_s"] == 300
    # It is theirs: not even the owner of the tenant sees it.
    other = member_of(owner, "owner")
    assert other.get(path).status_code == 404
    assert other.get(PATH).json()["items"] == []
    assert viewer.delete(path).status_code == 204


@pytest.mark.parametrize(
    "body", [HOOK, {"transport": "email", "name": "On-call", "email": "oncall@example.com"}]
)
@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_else_is_told_is_for_admins(
    owner: Actor, settings: Any, body: dict[str, Any], role: str
) -> None:
    settings.PUBLIC_URL = "https://homepot.example"
    assert member_of(owner, role).post(PATH, body).status_code == 403
    assert member_of(owner, "admin").post(PATH, body).status_code == 201


@pytest.mark.core
def test_an_admin_of_some_sites_manages_no_channel_of_the_whole(owner: Actor, api: Any) -> None:
    limited = member_of(owner, "admin", site_ids=[1])
    assert limited.post(PATH, HOOK).status_code == 403
    uid = api.post(PATH, HOOK).json()["uid"]
    assert limited.get(f"{PATH}/{uid}").status_code == 403
    assert limited.get(PATH).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (HOOK | {"url": "http://hooks.example.com/"}, "url"),
        (HOOK | {"url": "https://127.0.0.1/"}, "url"),
        (HOOK | {"url": "https://hooks.example.com:22/"}, "url"),
        ({"transport": "webhook", "name": "None"}, "url"),
        (HOOK | {"own": True}, "transport"),
        (HOOK | {"email": "a@example.com"}, "email"),
        (ME | {"email": "a@example.com"}, "email"),
        (ME | {"url": "https://hooks.example.com/"}, "url"),
        ({"transport": "email", "name": "None"}, "email"),
        ({"transport": "email", "name": "Asked", "email": "a@example.com"}, "email"),
        (HOOK | {"topics": []}, "topics"),
        (HOOK | {"topics": ["weather"]}, "topics"),
        (HOOK | {"sites": ["nowhere"]}, "sites"),
        (HOOK | {"devices": ["nothing"]}, "devices"),
        (HOOK | {"device_classes": ["toaster"]}, "device_classes"),
        (HOOK | {"after_s": -1}, "after_s"),
        (HOOK | {"window_s": 3601}, "window_s"),
        (HOOK | {"name": " "}, "name"),
        (HOOK | {"quiet_hours": {"from": "25:00", "to": "07:00"}}, "quiet_hours"),
        (HOOK | {"quiet_hours": {"from": "07:00", "to": "07:00"}}, "quiet_hours"),
        (HOOK | {"quiet_hours": {"from": "22:00", "to": "07:00", "time_zone": "X"}}, "quiet_hours"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(
    api: APIClient, body: dict[str, Any], field: str
) -> None:
    answer = api.post(PATH, body)
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["details"]
    assert not Channel.objects.unscoped(WHY).exists()


def test_without_a_mail_server_there_is_no_mail(api: APIClient, settings: Any) -> None:
    settings.EMAIL_CONFIGURED = False
    assert api.post(PATH, ME).json()["code"] == "email_not_configured"


def test_there_is_an_end_to_channels(api: APIClient) -> None:
    for _ in range(channels.MOST_OF_MEMBER):
        assert api.post(PATH, ME).status_code == 201
    assert api.post(PATH, ME).json()["code"] == "too_many_channels"
    assert api.post(PATH, HOOK).status_code == 201


def test_an_address_is_asked_a_few_times_an_hour(api: APIClient, settings: Any) -> None:
    settings.PUBLIC_URL = "https://homepot.example"
    wish = {"transport": "email", "name": "On-call", "email": "oncall@example.com"}
    uid = api.post(PATH, wish).json()["uid"]
    answers = [api.patch(f"{PATH}/{uid}", {"is_paused": False}).status_code for _ in range(6)]
    assert answers.count(429) >= 1
    assert answers[0] == 200
    assert mail.outbox == []


def test_a_change_holds_for_the_version_that_was_read(api: APIClient) -> None:
    made = api.post(PATH, HOOK)
    path, tag = f"{PATH}/{made.json()['uid']}", made["ETag"]
    changed = api.patch(path, {"name": "Night"}, HTTP_IF_MATCH=tag)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = api.patch(path, {"name": "Day"}, HTTP_IF_MATCH=tag)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert "s3cret" not in stale.content.decode()
    assert api.delete(path, HTTP_IF_MATCH=tag).status_code == 412
    assert api.patch(path, {"name": "Day"}, HTTP_IF_MATCH="nonsense").status_code == 400
    assert api.delete(path, HTTP_IF_MATCH=changed["ETag"]).status_code == 204
    assert api.get(path).status_code == 404


def test_quiet_hours_are_given_and_taken_away(api: APIClient) -> None:
    quiet = {"from": "22:00", "to": "06:00", "time_zone": "Europe/Berlin"}
    made = api.post(PATH, HOOK | {"quiet_hours": quiet}).json()
    assert made["quiet_hours"] == quiet
    path = f"{PATH}/{made['uid']}"
    assert api.patch(path, {"name": "Night"}).json()["quiet_hours"] == quiet
    assert api.patch(path, {"quiet_hours": None}).json()["quiet_hours"] is None


def test_a_test_is_queued_and_seen_among_the_deliveries(api: APIClient) -> None:
    path = f"{PATH}/{api.post(PATH, HOOK).json()['uid']}"
    queued = api.post(f"{path}/test")
    assert (queued.status_code, queued.json()["purpose"]) == (202, "test")
    (listed,) = api.get(f"{path}/deliveries").json()["items"]
    assert listed == queued.json()
    api.patch(path, {"is_paused": True})
    refused = api.post(f"{path}/test")
    assert (refused.status_code, refused.json()["code"]) == (409, "channel_not_active")


def test_mail_has_no_secret_to_rotate(api: APIClient) -> None:
    uid = api.post(PATH, ME).json()["uid"]
    assert api.post(f"{PATH}/{uid}/rotate-secret").status_code == 400


def test_a_device_that_is_erased_is_erased_here_too(owner: Actor, webhook: Channel) -> None:
    board = connected_device(owner, now=at(0))
    lose(board, 100)
    tick(190)
    assert notices(webhook)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=at(200))
    erasing.request_erasure(device_uid=board.uid, actor=owner, now=at(200))
    with row_security.platform_scope("job.test"):
        for _ in range(3):
            erasing.run_erasures(at(201))
    assert not Notice.objects.unscoped(WHY).filter(device_id=board.device_id).exists()


def test_an_account_that_is_erased_takes_its_channels_with_it(owner: Actor, api: Any) -> None:
    api.post(PATH, ME)
    stranger = make_user()
    api.post(PATH, HOOK)
    assert owner.user_id is not None
    part = notifications_erasing.erase_for_account(stranger.pk, [], at(0))
    assert part.is_done
    assert Channel.objects.unscoped(WHY).count() == 2
    notifications_erasing.erase_for_account(owner.user_id, [], at(0))
    (left,) = Channel.objects.unscoped(WHY)
    assert (left.transport, left.created_by, left.created_by_user_id) == ("webhook", "", None)
    notifications_erasing.erase_for_account(owner.user_id, [tenant_of(owner)], at(0))
    assert not Channel.objects.unscoped(WHY).exists()


def test_a_retried_request_makes_one_channel(api: APIClient) -> None:
    first, again = (api.post(PATH, HOOK, HTTP_IDEMPOTENCY_KEY="once") for _ in range(2))
    assert again.json() == first.json()
    assert again["idempotency-replayed"] == "true"
    assert fresh(Channel.objects.unscoped(WHY).get()).name == "On-call"
