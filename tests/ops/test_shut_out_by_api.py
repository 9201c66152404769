"""An administrator shuts a user out over the API: their socket ends within seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import User
from kernel import realtime
from ops.consumers import runtime
from tests.accounts import people
from tests.devicelink.household import PASSWORD as HOUSEHOLD_PASSWORD
from tests.devicelink.household import Resident, move_in
from tests.devicelink.serving import LiveServer
from tests.ops.watching import watch


@pytest.fixture
def server(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    monkeypatch.setattr(runtime, "LOOK_SECONDS", 0.2)
    with LiveServer() as live_server:
        yield live_server


@pytest.fixture
def resident(transactional_db: None) -> Resident:
    return move_in("resident")


@pytest.fixture(params=["arrive", "are_lost"])
def hints(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "are_lost":
        monkeypatch.setattr(type(realtime.bus()), "publish", lambda *_: None)


@pytest.mark.usefixtures("hints")
def test_a_deactivated_user_watches_no_longer(server: LiveServer, resident: Resident) -> None:
    admin = people.client_of(people.sign_in(people.make_admin()))
    uid = User.objects.get(pk=resident.actor.user_id).uid
    with watch(server, resident) as peer:
        peer.hear("hello")
        answer = admin.patch(f"/api/v1/admin/users/{uid}", {"is_active": False})
        assert answer.json()["is_active"] is False
        assert peer.hear_close(timeout_s=5) == 4401


@pytest.mark.usefixtures("hints")
def test_who_has_their_account_erased_watches_no_longer(
    server: LiveServer, resident: Resident
) -> None:
    user = User.objects.get(pk=resident.actor.user_id)
    api: Any = people.client_of(people.sign_in(user))
    with watch(server, resident) as peer:
        peer.hear("hello")
        answer = api.post("/api/v1/auth/me/erase", {"password": HOUSEHOLD_PASSWORD})
        assert answer.status_code == 202, answer.content
        assert peer.hear_close(timeout_s=5) == 4401
