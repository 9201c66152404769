"""The pages: who may see what, what they show, and what hostile names cannot do."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import selectors as accounts
from accounts.services import registration
from devices import selectors as devices
from devices.services import claiming, editing, provisioning, sessions
from devices.types import DeviceChanges, DeviceRegistration
from edge.protocol.messages import RelayReading, StateReport
from relays.services import reporting, switching

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough passphrase 42"
_numbers = itertools.count(1)

MakeDevice = Callable[..., Any]
Provision = Callable[..., tuple[str, str]]


class Viewer:
    """A registered user with a signed-in browser."""

    def __init__(self, email: str) -> None:
        self.email = email
        self.user = registration.register_user(
            email=email, password=PASSWORD, display_name="", now=timezone.now()
        )
        self.actor = accounts.actor_for_user(user_id=self.user.pk)
        self.client = Client()
        answer = self.client.post("/login", {"email": email, "password": PASSWORD})
        assert answer.status_code == 302, answer.content


@pytest.fixture
def viewer(db: None) -> Viewer:
    """The person whose pages are looked at."""
    return Viewer("viewer@example.org")


@pytest.fixture
def stranger(db: None) -> Viewer:
    """Somebody else, with a tenant of their own."""
    return Viewer("stranger@example.org")


@pytest.fixture
def claim_code(db: None) -> Provision:
    """Provision hardware: `claim_code(relay_count=2)` gives (device uid, claim code)."""

    def provision(**facts: Any) -> tuple[str, str]:
        known = {"hardware_id": f"hw-{next(_numbers)}", "device_class": "relay_controller"}
        made = provisioning.register_device(
            registration=DeviceRegistration(**(known | facts)),
            provision_key=settings.DEVICE_PROVISION_KEY,
            address="192.0.2.1",
            now=timezone.now(),
        )
        return made.device_uid, made.claim_code

    return provision


@pytest.fixture
def make_device(claim_code: Provision) -> MakeDevice:
    """A device of a viewer: `make_device(viewer, name="Oven", online=True, relay_count=2)`."""

    def make(owner: Viewer, *, name: str = "Oven", online: bool = False, **facts: Any) -> Any:
        _, code = claim_code(**facts)
        now = timezone.now()
        device = claiming.claim_device(code=code, name=name, actor=owner.actor, now=now)
        if online:
            sessions.open_session(device_id=device.pk, address=None, now=now)
        return device

    return make


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def page(viewer: Viewer, path: str, status: int = 200) -> str:
    """The body of a page, after checking its status and what every page must keep."""
    answer = viewer.client.get(path)
    assert answer.status_code == status
    body = answer.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", body) == []
    assert re.findall(r"<style\b|\sstyle=", body) == []
    assert re.findall(r"<[^>]*\son[a-z]+=", re.sub(r'"[^"]*"', '""', body)) == []
    return body


@pytest.mark.parametrize("path", ["/", "/dashboard/claim", "/dashboard/devices/some-device"])
def test_strangers_are_sent_to_the_login_with_the_way_back(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"/login?next={path}"


def test_the_login_page_keeps_the_policy_and_tells_what_is_wrong(client: Client) -> None:
    body = client.get("/login").content.decode()
    assert 'name="email"' in body
    assert "<style" not in body
    assert re.findall(r"<script(?![^>]*\bsrc=)", body) == []
    refused = client.post("/login", {"email": "nobody@example.org", "password": "wrong"})
    assert refused.status_code == 401
    assert 'role="alert"' in refused.content.decode()


def test_an_empty_installation_shows_how_to_connect_a_device(viewer: Viewer) -> None:
    body = page(viewer, "/dashboard/devices")
    assert "Bring your first device" in body
    assert "edge.agent run --url http://testserver" in body
    assert 'name="claim_code"' in body


def test_the_list_shows_a_device_with_chips_and_switches(
    viewer: Viewer, make_device: MakeDevice
) -> None:
    device = make_device(viewer, name="Bakery", online=True, relay_count=2, is_simulated=True)
    body = page(viewer, "/dashboard/devices")
    assert "Bakery" in body
    assert "0 of 0 online · 1 simulated, not counted" in body
    assert 'data-connectivity="online"' in body
    assert "chip--simulated" in body
    assert body.count(f'data-device-uid="{device.uid}"') == 2
    assert body.count('role="switch"') == 2


def test_hostile_names_stay_text_on_every_page(viewer: Viewer, make_device: MakeDevice) -> None:
    device = make_device(viewer, name=HOSTILE, online=True, relay_count=1, model=HOSTILE)
    editing.update_device(
        device_uid=device.uid,
        changes=DeviceChanges(relay_names={"0": HOSTILE}, tags=[HOSTILE]),
        actor=viewer.actor,
        now=timezone.now(),
    )
    for path in (
        "/dashboard/devices",
        f"/dashboard/devices/{device.uid}",
        "/dashboard/devices?q=%3Cscript%3Ealert(1)",
    ):
        body = page(viewer, path)
        assert "<script>alert" not in body
        assert "<img" not in body
        assert "&lt;script&gt;alert(1)" in body


def test_a_foreign_device_is_as_unknown_as_a_missing_one(
    viewer: Viewer, stranger: Viewer, make_device: MakeDevice
) -> None:
    device = make_device(stranger, name="Not yours")
    foreign = page(viewer, f"/dashboard/devices/{device.uid}", status=404)
    missing = page(viewer, "/dashboard/devices/nothing-here", status=404)
    assert "There is nothing here" in foreign
    without_id = [re.sub(r"<code>.*?</code>", "", body) for body in (foreign, missing)]
    assert without_id[0] == without_id[1]
    assert "Not yours" not in page(viewer, "/dashboard/devices")


def test_search_and_filters_narrow_the_list(viewer: Viewer, make_device: MakeDevice) -> None:
    make_device(viewer, name="Oven", online=True)
    make_device(viewer, name="Cellar", device_class="sensor_hub")
    assert _names(page(viewer, "/dashboard/devices")) == ["Cellar", "Oven"]
    assert _names(page(viewer, "/dashboard/devices?q=ove")) == ["Oven"]
    assert _names(page(viewer, "/dashboard/devices?connectivity=online")) == ["Oven"]
    assert _names(page(viewer, "/dashboard/devices?connectivity=never_connected")) == ["Cellar"]
    assert _names(page(viewer, "/dashboard/devices?device_class=sensor_hub")) == ["Cellar"]
    assert _names(page(viewer, "/dashboard/devices?connectivity=nonsense")) == ["Cellar", "Oven"]
    assert "No device matches" in page(viewer, "/dashboard/devices?q=attic")


def test_long_lists_continue_on_the_next_page(
    viewer: Viewer, make_device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.device_list.PAGE_SIZE", 2)
    for name in ("A", "B", "B", "C", "D"):
        make_device(viewer, name=name)
    seen: list[str] = []
    path: str | None = "/dashboard/devices"
    while path:
        body = page(viewer, path)
        seen += _names(body)
        following = re.search(r'href="(\?[^"]*)" rel="next"', body)
        path = f"/dashboard/devices{following[1]}" if following else None
    assert seen == ["A", "B", "B", "C", "D"]


def test_the_list_costs_the_same_number_of_queries_for_any_number_of_devices(
    viewer: Viewer, make_device: MakeDevice, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for _ in range(8):
        make_device(viewer, online=True, relay_count=2)
    with django_assert_max_num_queries(13):  # type: ignore[attr-defined]
        page(viewer, "/dashboard/devices")


def test_a_relay_nobody_knows_of_is_shown_as_unknown_not_as_off(
    viewer: Viewer, make_device: MakeDevice
) -> None:
    device = make_device(viewer, online=True, relay_count=1)
    body = page(viewer, f"/dashboard/devices/{device.uid}")
    assert 'data-is-on="null"' in body
    assert "Unknown" in body
    assert "Not reported yet" in body


def test_a_pending_switch_keeps_the_confirmed_position(
    viewer: Viewer, make_device: MakeDevice
) -> None:
    device = make_device(viewer, online=True, relay_count=1)
    reporting.apply_state_report(
        device_id=device.pk,
        epoch=1,
        report=StateReport(relays=(RelayReading(relay_index=0, is_on=False),)),
        now=timezone.now(),
    )
    switching.switch_relay(
        device_uid=device.uid,
        relay_index=0,
        is_on=True,
        toggle=False,
        actor=viewer.actor,
        now=timezone.now(),
    )
    body = page(viewer, f"/dashboard/devices/{device.uid}")
    assert 'data-is-on="false"' in body
    assert 'data-phase="pending"' in body
    assert 'aria-busy="true"' in body
    assert "Turn Relay 1 on" in body
    assert viewer.actor.label in body


def test_the_device_page_tells_its_life_and_its_changes(
    viewer: Viewer, make_device: MakeDevice
) -> None:
    device = make_device(viewer, name="Oven")
    body = page(viewer, f"/dashboard/devices/{device.uid}")
    assert "Paired · life 1" in body
    assert "Never connected" in body
    assert "Device claimed" in body


def test_claiming_works_without_a_script(viewer: Viewer, claim_code: Provision) -> None:
    uid, code = claim_code()
    answer = viewer.client.post("/dashboard/claim", {"claim_code": code, "name": "Found"})
    assert answer.status_code == 302
    assert answer["Location"] == f"/dashboard/devices/{uid}"
    assert devices.device_by_uid(actor=viewer.actor, uid=uid).name == "Found"


def test_a_wrong_claim_code_is_refused_beside_the_form(viewer: Viewer) -> None:
    answer = viewer.client.post("/dashboard/claim", {"claim_code": "WRONG123"})
    assert answer.status_code == 404
    assert "This claim code cannot be used" in answer.content.decode()


def test_the_claim_form_needs_its_csrf_token(viewer: Viewer) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = viewer.client.cookies
    assert strict.post("/dashboard/claim", {"claim_code": "WRONG123"}).status_code == 403


def test_the_page_says_how_far_its_live_streams_had_got(
    viewer: Viewer, make_device: MakeDevice
) -> None:
    make_device(viewer, online=True)
    assert re.search(
        r'data-streams="\{&quot;[^&]+&quot;: \d+\}"', page(viewer, "/dashboard/devices")
    )


def test_only_platform_administrators_are_offered_the_administration(viewer: Viewer) -> None:
    assert 'href="/admin/"' not in page(viewer, "/dashboard/devices")


def _names(body: str) -> list[str]:
    return re.findall(r'class="device-row__name"[^>]*>([^<]*)<', body)
