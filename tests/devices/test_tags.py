"""Tags of devices: the text on the device and the rows that are searched always agree."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices.models import Device, DeviceTag
from devices.services import editing, tagging
from devices.services.tagging import TagEdit
from devices.types import DeviceChanges
from kernel.actors import Actor
from kernel.errors import PermissionDenied
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, make_device
from tests.factories.sites import join, make_site, register
from tests.factories.users import actor_of, make_actor, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
V1 = "/api/v1"


def tag(owner: Actor, board: Board, *tags: str) -> Board:
    """The device with these tags and no others."""
    changes = DeviceChanges(tags=list(tags))
    editing.update_device(device_uid=board.uid, changes=changes, actor=owner, now=timezone.now())
    return board


def tagged(owner: Actor, *tags: str) -> Board:
    """A new device with these tags."""
    return tag(owner, make_device(owner), *tags)


def told(board: Board) -> list[str]:
    """The device's tags, by its own row and by the rows that are searched, which agree."""
    rows = DeviceTag.objects.unscoped("tests look at everything").filter(device_id=board.device_id)
    found = list(rows)
    assert {row.tenant_id for row in found} <= {board.row().tenant_id}
    written = sorted(f"{row.key}={row.value}" if row.value else row.key for row in found)
    assert board.row().tags == written
    return written


def rename(owner: Actor, old: str, new: str) -> Any:
    return tagging.rename_tag(old=old, new=new, actor=owner, now=timezone.now())


def test_an_edit_keeps_the_rows_and_refuses_two_values_of_a_key(
    owner: Actor, api: APIClient
) -> None:
    board = tagged(owner, "lobby", "floor=2")
    assert told(board) == ["floor=2", "lobby"]
    tag(owner, board, "floor=3")
    assert told(board) == ["floor=3"]
    refused = api.patch(f"{V1}/devices/{board.uid}", {"tags": ["a=1", "a=2"]}, format="json")
    assert "two values" in assert_refused(refused, 400, "validation_error")["tags"][0]
    assert told(board) == ["floor=3"]


def test_a_device_that_is_registered_with_tags_is_found_by_them(owner: Actor) -> None:
    make_site(owner, "store")
    register(owner, "store", "pos-1", tags=("till", "row = 4"))
    rows = DeviceTag.objects.visible_to(owner)
    assert sorted(rows.values_list("key", "value")) == [("row", "4"), ("till", "")]


def test_tags_of_one_device_are_added_and_removed(owner: Actor, api: APIClient) -> None:
    board = tagged(owner, "lobby", "floor=2", "room=7")
    path = f"{V1}/devices/{board.uid}/tags"
    answer = api.post(
        path, {"add": ["floor=3", "new"], "remove": ["room=8", "lobby"]}, format="json"
    )
    assert answer.json()["tags"] == ["floor=3", "new", "room=7"] == told(board)
    assert api.post(path, {"remove": ["room"]}, format="json").json()["tags"] == ["floor=3", "new"]
    assert api.post(path, {"set": ["x"]}, format="json").json()["tags"] == ["x"] == told(board)
    assert api.post(path, {"set": []}, format="json").json()["tags"] == [] == told(board)
    for wrong in (
        {},
        {"add": ["=2"]},
        {"add": ["a"], "remove": ["a"]},
        {"set": ["a"], "add": ["b"]},
    ):
        assert_refused(api.post(path, wrong, format="json"), 400, "validation_error")
    many = {"add": [str(number) for number in range(50)]}
    tag(owner, board, "one")
    assert "50" in str(assert_refused(api.post(path, many, format="json"), 400, "validation_error"))
    assert told(board) == ["one"]


def test_many_devices_are_changed_with_an_audit_entry_each_and_a_repeat_changes_none(
    owner: Actor,
) -> None:
    boards = [tagged(owner, "old"), tagged(owner, "old", "new"), tagged(owner)]
    other = tagged(make_actor(), "old")
    keys = [board.device_id for board in (*boards, other)]
    edit = TagEdit(add=["new"], remove=["old"])
    done = tagging.change_tags(device_ids=keys, edit=edit, actor=owner, now=timezone.now())
    assert (done.changed, done.unchanged) == (3, 0)
    assert [told(board) for board in (*boards, other)] == [["new"], ["new"], ["new"], ["old"]]
    newest = AuditEntry.objects.unscoped("test").order_by("-pk")[:3]
    assert {entry.target_id for entry in newest} == {board.uid for board in boards}
    assert all(entry.after == {"tags": ["new"]} for entry in newest)
    again = tagging.change_tags(device_ids=keys, edit=edit, actor=owner, now=timezone.now())
    assert (again.changed, again.unchanged) == (0, 3)


def test_a_key_is_renamed_with_its_values_and_a_tag_alone(owner: Actor) -> None:
    second, ground = tagged(owner, "storey=2", "x"), tagged(owner, "storey=0")
    other = tagged(make_actor(), "storey=2")
    assert rename(owner, "storey", "floor").changed == 2
    assert (told(second), told(ground), told(other)) == (
        ["floor=2", "x"], ["floor=0"], ["storey=2"],
    )  # fmt: skip
    assert rename(owner, "floor=2", "floor=second").changed == 1
    assert (told(second), told(ground)) == (["floor=second", "x"], ["floor=0"])
    assert rename(owner, "nothing", "something").changed == 0


def test_a_rename_that_gives_a_key_two_values_is_refused_before_anything_changes(
    owner: Actor, api: APIClient
) -> None:
    first, both = tagged(owner, "storey=1"), tagged(owner, "storey=2", "floor=3")
    body = {"old": "storey", "new": "floor"}
    refused = api.post(f"{V1}/tags/rename", body, format="json")
    assert assert_refused(refused, 409, "tag_taken")["devices"] == [both.uid]
    assert (told(first), told(both)) == (["storey=1"], ["floor=3", "storey=2"])
    # Both tags become the same one: that is no second value.
    tag(owner, both, "storey=3", "floor=3")
    assert rename(owner, "storey", "floor").changed == 2
    assert (told(first), told(both)) == (["floor=1"], ["floor=3"])


def test_tags_are_listed_with_how_many_devices_bear_them(owner: Actor, api: APIClient) -> None:
    tagged(owner, "lobby", "floor=2")
    ended = tagged(owner, "lobby", "floor=3")
    tagged(make_actor(), "lobby")
    listed = api.get(f"{V1}/tags").json()
    assert [(row["tag"], row["devices"]) for row in listed] == [
        ("floor=2", 1), ("floor=3", 1), ("lobby", 2),
    ]  # fmt: skip
    for beginning, tags in (("LO", ["lobby"]), ("floor=", ["floor=2", "floor=3"]), ("z", [])):
        found = api.get(f"{V1}/tags", {"beginning": beginning}).json()
        assert [row["tag"] for row in found] == tags
    api.post(f"{V1}/devices/{ended.uid}/unpair")
    assert [row["tag"] for row in api.get(f"{V1}/tags").json()] == ["floor=2", "lobby"]


def test_the_list_finds_exactly_the_tag(owner: Actor, api: APIClient) -> None:
    plain, second = tagged(owner, "floor", 'größe="x"'), tagged(owner, "floor=2", "a")
    tagged(make_actor(), "floor")
    for tag_text, uids in (
        ("floor", [plain.uid]),
        ("floor=2", [second.uid]),
        (" floor = 2", [second.uid]),
        ('größe="x"', [plain.uid]),
        ("flo", []),
        ("=", []),
    ):
        found = api.get(f"{V1}/devices", {"tag": tag_text}).json()["items"]
        assert [row["uid"] for row in found] == uids, tag_text


def test_who_may_not_tag_all_of_them_tags_none(
    owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagging, "_TOGETHER", 1)
    other = make_actor()
    mine, theirs = tagged(owner, "old"), tagged(other, "old")
    member = actor_of(join(other, "viewer", user_id=owner.user_id))
    keys = [mine.device_id, theirs.device_id]
    with pytest.raises(PermissionDenied):
        tagging.change_tags(
            device_ids=keys, edit=TagEdit(only=["new"]), actor=member, now=timezone.now()
        )
    assert (told(mine), told(theirs)) == (["old"], ["old"])


def test_who_is_limited_to_a_site_tags_devices_there_and_renames_nothing(owner: Actor) -> None:
    site = make_site(owner, "store")
    near, far = tagged(owner, "old"), tagged(owner, "old")
    Device.objects.unscoped("test").filter(pk=near.device_id).update(site=site)
    tenant_id = tenant_of(owner)
    member = actor_of(join(owner, "operator", site_ids=[site.pk]))
    limited = replace(member, roles=MappingProxyType({tenant_id: "operator"}))
    keys = [near.device_id, far.device_id]
    edit = TagEdit(only=["new"])
    tagging.change_tags(device_ids=keys, edit=edit, actor=limited, now=timezone.now())
    assert (told(near), told(far)) == (["new"], ["old"])
    with pytest.raises(PermissionDenied):
        rename(limited, "old", "older")
    viewer = replace(limited, roles=MappingProxyType({tenant_id: "viewer"}))
    with pytest.raises(PermissionDenied):
        tagging.change_tags(
            device_ids=keys, edit=TagEdit(only=[]), actor=viewer, now=timezone.now()
        )
    assert told(near) == ["new"]
