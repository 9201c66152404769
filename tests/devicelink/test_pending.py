"""Commands over HTTP: fetched with the device's key, waited for without a thread, answered."""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from commands.models import Command
from devicelink.http.pending_door import PATH
from devices.models import DevicePresence, DeviceSession
from devices.services import sessions, unpairing
from kernel import realtime
from relays import selectors as relay_selectors
from tests.devicelink.household import (
    Board,
    Resident,
    ask,
    configure,
    desire,
    install,
    move_in,
    state_of,
    switch,
)
from tests.devicelink.readings_over_http import Answer, ProductServer, call_django, keys_of
from tests.devicelink.serving import LOOPBACK, eventually

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = Command.objects.unscoped("test")


@pytest.fixture
def product(transactional_db: None) -> Iterator[ProductServer]:
    """The whole application, served."""
    with ProductServer() as server:
        yield server


class Caller:
    """A board that fetches and answers, by either way to the routes."""

    def __init__(self, product: ProductServer | None, board: Board) -> None:
        self._call = call_django if product is None else product.call
        self._keys = keys_of(board)

    def fetch(self, query: str = "") -> Answer:
        address = f"{PATH}?{query}" if query else PATH
        return self._call(b"", method="GET", path=address, **self._keys)

    def fetched(self, query: str = "") -> list[str]:
        """The ids of the commands that this fetch brings."""
        answer = self.fetch(query)
        assert answer.status == 200, answer
        return [command["command_id"] for command in answer.body["commands"]]

    def answer(self, command_id: str, **said: Any) -> Answer:
        return self._call(said, path=f"/api/v1/devices/commands/{command_id}/result", **self._keys)

    def fetch_later(self, query: str) -> Later:
        """A fetch that waits, on a thread of its own."""
        return Later(lambda: self.fetch(query))


class Later:
    """An answer that is waited for on a thread of its own."""

    def __init__(self, call: Any) -> None:
        self.answer: Answer | None = None
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call: Any) -> None:
        self.answer = call()

    def result(self) -> Answer:
        self._thread.join(30)
        assert self.answer is not None
        return self.answer


@pytest.fixture(params=["door", "django"])
def caller(request: pytest.FixtureRequest, board: Board) -> Caller:
    """The resident's board, by either way."""
    served = request.param == "door"
    return Caller(request.getfixturevalue("product") if served else None, board)


@pytest.fixture
def served(product: ProductServer, board: Board) -> Caller:
    """The resident's board at the product's own door."""
    return Caller(product, board)


@pytest.mark.core
def test_a_command_is_fetched_once_and_answered(
    caller: Caller, resident: Resident, board: Board
) -> None:
    command = ask(resident, board)
    answer = caller.fetch()
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    (given,) = answer.body["commands"]
    assert (given["type"], given["kind"]) == ("command", "run_diagnostics")
    assert given["command_id"] == command.id
    assert answer.body["config"] is answer.body["twin_desired"] is None
    assert answer.body["next_poll_s"] == 10
    assert caller.fetched() == []
    row = ROWS.get(uid=command.id)
    assert (row.state, row.wire, row.session_epoch) == ("sent", "http", None)
    begun = caller.answer(command.id, status="running", progress=40)
    assert (begun.status, begun.body["state"]) == (200, "acked")
    for _ in range(2):
        done = caller.answer(command.id, status="SUCCESS", result={"disk": "fine"})
        assert (done.status, done.body["state"]) == (200, "succeeded"), done
    row.refresh_from_db()
    assert (row.result, row.progress) == ({"disk": "fine"}, {"percent": 40})
    assert DevicePresence.objects.get(pk=board.device_id).is_online


@pytest.mark.core
def test_a_wait_ends_as_soon_as_there_is_something(
    served: Caller, resident: Resident, board: Board
) -> None:
    assert served.fetch().status == 200
    waiting = served.fetch_later("wait=20")
    eventually(lambda: board.session().polled_at is not None)
    time.sleep(0.3)
    began = time.monotonic()
    command = switch(resident, board, 1, True)
    (given,) = waiting.result().body["commands"]
    assert time.monotonic() - began < 15
    assert (given["type"], given["relay_index"], given["is_on"]) == ("set_relay", 1, True)
    relays = [{"relay_index": 1, "is_on": True}]
    assert served.answer(command.id, status="completed", relays=relays).status == 200
    assert state_of(command) == "succeeded"
    assert relay_selectors.known_position(device_id=board.device_id, relay_index=1) is True


@pytest.mark.usefixtures("no_hints")
def test_a_lost_hint_delays_a_wait_by_seconds_only(
    served: Caller, resident: Resident, board: Board
) -> None:
    waiting = served.fetch_later("wait=20")
    eventually(lambda: board.session().polled_at is not None)
    command = ask(resident, board)
    assert [given["command_id"] for given in waiting.result().body["commands"]] == [command.id]


def test_a_newer_fetch_ends_the_one_before_and_gets_the_command(
    served: Caller, resident: Resident, board: Board
) -> None:
    first = served.fetch_later("wait=20")
    eventually(lambda: board.session().polled_at is not None)
    time.sleep(0.2)
    second = served.fetch_later("wait=20")
    assert first.result().body["commands"] == []
    command = ask(resident, board)
    assert [given["command_id"] for given in second.result().body["commands"]] == [command.id]


def test_nothing_is_handed_to_who_has_hung_up(
    product: ProductServer, served: Caller, resident: Resident, board: Board
) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, product.port, timeout=30)
    headers = {name.replace("_", "-"): value for name, value in keys_of(board).items()}
    connection.request("GET", f"{PATH}?wait=20", headers=headers)
    eventually(lambda: board.session().polled_at is not None)
    connection.close()
    time.sleep(0.3)
    command = ask(resident, board)
    time.sleep(0.3)
    assert state_of(command) == "queued"
    assert served.fetched() == [command.id]


def test_documents_are_told_until_they_are_taken_over_but_do_not_end_every_wait(
    served: Caller, resident: Resident, board: Board
) -> None:
    config = configure(resident, board, volume=3)
    desired = desire(resident, board, colour="red")
    answer = served.fetch("wait=20").body
    assert (answer["config"]["version"], answer["config"]["config"]["config"]) == (
        config,
        {"volume": 3},
    )
    assert answer["twin_desired"] == {
        "type": "twin_desired",
        "version": desired,
        "desired": {"colour": "red"},
    }
    began = time.monotonic()
    again = served.fetch("wait=1").body
    assert time.monotonic() - began >= 0.9
    assert again["config"]["version"] == config
    waiting = served.fetch_later("wait=20")
    time.sleep(0.3)
    assert desire(resident, board, colour="blue") == desired + 1
    assert waiting.result().body["twin_desired"]["desired"] == {"colour": "blue"}


def test_a_lost_answer_is_given_again_under_the_same_id(
    caller: Caller, resident: Resident, board: Board
) -> None:
    command = ask(resident, board)
    assert caller.fetched() == [command.id]
    past = timezone.now() - timedelta(seconds=1)
    ROWS.filter(uid=command.id).update(state="timed_out", timeout_at=past)
    assert caller.fetched() == [command.id]
    assert caller.answer(command.id, status="failed", error="no disk").body["state"] == "failed"
    assert caller.fetched() == []


def test_no_more_than_the_limit_is_handed_out_and_the_rest_follows(
    caller: Caller, resident: Resident, board: Board
) -> None:
    assert caller.fetched() == []
    ids = [ask(resident, board).id, *(switch(resident, board, n, True).id for n in range(3))]
    first = caller.fetch("limit=2").body
    assert (len(first["commands"]), first["next_poll_s"]) == (2, 0)
    assert [one["command_id"] for one in first["commands"]] + caller.fetched() == ids


@pytest.mark.core
@pytest.mark.parametrize(
    ("query", "member"), [("wait=26", "wait"), ("wait=x", "wait"), ("limit=0", "limit")]
)
def test_a_wrong_query_is_refused(caller: Caller, query: str, member: str) -> None:
    answer = caller.fetch(query)
    assert (answer.status, list(answer.body["details"])) == (400, [member])


@pytest.mark.core
def test_a_command_of_another_device_is_not_there(
    caller: Caller, resident: Resident, board: Board
) -> None:
    neighbours = [install(resident), install(move_in("stranger"))]
    foreign = ask(resident, neighbours[0])
    for unknown in (foreign.id, str(uuid.uuid4()), "nothing"):
        assert caller.answer(unknown, status="succeeded").status == 404
    assert state_of(foreign) == "queued"
    wrong = caller.answer(ask(resident, board).id, status="brilliant")
    assert (wrong.status, list(wrong.body["details"])) == (400, ["/status"])


def test_who_is_unpaired_is_told_so_and_strangers_are_not_let_in(
    product: ProductServer, served: Caller, resident: Resident, board: Board
) -> None:
    assert product.call(b"", method="GET", path=PATH).status == 401
    waiting = served.fetch_later("wait=20")
    eventually(lambda: board.session().polled_at is not None)
    unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    refused = waiting.result()
    assert (refused.status, refused.body["code"]) == (401, "device_unpaired"), refused


def test_a_device_in_a_session_gets_nothing_here_until_it_has_left_it(
    caller: Caller, resident: Resident, board: Board
) -> None:
    """The process that held its socket was killed: the row says live, and nobody will end it."""
    now = timezone.now()
    sessions.open_session(device_id=board.device_id, address=None, now=now)
    command = ask(resident, board)
    assert caller.fetched() == []
    assert state_of(command) == "queued"
    rows = DeviceSession.objects.filter(pk=board.device_id)
    rows.update(polls_since=now - timedelta(seconds=61))
    assert caller.fetched() == [command.id]
    session = board.session()
    assert (session.is_live, session.epoch, session.close_reason) == (False, 2, "superseded")
    presence = DevicePresence.objects.get(pk=board.device_id)
    assert (presence.is_online, presence.wire) == (True, "http")


def test_stopping_the_server_ends_the_waits(product: ProductServer, served: Caller) -> None:
    waiting = served.fetch_later("wait=25")
    eventually(lambda: realtime.hub()._subscribers)
    began = time.monotonic()
    product.stop()
    assert waiting.result().status == 200
    assert time.monotonic() - began < 10
