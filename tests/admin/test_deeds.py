"""What is done in the admin is done by the services: roles hold, and the audit log tells it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.test import Client

from accounts.models import LoginSession, User
from audit.models import AuditEntry
from commands.models import Command, CommandBatch
from devices.models import Device, DeviceCredential, DeviceTag, ProvisioningKey
from tests.accounts import people
from tests.admin.world import deed_address, list_address, make_staff, row_address
from tests.permissions.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(world: World) -> Client:
    return people.browser_of(world.administrator, raise_request_exception=False)


def _device(uid: str) -> Device:
    return Device.all_objects.unscoped("tests look at everything").get(uid=uid)


def _newest(action: str) -> AuditEntry:
    entry = AuditEntry.objects.unscoped("tests look").filter(action=action).order_by("-pk").first()
    assert entry is not None, action
    return entry


def _do(browser: Client, row: Any, name: str, **form: Any) -> Any:
    return browser.post(deed_address(row, name), {"step": "do", **form})


def test_who_runs_the_platform_unpairs_a_device_of_a_tenant_that_is_not_theirs(
    world: World, root: Client
) -> None:
    device = _device(world.far.device)
    page = root.get(deed_address(device, "unpair")).content.decode()
    assert "cannot be undone" in page
    assert _device(world.far.device).is_active
    assert _do(root, device, "unpair").status_code == 302
    assert not _device(world.far.device).is_active
    entry = _newest("devices.device.unpaired")
    assert (entry.tenant_id, entry.actor_via) == (world.far.tenant.pk, "admin")
    assert entry.actor_id == world.administrator.uid


def test_several_are_unpaired_from_the_list_and_those_that_are_over_are_left_out(
    world: World, root: Client
) -> None:
    uids = [world.near.device, world.far.device, world.near.archived]
    chosen = {"action": "unpair", "_selected_action": [str(_device(uid).pk) for uid in uids]}
    address = f"{list_address(Device)}?life=all"
    page = root.post(address, chosen)
    assert page.status_code == 200
    assert "Left out" in page.content.decode()
    done = root.post(address, chosen | {"step": "do"}).content.decode()
    assert done.count("is unpaired; its history stays") == 2
    assert not any(_device(uid).is_active for uid in uids)


def test_a_new_key_is_shown_once_and_never_again(world: World, root: Client) -> None:
    device = _device(world.near.device)
    answer = _do(root, device, "rotate_key", grace="86400")
    shown = answer.content.decode()
    key = shown.split("<dd><code>")[1].split("</code>")[0]
    assert len(key) >= 32
    assert "no-store" in answer["Cache-Control"]
    assert DeviceCredential.objects.filter(device=device, role="pending").exists()
    assert key not in root.get(row_address(device)).content.decode()


def test_staff_do_only_what_they_were_given_and_what_their_role_allows(world: World) -> None:
    device = _device(world.near.device)
    only_see = make_staff(world, world.near.people["operator"], "view_device")
    assert only_see.get(deed_address(device, "unpair")).status_code == 403
    assert _do(only_see, device, "unpair").status_code == 403
    given = make_staff(world, world.near.people["operator"], "view_device", "unpair_device")
    refused = _do(given, device, "unpair")
    assert refused.status_code == 302
    assert "This needs the role admin" in given.get(row_address(device)).content.decode()
    assert _device(world.near.device).is_active
    admin = make_staff(world, world.near.people["admin"], "view_device", "unpair_device")
    foreign = _device(world.far.device)
    assert _do(admin, foreign, "unpair").status_code == 404
    assert _do(admin, device, "unpair").status_code == 302
    assert not _device(world.near.device).is_active
    assert _device(world.far.device).is_active


def test_a_command_goes_through_the_ledger_and_many_through_a_batch(
    world: World, root: Client
) -> None:
    device = _device(world.near.device)
    asked = root.post(deed_address(device, "command"), {"step": "kind", "kind": "reboot"})
    assert 'value="reboot"' in asked.content.decode()
    assert _do(root, device, "command", kind_name="reboot").status_code == 302
    rows = Command.objects.unscoped("tests look").filter(device=device, kind="reboot")
    command = rows.order_by("-pk").first()
    assert command is not None
    assert command.cause[-1]["via"] == "admin"
    both = [str(device.pk), str(_device(world.near.elsewhere).pk)]
    before = CommandBatch.objects.unscoped("tests look").count()
    form = {"action": "command", "_selected_action": both, "step": "do", "kind_name": "reboot"}
    assert root.post(list_address(Device), form).status_code == 302
    batches = CommandBatch.objects.unscoped("tests look").order_by("-pk")
    assert batches.count() == before + 1
    newest = batches.first()
    assert newest is not None
    assert newest.total == 2


def test_an_open_command_is_cancelled(world: World, root: Client) -> None:
    command = Command.objects.unscoped("tests look").get(uid=world.near.command)
    assert _do(root, command, "cancel").status_code == 302
    command = Command.objects.unscoped("tests look").get(uid=world.near.command)
    assert command.state == "cancelled" or command.cancel_asked_at is not None


def test_tags_are_changed_on_devices_of_two_tenants(world: World, root: Client) -> None:
    keys = [str(_device(uid).pk) for uid in (world.near.device, world.far.device)]
    form = {"action": "tag", "_selected_action": keys, "step": "do", "add": "floor=1"}
    assert root.post(list_address(Device), form | {"add": ""}).status_code == 400
    assert root.post(list_address(Device), form).status_code == 200
    tags = DeviceTag.objects.unscoped("tests look").filter(key="floor", value="1")
    assert {str(tag.device_id) for tag in tags} == set(keys)


def test_a_provisioning_key_is_revoked(world: World, root: Client) -> None:
    rows = ProvisioningKey.objects.unscoped("tests look")
    assert _do(root, rows.get(uid=world.near.batch_key_uid), "revoke").status_code == 302
    assert rows.get(uid=world.near.batch_key_uid).revoked_at is not None


def test_users_are_shut_out_let_in_and_signed_out(world: World, root: Client) -> None:
    user = world.near.people["owner"]
    assert _do(root, user, "end_sessions").status_code == 302
    ended = LoginSession.objects.get(uid=world.near.session)
    assert ended.end_reason == "ended_by_admin"
    assert _do(root, user, "deactivate").status_code == 302
    assert not User.objects.get(pk=user.pk).is_active
    assert _do(root, User.objects.get(pk=user.pk), "reactivate").status_code == 302
    assert User.objects.get(pk=user.pk).is_active
    # The only administrator stays one: the service refuses.
    assert _do(root, world.administrator, "deactivate").status_code == 302
    assert User.objects.get(pk=world.administrator.pk).is_active


def test_staff_cannot_make_staff_or_roles_and_a_role_gives_what_it_says(
    world: World, root: Client
) -> None:
    see = Permission.objects.get(codename="view_device")
    made = root.post("/admin/auth/group/add/", {"name": "Lookers", "permissions": [see.pk]})
    assert made.status_code == 302
    assert _newest("platform.staff_role.defined").after["permissions"] == ["devices.view_device"]
    role = Group.objects.get(name="Lookers")
    user = world.near.people["viewer"]
    assert _do(root, user, "make_staff", groups=[role.pk]).status_code == 302
    assert _newest("platform.user.made_staff").after["roles"] == ["Lookers"]
    browser = people.browser_of(user, raise_request_exception=False)
    assert world.near.device in browser.get("/admin/devices/device/").content.decode()
    assert browser.get("/admin/auth/group/add/").status_code == 403
    assert browser.post("/admin/auth/group/add/", {"name": "Mine"}).status_code == 403
    assert _do(browser, user, "make_staff", groups=[role.pk]).status_code in {403, 404}
    assert _do(browser, user, "promote").status_code in {403, 404}
    assert _do(root, user, "withdraw_staff").status_code == 302
    assert browser.get("/admin/devices/device/").status_code in {302, 403}


def test_a_role_cannot_give_what_is_not_for_staff(world: World, root: Client) -> None:
    secret = Permission.objects.get(codename="view_refreshtoken")
    answer = root.post("/admin/auth/group/add/", {"name": "Odd", "permissions": [secret.pk]})
    assert answer.status_code == 200
    assert not Group.objects.filter(name="Odd").exists()


def test_passwords_are_not_changed_here(root: Client) -> None:
    assert root.get("/admin/password_change/").status_code == 404
    assert root.get("/admin/password_change/done/").status_code == 404


def test_looks_at_the_rows_of_all_tenants_are_told_once_in_a_while(
    world: World, root: Client
) -> None:
    cache.clear()
    entries = AuditEntry.objects.unscoped("tests look").filter(
        action="platform.devices.device.listed"
    )
    root.get("/admin/devices/device/?q=till")
    root.get("/admin/devices/device/?q=till")
    (entry,) = list(entries.all())
    assert entry.after == {"filter": {"q": "till"}}
    assert (entry.actor_id, entry.actor_via) == (world.administrator.uid, "admin")
    root.get(row_address(_device(world.far.device)))
    assert entries.all().count() == 2
    make_staff(world, world.near.people["viewer"], "view_device").get("/admin/devices/device/")
    assert entries.all().count() == 2
