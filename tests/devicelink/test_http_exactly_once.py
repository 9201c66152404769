"""Readings over HTTP: what is answered 202 is stored once, what is not comes again, none is lost."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devicelink.http import intake
from devicelink.ingest import flushing, group_commit
from devicelink.ingest.arrivals import Arrival
from devices.services import contacts, credentials, unpairing
from kernel import errors
from kernel.metrics import INGEST_QUEUED
from telemetry.services import ingestion
from telemetry.types import Acknowledgement
from tests.devicelink.household import Board, Resident, install
from tests.devicelink.readings_over_http import (
    Agent,
    Answer,
    ProductServer,
    batch,
    in_bytes,
    keys_of,
    reading,
    stored,
)
from tests.devicelink.serving import eventually
from tests.faults.garbage import spoiled

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def product(transactional_db: None) -> Iterator[ProductServer]:
    """The whole application, served."""
    with ProductServer() as server:
        yield server


@pytest.fixture
def callers(product: ProductServer) -> Iterator[ThreadPoolExecutor]:
    """Threads that call at once; all have been answered when the server ends."""
    with ThreadPoolExecutor(20) as pool:
        yield pool


class Gate:
    """Holds every flush until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = threading.Event()
        self.reached = threading.Event()
        self.sizes: list[int] = []
        real = flushing.store

        def store(arrivals: Any) -> Any:
            self.sizes.append(len(arrivals))
            self.reached.set()
            assert self.opened.wait(15)
            return real(arrivals)

        monkeypatch.setattr(flushing, "store", store)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Flushes wait for the test."""
    made = Gate(monkeypatch)
    yield made
    made.opened.set()


def queued() -> int:
    return int(INGEST_QUEUED._value.get())


def known(product: ProductServer, *boards: Board) -> None:
    """Have the process remember the boards' keys."""
    for board in boards:
        assert product.call(batch(0, boot_id="first"), **keys_of(board)).status == 202


def arrival(board: Board, *seqs: int) -> Arrival:
    device = contacts.admit_device(
        device_uid=board.uid, key=board.token, address="127.0.0.1", now=timezone.now()
    )
    telemetry = intake.read(in_bytes(batch(*seqs)))
    caller = contacts.caller_of(device, name=board.uid)
    return Arrival(sender=caller, telemetry=telemetry, size=1)


# Repeats


def test_twenty_copies_at_once_are_stored_once(
    product: ProductServer, callers: ThreadPoolExecutor, board: Board
) -> None:
    body = batch(*range(50))
    answers = list(callers.map(lambda _: product.call(body, **keys_of(board)), range(20)))
    assert {answer.status for answer in answers} == {202}
    assert sum(answer.body["stored"] for answer in answers) == 50
    assert sum(answer.body["duplicates"] for answer in answers) == 950
    assert {answer.body["acked_seq"] for answer in answers} == {49}
    assert len(stored()) == 50


def test_calls_that_overlap_are_one_commit(
    product: ProductServer, callers: ThreadPoolExecutor, board: Board, gate: Gate
) -> None:
    gate.opened.set()
    known(product, board)
    gate.opened.clear()
    gate.reached.clear()
    first = callers.submit(product.call, batch(1), **keys_of(board))
    assert gate.reached.wait(10)
    others = [callers.submit(product.call, batch(seq), **keys_of(board)) for seq in range(2, 12)]
    eventually(lambda: queued() == 11)
    gate.opened.set()
    assert {call.result(10).body["stored"] for call in [first, *others]} == {1}
    assert gate.sizes[-2:] == [1, 10]
    assert queued() == 0


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_flusher_that_dies_around_commit_doubles_and_loses_nothing(
    product: ProductServer, board: Board, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    real = flushing.store

    def die(arrivals: Any) -> Any:
        monkeypatch.setattr(flushing, "store", real)
        if place == "after":
            real(arrivals)
        raise RuntimeError("killed")

    known(product, board)
    monkeypatch.setattr(flushing, "store", die)
    answer = product.call(batch(1, 2), **keys_of(board))
    assert (answer.status, answer.body["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    again = product.call(batch(1, 2), **keys_of(board))
    expected = (0, 2) if place == "after" else (2, 0)
    assert (again.body["stored"], again.body["duplicates"]) == expected
    assert stored()[1:] == [("b1", 1), ("b1", 2)]
    assert queued() == 0


def test_an_agent_delivers_everything_once_through_whatever_fails(
    product: ProductServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(4)
    real = flushing.store
    failures = []

    def sometimes(arrivals: Any) -> Any:
        fate = dice.random()
        if fate < 0.25:
            failures.append("before")
            raise OperationalError("away")
        verdicts = real(arrivals)
        if fate < 0.5:
            failures.append("after")
            raise RuntimeError("killed after COMMIT")
        return verdicts

    monkeypatch.setattr(flushing, "store", sometimes)
    agent = Agent(product.call, board)
    for turn in range(60):
        if turn < 20:
            agent.measure(37)
        if agent.waiting:
            agent.send(dice.randint(1, 90), is_compressed=dice.random() < 0.5)
    while agent.waiting:
        agent.send()
    assert {"before", "after"} <= set(failures)
    assert stored() == [("agent-boot", seq) for seq in range(1, 20 * 37 + 1)]


# Refusals of the queue


def test_a_full_queue_refuses_and_keeps_what_it_took(
    product: ProductServer,
    callers: ThreadPoolExecutor,
    resident: Resident,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "MAX_READINGS", 25)
    boards = [install(resident) for _ in range(6)]
    gate.opened.set()
    known(product, *boards)
    gate.opened.clear()
    calls = [callers.submit(product.call, batch(*range(10)), **keys_of(board)) for board in boards]
    eventually(lambda: sum(call.done() for call in calls) == 4)
    refused = [call.result() for call in calls if call.done()]
    assert {(answer.status, answer.body["code"]) for answer in refused} == {(503, "unavailable")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert queued() == 20
    gate.opened.set()
    taken = [call.result(10) for call in calls]
    assert sorted(answer.status for answer in taken) == [202, 202, 503, 503, 503, 503]
    # Nothing accepted was dropped, nothing that was dropped was accepted.
    assert len([boot for boot, _ in stored() if boot == "b1"]) == 20
    assert queued() == 0


def test_one_device_cannot_fill_the_queue_for_all(
    product: ProductServer,
    callers: ThreadPoolExecutor,
    resident: Resident,
    board: Board,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "MAX_READINGS_OF_ONE", 15)
    other = install(resident)
    gate.opened.set()
    known(product, board, other)
    gate.opened.clear()
    first = callers.submit(product.call, batch(*range(10)), **keys_of(board))
    eventually(lambda: queued() == 10)
    answer = product.call(batch(*range(10, 20)), **keys_of(board))
    assert (answer.status, answer.body["code"]) == (429, "rate_limited")
    assert answer.headers["retry-after"] == "1"
    neighbour = callers.submit(product.call, batch(*range(10)), **keys_of(other))
    eventually(lambda: queued() == 20)
    gate.opened.set()
    assert (first.result(10).status, neighbour.result(10).status) == (202, 202)


@pytest.mark.parametrize("failing", ["ingest_batches", "confirm_callers"])
def test_a_database_that_is_away_is_503_and_comes_back(
    product: ProductServer, board: Board, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    known(product, board)
    module = ingestion if failing == "ingest_batches" else contacts

    def fail(**_: object) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as away:
        away.setattr(module, failing, fail)
        answer = product.call(batch(1), **keys_of(board))
    assert (answer.status, answer.body["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"
    assert queued() == 0
    assert product.call(batch(1), **keys_of(board)).body["stored"] == 1


def test_shutting_down_commits_what_was_taken_in(
    product: ProductServer, callers: ThreadPoolExecutor, board: Board, gate: Gate
) -> None:
    gate.opened.set()
    known(product, board)
    gate.opened.clear()
    gate.reached.clear()
    calls: list[Future[Answer]] = []
    for seq in range(3):
        calls.append(callers.submit(product.call, batch(seq), **keys_of(board)))
        eventually(lambda seq=seq: queued() == seq + 1)
    ending = threading.Thread(target=product.stop)
    ending.start()
    gate.opened.set()
    ending.join(20)
    assert [call.result(5).status for call in calls] == [202, 202, 202]
    assert len(stored()) == 4


# Whose readings they are, asked at the moment of the commit


def test_one_question_for_all_devices_of_a_flush(resident: Resident) -> None:
    boards = [install(resident) for _ in range(8)]
    few = [arrival(board, 1) for board in boards[:2]]
    many = [arrival(board, 1) for board in boards[2:]]
    counts = []
    for arrivals in (few, many):
        with CaptureQueriesContext(connection) as asked:
            verdicts = flushing.store(arrivals)
        assert all(isinstance(verdict, Acknowledgement) for verdict in verdicts)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert len(stored()) == 8


def test_voided_and_ended_devices_store_nothing_and_spoil_nothing(resident: Resident) -> None:
    good, voided, ended = (install(resident) for _ in range(3))
    arrivals = [arrival(board, 1) for board in (voided, good, ended)]
    credentials.revoke_credential(device_uid=voided.uid, actor=resident.actor, now=timezone.now())
    unpairing.unpair_device(device_uid=ended.uid, actor=resident.actor, now=timezone.now())
    first, second, third = flushing.store(arrivals)
    assert (first, third) == (None, None)
    assert isinstance(second, Acknowledgement)
    assert second.stored == 1
    assert len(stored()) == 1


def test_a_key_voided_between_admission_and_commit_is_401(
    product: ProductServer, resident: Resident, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(product, board)
    real = flushing.store

    def revoke_first(arrivals: Any) -> Any:
        monkeypatch.setattr(flushing, "store", real)
        credentials.revoke_credential(
            device_uid=board.uid, actor=resident.actor, now=timezone.now()
        )
        return real(arrivals)

    monkeypatch.setattr(flushing, "store", revoke_first)
    answer = product.call(batch(1), **keys_of(board))
    assert (answer.status, answer.body["code"]) == (401, "invalid_credentials")
    assert stored() == [("first", 0)]


def test_a_device_that_cannot_be_stored_does_not_fail_the_others(
    resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards = [install(resident) for _ in range(5)]
    arrivals = [arrival(board, 1, 2) for board in boards]
    real = ingestion.ingest_batches

    def fail_on_one(*, batches: Any, now: Any) -> Any:
        taken = real(batches=batches, now=now)
        if boards[3].device_id in {batch.device_id for batch in batches}:
            raise DataError("a value that the database refuses")
        return taken

    monkeypatch.setattr(ingestion, "ingest_batches", fail_on_one)
    verdicts = flushing.store(arrivals)
    assert isinstance(verdicts.pop(3), errors.InternalError)
    assert [verdict.stored for verdict in verdicts] == [2, 2, 2, 2]  # type: ignore[union-attr]
    assert len(stored()) == 8


# Malformed


def test_no_garbage_fails_the_route_or_its_neighbours(product: ProductServer, board: Board) -> None:
    documents = [batch(1, 2, 3), {"boot_id": "b2", **reading(1)}, {"metrics": {"a": 1.5}}]
    agent = Agent(product.call, board, boot_id=secrets.token_hex(4))
    for number, body in enumerate(spoiled(documents, 300, seed=16)):
        encoding = {"Content_Encoding": "gzip"} if number % 5 == 0 else {}
        answer = product.call(body, **keys_of(board), **encoding)
        assert answer.status in {202, 400}, (body, answer)
        if number % 10 == 0:
            agent.measure(3)
            sent = agent.send()
            assert sent is not None
            assert sent.status == 202
    assert agent.waiting == {}
    own = [seq for boot_id, seq in stored() if boot_id == agent.boot_id]
    assert own == list(range(1, 91))
    assert queued() == 0
