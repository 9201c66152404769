"""A member who is limited to certain sites meets the rest of the tenant nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from devices import selectors
from devices.models import Device, Site
from devices.services import editing
from devices.types import DeviceChanges
from kernel.actors import Actor
from kernel.errors import NotFound, ValidationFailed
from tests.accounts.people import assert_refused
from tests.factories.devices import Board, connected_device, switch
from tests.factories.sites import join, make_site
from tests.factories.users import actor_of, client_of, make_actor, sign_in

pytestmark = [pytest.mark.core, pytest.mark.django_db]


class Chain:
    """A tenant with two sites, a device at each and one at none, and a member of the first."""

    def __init__(self, owner: Actor) -> None:
        self.owner = owner
        self.mine, self.other = make_site(owner, "mine"), make_site(owner, "other")
        self.near = self.stand(self.mine)
        self.far = self.stand(self.other)
        self.loose = self.stand(None)
        self.user = join(owner, "operator", site_ids=[self.mine.pk])
        self.actor = actor_of(self.user, address="192.0.2.5")
        self.api: APIClient = client_of(sign_in(self.user))
        self.api.credentials(HTTP_X_TENANT=self.mine.tenant.uid, **self.api._credentials)

    def stand(self, site: Site | None) -> Board:
        """A connected device at the site."""
        board = connected_device(self.owner)
        Device.objects.unscoped("test").filter(pk=board.device_id).update(site=site)
        return board

    @property
    def hidden(self) -> tuple[str, ...]:
        """Uids that the member must not meet: foreign, elsewhere, nowhere, unknown."""
        return (self.far.uid, self.loose.uid, "unknown")


@pytest.fixture
def chain(owner: Actor) -> Chain:
    return Chain(owner)


def answer(response: Any) -> tuple[int, dict[str, Any]]:
    body = response.json()
    body.pop("request_id")
    return response.status_code, body


def test_lists_show_devices_of_the_sites_only(chain: Chain) -> None:
    shown = chain.api.get("/api/v1/devices").json()["items"]
    assert [device["uid"] for device in shown] == [chain.near.uid]
    for query in ("?site=other", f"?search={chain.far.uid}", "?tag=x"):
        assert chain.api.get(f"/api/v1/devices{query}").json()["items"] == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/relays",
        "/commands",
        "/input-events",
        "/metrics?metric=cpu_percent",
        "/metrics/latest",
        "/lives",
    ],
)
def test_every_read_of_a_device_elsewhere_is_a_404(chain: Chain, path: str) -> None:
    assert chain.api.get(f"/api/v1/devices/{chain.near.uid}{path}").status_code == 200
    answers = [answer(chain.api.get(f"/api/v1/devices/{uid}{path}")) for uid in chain.hidden]
    assert [status for status, _ in answers] == [404] * 3
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "", {"name": "Mine"}),
        ("post", "/relays/0/commands", {"is_on": True, "wait": 0}),
        ("post", "/relays/commands", {"is_on": True, "wait": 0}),
        ("post", "/unpair", {}),
        ("post", "/release", {}),
        ("delete", "/token", {}),
    ],
)
def test_every_write_to_a_device_elsewhere_is_a_404_and_changes_nothing(
    chain: Chain, method: str, path: str, body: Any
) -> None:
    call = getattr(chain.api, method)
    for uid in chain.hidden:
        refused = call(f"/api/v1/devices/{uid}{path}", body, format="json")
        assert_refused(refused, 404, "not_found")
    for board in (chain.far, chain.loose):
        assert (board.row().name, board.row().is_active) == ("", True)


def test_an_operator_of_a_site_edits_and_switches_there(chain: Chain) -> None:
    path = f"/api/v1/devices/{chain.near.uid}"
    assert chain.api.patch(path, {"name": "Till"}, format="json").status_code == 200
    wish = chain.api.post(f"{path}/relays/0/commands", {"is_on": True, "wait": 0}, format="json")
    assert wish.status_code == 202, wish.content


def test_a_command_of_a_device_elsewhere_is_not_found_by_its_id(chain: Chain) -> None:
    near, far = (switch(chain.owner, board, 0, True).id for board in (chain.near, chain.far))
    assert chain.api.get(f"/api/v1/commands/{near}").status_code == 200
    for path in ("", "/history"):
        assert_refused(chain.api.get(f"/api/v1/commands/{far}{path}"), 404, "not_found")


def test_a_device_moves_only_between_the_sites_one_sees(chain: Chain) -> None:
    path = f"/api/v1/devices/{chain.near.uid}"
    for site in ("other", "nowhere", None):
        refused = chain.api.patch(path, {"site": site}, format="json")
        assert list(assert_refused(refused, 400, "validation_error")) == ["site"]
    assert chain.near.row().site_id == chain.mine.pk


def test_the_audit_log_tells_of_the_sites_one_sees(chain: Chain) -> None:
    entries = chain.api.get("/api/v1/audit?page_size=200").json()["items"]
    assert entries
    met = {(entry["target_type"], entry["target_id"]) for entry in entries}
    assert ("site", "mine") in met and ("device", chain.near.uid) in met
    assert not met & {("site", "other"), ("device", chain.far.uid), ("device", chain.loose.uid)}


def test_limits_hold_wherever_a_service_looks_a_device_up(chain: Chain) -> None:
    for uid in chain.hidden:
        with pytest.raises(NotFound):
            selectors.device_by_uid(actor=chain.actor, uid=uid)
        with pytest.raises(NotFound):
            selectors.device_keys(actor=chain.actor, uid=uid)
        with pytest.raises(NotFound):
            editing.update_device(
                device_uid=uid,
                changes=DeviceChanges(name="x"),
                actor=chain.actor,
                now=timezone.now(),
            )
    assert selectors.device_by_uid(actor=chain.actor, uid=chain.near.uid).pk == chain.near.device_id


def test_a_limit_of_one_tenant_hides_nothing_of_another(owner: Actor) -> None:
    chain = Chain(owner)
    member = make_actor()
    own = connected_device(member)
    user = join(owner, "operator", user_id=member.user_id, site_ids=[chain.mine.pk])
    seen = selectors.devices_visible_to(actor_of(user)).values_list("uid", flat=True)
    assert set(seen) == {chain.near.uid, own.uid}


def test_a_member_limited_to_no_site_sees_nothing(owner: Actor) -> None:
    chain = Chain(owner)
    nobody = actor_of(join(owner, "admin", site_ids=[]))
    tenant_id = chain.mine.tenant_id
    seen = selectors.devices_visible_to(nobody).filter(tenant_id=tenant_id)
    assert list(seen) == []
    assert list(selectors.sites_visible_to(nobody)) == []


def test_a_device_that_moves_is_seen_by_who_may_see_where_it_is(chain: Chain) -> None:
    def move(board: Board, site: str, actor: Actor) -> None:
        editing.update_device(
            device_uid=board.uid, changes=DeviceChanges(site=site), actor=actor, now=timezone.now()
        )

    move(chain.far, "mine", chain.owner)
    assert selectors.device_by_uid(actor=chain.actor, uid=chain.far.uid).pk == chain.far.device_id
    move(chain.near, "other", chain.owner)
    with pytest.raises(NotFound):
        selectors.device_by_uid(actor=chain.actor, uid=chain.near.uid)
    with pytest.raises(ValidationFailed):
        move(chain.far, "", chain.actor)
    make_site(make_actor(), "foreign")
    with pytest.raises(ValidationFailed):
        move(chain.far, "foreign", chain.owner)
