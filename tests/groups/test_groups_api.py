"""Groups over the API: made, read, changed, explained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices.models import Device
from devices.services import editing
from devices.types import DeviceChanges
from groups import fact_selectors
from groups.errors import QueryTooSlow
from groups.models import DeviceGroup, GroupMember
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, connected_device, make_device
from tests.factories.sites import join, join_as, make_site
from tests.factories.users import client_of, make_actor, make_user, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db]
V1 = "/api/v1"
GROUPS = f"{V1}/device-groups"
LOBBIES = {"name": "Lobbies", "query": "tag:lobby and status:online"}


def tagged(owner: Actor, *tags: str, is_online: bool = True) -> Board:
    board = connected_device(owner) if is_online else make_device(owner)
    changes = DeviceChanges(name=f"{'-'.join(tags)}", tags=list(tags))
    editing.update_device(device_uid=board.uid, changes=changes, actor=owner, now=timezone.now())
    return board


def made(api: APIClient, body: dict[str, Any], path: str = GROUPS) -> dict[str, Any]:
    answer = api.post(path, body, format="json")
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == f"{GROUPS}/{answer.json()['uid']}"
    group: dict[str, Any] = answer.json()
    return group


def members(api: APIClient, group: dict[str, Any], query: str = "") -> set[str]:
    """Uids of the group's devices, which are as many as are counted."""
    path = f"{GROUPS}/{group['uid']}"
    answer = api.get(f"{path}/members{query}")
    assert answer.status_code == 200, answer.content
    uids = [row["uid"] for row in answer.json()["items"]]
    assert query or api.get(f"{path}/count").json() == {"count": len(uids)}
    return set(uids)


def test_a_dynamic_group_has_whoever_meets_its_query_at_the_time(
    owner: Actor, api: APIClient
) -> None:
    here, away = tagged(owner, "lobby"), tagged(owner, "lobby", is_online=False)
    tagged(owner, "till")
    group = made(api, LOBBIES, f"{GROUPS}/dynamic")
    assert (group["kind"], group["query"]) == ("dynamic", LOBBIES["query"])
    assert members(api, group) == {here.uid}
    editing.update_device(
        device_uid=here.uid, changes=DeviceChanges(tags=[]), actor=owner, now=timezone.now()
    )
    assert members(api, group) == set()
    changed = api.patch(f"{GROUPS}/{group['uid']}", {"query": "tag:lobby"}, format="json")
    assert changed.status_code == 200, changed.content
    assert members(api, group) == {away.uid}
    assert members(api, group, "?query=status:online") == set()


@pytest.mark.parametrize("path", [f"{GROUPS}/dynamic", f"{V1}/customer/device-groups/dynamic"])
def test_the_flat_filter_of_older_programs_makes_a_group(
    owner: Actor, api: APIClient, path: str
) -> None:
    here = tagged(owner, "lobby")
    tagged(owner, "lobby", is_online=False)
    group = made(
        api, {"name": "Here", "query_filter": {"status": "ONLINE", "tag": ["lobby", "x"]}}, path
    )
    assert members(api, group) == {here.uid}
    again = made(api, {"name": "Tree", "query_filter": group["query_filter"]}, path)
    assert again["query"] == group["query"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"query_filter": {"all": [{"field": "name", "op": "eq", "value": "a"},
                                   {"field": "secret", "op": "eq", "value": 1}]}},
         "/query_filter/all/1/field"),
        ({"query_filter": {"nonsense": 1}}, "/query_filter/nonsense"),
        ({"query": "status:online and"}, "/query"),
        ({}, "/query"),
        ({"query": "status:online", "query_filter": {"status": "ONLINE"}}, "/query"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_a_422_that_says_where(
    api: APIClient, body: dict[str, Any], place: str
) -> None:
    for path, more in ((f"{GROUPS}/preview", {}), (f"{GROUPS}/dynamic", {"name": "x"})):
        refused = api.post(path, body | more, format="json")
        details = assert_refused(refused, 422, "invalid_query")
        assert list(details) == [place], details
    assert not DeviceGroup.objects.unscoped("test").exists()


def test_a_preview_counts_and_shows_and_keeps_nothing(owner: Actor, api: APIClient) -> None:
    here = tagged(owner, "lobby")
    answer = api.post(f"{GROUPS}/preview", {"query_filter": {"tag": "lobby"}}, format="json").json()
    assert (answer["count"], [row["uid"] for row in answer["devices"]]) == (1, [here.uid])
    assert answer["query"] == "tag:lobby"
    assert not DeviceGroup.objects.unscoped("test").exists()


def test_why_shows_every_condition_with_what_the_device_has(owner: Actor, api: APIClient) -> None:
    away = tagged(owner, "lobby", is_online=False)
    group = made(api, LOBBIES, f"{GROUPS}/dynamic")
    why = api.get(f"{GROUPS}/{group['uid']}/why/{away.uid}").json()
    assert why["is_member"] is False
    assert [(row["pointer"], row["is_met"], row["actual"]) for row in why["conditions"]] == [
        ("/all/0", True, ["lobby"]), ("/all/1", False, "offline"),
    ]  # fmt: skip
    assert_refused(api.get(f"{GROUPS}/{group['uid']}/why/unknown"), 404, "not_found")


def test_a_device_tells_its_groups_static_and_dynamic(owner: Actor, api: APIClient) -> None:
    here, other = tagged(owner, "lobby"), tagged(owner, "till")
    made(api, LOBBIES, f"{GROUPS}/dynamic")
    made(api, {"name": "By name", "devices": [here.uid]})
    named = api.get(f"{V1}/devices/{here.uid}/groups").json()
    assert [group["name"] for group in named] == ["By name", "Lobbies"]
    assert api.get(f"{V1}/devices/{other.uid}/groups").json() == []


def test_devices_are_listed_by_group_and_by_query(owner: Actor, api: APIClient) -> None:
    here, other = tagged(owner, "lobby"), tagged(owner, "till")
    group = made(api, {"name": "By name", "devices": [other.uid]})

    def listed(**query: str) -> set[str]:
        return {row["uid"] for row in api.get(f"{V1}/devices", query).json()["items"]}

    assert listed(query="tag:lobby") == {here.uid}
    assert listed(group=group["uid"]) == {other.uid}
    assert listed(group=group["uid"], query="tag:lobby") == set()
    assert listed(query="tag:lobby", connectivity="online") == {here.uid}
    assert_refused(api.get(f"{V1}/devices", {"query": "and"}), 422, "invalid_query")
    assert_refused(api.get(f"{V1}/devices", {"group": "unknown"}), 404, "not_found")
    everybody, of_group = (
        api.get(f"{V1}/uptime").json(),
        api.get(f"{V1}/uptime", {"group": group["uid"]}).json(),
    )
    assert of_group["24h"].keys() == everybody["24h"].keys()
    assert of_group["24h"] != everybody["24h"]


def test_changes_are_for_the_version_that_was_read(owner: Actor, api: APIClient) -> None:
    group = made(api, LOBBIES, f"{GROUPS}/dynamic")
    path = f"{GROUPS}/{group['uid']}"
    tag = api.get(path)["ETag"]
    changed = api.patch(path, {"name": "Foyers"}, format="json", HTTP_IF_MATCH=tag)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = api.patch(path, {"name": "Halls"}, format="json", HTTP_IF_MATCH=tag)
    assert stale["ETag"] == changed["ETag"]
    assert_refused(stale, 412, "precondition_failed")
    assert_refused(api.delete(path, HTTP_IF_MATCH=tag), 412, "precondition_failed")
    assert api.patch(path, {"name": "Foyers"}, format="json")["ETag"] == changed["ETag"]
    assert api.delete(path, HTTP_IF_MATCH=changed["ETag"]).status_code == 204
    assert_refused(api.get(path), 404, "not_found")
    entries = AuditEntry.objects.unscoped("test").filter(target_id=group["uid"]).order_by("pk")
    assert [entry.action for entry in entries] == [
        "groups.group.created", "groups.group.updated", "groups.group.deleted",
    ]  # fmt: skip
    # Its name is free again.
    made(api, {"name": "FOYERS"})


def test_a_name_is_taken_once_whatever_its_case(api: APIClient) -> None:
    made(api, {"name": "Lobbies"})
    other = made(api, {"name": "Tills"})
    again = api.post(f"{GROUPS}/dynamic", LOBBIES | {"name": "LOBBIES"}, format="json")
    assert_refused(again, 409, "group_exists")
    rename = api.patch(f"{GROUPS}/{other['uid']}", {"name": "lobbies"}, format="json")
    assert_refused(rename, 409, "group_exists")
    static = api.patch(f"{GROUPS}/{other['uid']}", {"query": "status:online"}, format="json")
    assert_refused(static, 409, "group_is_static")
    listed = [group["name"] for group in api.get(GROUPS).json()["items"]]
    assert listed == ["Tills", "Lobbies"]


def test_members_of_static_groups_are_put_in_and_taken_out(owner: Actor, api: APIClient) -> None:
    first, second, third = (tagged(owner, name) for name in ("a", "b", "c"))
    foreign = make_device(make_actor())
    group = made(api, {"name": "By name", "devices": [first.uid, foreign.uid, "nothing"]})
    assert group["unknown"] == sorted([foreign.uid, "nothing"])
    path = f"{GROUPS}/{group['uid']}/members"
    edit = {"add": [second.uid, first.uid], "remove": [third.uid, foreign.uid]}
    assert api.post(path, edit, format="json").json() == {
        "joined": 1, "left": 0, "unchanged": 2, "unknown": [foreign.uid],
    }  # fmt: skip
    assert members(api, group) == {first.uid, second.uid}
    whole = api.post(path, {"set": [third.uid, second.uid]}, format="json").json()
    assert (whole["joined"], whole["left"], whole["unchanged"]) == (1, 1, 1)
    assert members(api, group) == {second.uid, third.uid}
    for wrong in ({}, {"add": ["a"], "remove": ["a"]}, {"set": [], "add": ["a"]}):
        assert_refused(api.post(path, wrong, format="json"), 400, "validation_error")
    dynamic = made(api, LOBBIES, f"{GROUPS}/dynamic")
    refused = api.post(f"{GROUPS}/{dynamic['uid']}/members", {"add": ["a"]}, format="json")
    assert_refused(refused, 409, "group_is_dynamic")


def test_members_come_and_go_as_spreadsheets(owner: Actor, api: APIClient) -> None:
    first, second = tagged(owner, "a"), tagged(owner, "b")
    Device.objects.unscoped("test").filter(pk=first.device_id).update(name="=HYPERLINK(1)")
    group = made(api, {"name": "By name", "devices": [first.uid, second.uid]})
    path = f"{GROUPS}/{group['uid']}/members"
    answer = api.get(f"{path}.csv")
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "text/csv"
    assert b",'=HYPERLINK(1)," in body
    for mode, left in (("remove", set()), ("set", {first.uid, second.uid})):
        done = api.post(f"{path}?mode={mode}", body, content_type="text/csv")
        assert done.status_code == 200, done.content
        assert members(api, group) == left
    assert_refused(api.post(path, b"x", content_type="text/csv"), 400, "validation_error")


def test_a_removed_device_leaves_its_groups(owner: Actor, api: APIClient) -> None:
    board = tagged(owner, "lobby")
    group = made(api, {"name": "By name", "devices": [board.uid]})
    assert api.post(f"{V1}/devices/{board.uid}/unpair").status_code < 300
    assert members(api, group) == set()
    assert not GroupMember.objects.unscoped("test").exists()
    line = api.get(f"{GROUPS}/{group['uid']}/journal").json()["items"][0]
    assert (line["device_uid"], line["change"], line["cause"]["why"]) == (
        board.uid, "left", "device_gone",
    )  # fmt: skip
    final = Device.all_objects.unscoped("test").get(pk=board.device_id).final_state
    assert final["groups"] == [{"uid": group["uid"], "name": "By name"}]


def test_who_is_limited_to_a_site_meets_only_devices_there(owner: Actor, api: APIClient) -> None:
    site = make_site(owner, "store")
    near, far = tagged(owner, "lobby"), tagged(owner, "lobby")
    Device.objects.unscoped("test").filter(pk=near.device_id).update(site=site)
    group = made(api, LOBBIES, f"{GROUPS}/dynamic")
    static = made(api, {"name": "By name", "devices": [far.uid]})
    limited = client_of(sign_in(join(owner, "operator", site_ids=[site.pk])))
    limited.credentials(**limited._credentials, HTTP_X_TENANT=site.tenant.uid)
    assert members(limited, group) == {near.uid}
    edit = {"add": [near.uid, far.uid]}
    done = limited.post(f"{GROUPS}/{static['uid']}/members", edit, format="json").json()
    assert (done["joined"], done["unknown"]) == (1, [far.uid])
    taken = limited.post(f"{GROUPS}/{static['uid']}/members", {"set": []}, format="json").json()
    assert (taken["left"], members(api, static)) == (1, {far.uid})
    lines = limited.get(f"{GROUPS}/{static['uid']}/journal").json()["items"]
    assert {line["device_uid"] for line in lines} == {near.uid}
    assert_refused(limited.get(f"{GROUPS}/{group['uid']}/why/{far.uid}"), 404, "not_found")
    for method, path, body in (
        ("post", GROUPS, {"name": "Mine"}),
        ("post", f"{GROUPS}/dynamic", LOBBIES | {"name": "Mine"}),
        ("patch", f"{GROUPS}/{group['uid']}", {"name": "Mine"}),
        ("delete", f"{GROUPS}/{group['uid']}", {}),
    ):
        refused = getattr(limited, method)(path, body, format="json")
        assert_refused(refused, 403, "permission_denied")


def test_what_may_be_written_next_is_offered_with_the_callers_own_values(
    owner: Actor, api: APIClient
) -> None:
    tagged(owner, "lobby", "floor 2")
    tagged(make_actor(), "loft")

    def offered(text: str, **more: int) -> list[str]:
        answer = api.get(f"{GROUPS}/suggest", {"query": text, **more})
        assert answer.status_code == 200, answer.content
        return [item["text"] for item in answer.json()["items"]]

    assert offered("sta") == ["status"]
    assert offered("status:online ") == ["and", "or"]
    assert offered("tag:lo") == ["lobby"]
    assert offered("tag:fl and status:online", cursor=6) == ['"floor 2"']
    assert offered("model:") == ["HP-R4"]
    assert offered("site:") == []


def test_the_same_file_under_one_key_is_taken_once(owner: Actor, api: APIClient) -> None:
    board = tagged(owner, "lobby")
    group = made(api, {"name": "By name"})
    sent = [
        api.post(
            f"{GROUPS}/{group['uid']}/members",
            f"uid\n{board.uid}\n",
            content_type="text/csv",
            headers={"Idempotency-Key": "once"},
        )
        for _ in range(2)
    ]
    assert [(answer.status_code, answer.json()["joined"]) for answer in sent] == [(200, 1)] * 2
    assert sent[1]["idempotency-replayed"] == "true"


def test_a_file_that_would_take_too_long_is_refused_before_it_begins(
    owner: Actor, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = made(api, LOBBIES, f"{GROUPS}/dynamic")

    @contextlib.contextmanager
    def too_slow() -> Iterator[None]:
        raise QueryTooSlow
        yield

    monkeypatch.setattr(fact_selectors, "bounded", too_slow)
    refused = api.get(f"{GROUPS}/{group['uid']}/members.csv")
    assert_refused(refused, 422, "query_too_slow")


def test_viewers_read_and_strangers_find_nothing(owner: Actor, api: APIClient) -> None:
    group = made(api, LOBBIES, f"{GROUPS}/dynamic")
    path = f"{GROUPS}/{group['uid']}"
    viewer, stranger = join_as(owner, "viewer"), client_of(sign_in(make_user()))
    assert viewer.get(f"{path}/members").status_code == 200
    assert_refused(viewer.patch(path, {"name": "x"}, format="json"), 403, "permission_denied")
    for part in ("", "/members", "/members.csv", "/count", "/journal"):
        assert_refused(stranger.get(path + part), 404, "not_found")
    assert stranger.get(GROUPS).json()["items"] == []
    assert_refused(stranger.delete(path), 404, "not_found")


def test_tags_of_a_group_a_query_or_a_list_are_changed_and_a_rename_names_groups_that_ask(
    owner: Actor, api: APIClient
) -> None:
    first, second = tagged(owner, "lobby"), tagged(owner, "till")
    group = made(api, {"name": "By name", "devices": [first.uid]})
    dynamic = made(api, LOBBIES, f"{GROUPS}/dynamic")

    def bulk(body: dict[str, Any]) -> Any:
        return api.post(f"{V1}/tags/bulk", body, format="json")

    assert bulk({"group": group["uid"], "add": ["a"]}).json()["changed"] == 1
    assert bulk({"query": "status:online", "add": ["b"]}).json()["changed"] == 2
    done = bulk({"devices": [second.uid, "nothing"], "remove": ["b"]}).json()
    assert (done["changed"], done["unknown"]) == (1, ["nothing"])
    assert (first.row().tags, second.row().tags) == (["a", "b", "lobby"], ["till"])
    assert_refused(bulk({"add": ["a"]}), 400, "validation_error")
    assert_refused(bulk({"group": "nothing", "add": ["a"]}), 404, "not_found")
    renamed = api.post(f"{V1}/tags/rename", {"old": "lobby", "new": "foyer"}, format="json").json()
    assert (renamed["changed"], renamed["groups"]) == (
        1, [{"uid": dynamic["uid"], "name": "Lobbies"}],
    )  # fmt: skip
    assert first.row().tags == ["a", "b", "foyer"]


def test_a_batch_asks_the_devices_of_a_group_and_of_a_query(owner: Actor, api: APIClient) -> None:
    here, other = tagged(owner, "lobby"), tagged(owner, "till")
    group = made(api, LOBBIES, f"{GROUPS}/dynamic")
    targets = {
        (here.uid,): {"group": group["uid"]},
        (other.uid,): {"query": "tag:till"},
        (here.uid, other.uid): {"query": {"tag": ["lobby", "till"]}},
    }
    for uids, target in targets.items():
        order = {"kind": "reboot", "payload": {}, "target": target}
        batch = api.post(f"{V1}/command-batches", order, format="json")
        assert batch.status_code == 201, batch.content
        asked = api.get(f"{batch['Location']}/members").json()["items"]
        assert sorted(row["device_uid"] for row in asked) == sorted(uids)
    wrong = {"kind": "reboot", "payload": {}, "target": {"query": "and"}}
    refused = api.post(f"{V1}/command-batches", wrong, format="json")
    assert_refused(refused, 422, "invalid_query")
