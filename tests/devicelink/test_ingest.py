"""One flush of readings for all wires: who may still speak is asked of all senders together."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devicelink.ingest import flushing
from devicelink.ingest.arrivals import Arrival, Publisher, Sender, Verdict
from devices.errors import DeviceUnpaired, SessionFenced
from devices.services import claiming, contacts, sessions, unpairing
from edge.protocol.messages import Reading, Telemetry
from telemetry.models import Reading as StoredReading
from telemetry.types import Acknowledgement
from tests.devicelink.household import Board, Resident, install, provision

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


def arrival(sender: Sender, *seqs: int) -> Arrival:
    readings = tuple(Reading(seq, None, {"cpu_percent": 1.0}) for seq in seqs)
    return Arrival(sender=sender, telemetry=Telemetry("b1", readings), size=1)


def caller(board: Board) -> Sender:
    """The board as it calls over HTTP."""
    device = contacts.admit_device(
        device_uid=board.uid, key=board.token, address="127.0.0.1", now=timezone.now()
    )
    return contacts.caller_of(device, name=board.uid)


def held(board: Board, tenant_id: int | None = None) -> Sender:
    """The board in a session."""
    facts = sessions.open_session(device_id=board.device_id, address=None, now=timezone.now())
    return board.held(facts.epoch, tenant_id)


def publisher(board: Board) -> Sender:
    """The board as the broker knows it."""
    return Publisher(board.uid)


def kinds(verdicts: Sequence[Verdict]) -> list[type]:
    return [type(verdict) for verdict in verdicts]


def owners() -> set[int | None]:
    return set(StoredReading.objects.unscoped("test").values_list("tenant_id", flat=True))


def test_senders_of_all_wires_share_a_flush(resident: Resident) -> None:
    boards = [install(resident) for _ in range(6)]
    ways = (caller, held, publisher)
    senders = [ways[number % 3](board) for number, board in enumerate(boards)]
    verdicts = flushing.store([arrival(sender, 1, 2) for sender in senders])
    assert kinds(verdicts) == [Acknowledgement] * 6
    rows = StoredReading.objects.unscoped("test").values_list("device_id", "tenant_id", "seq")
    expected = {(board.device_id, resident.tenant_id, seq) for board in boards for seq in (1, 2)}
    assert set(rows) == expected
    assert len(rows) == 12


def test_one_device_on_all_wires_at_once_is_stored_once(resident: Resident) -> None:
    board = install(resident)
    senders = [caller(board), held(board), publisher(board)]
    verdicts = flushing.store([arrival(sender, 1, 2, 3) for sender in senders])
    taken = [verdict for verdict in verdicts if isinstance(verdict, Acknowledgement)]
    assert sorted((one.stored, one.duplicates) for one in taken) == [(0, 3), (0, 3), (3, 0)]
    assert StoredReading.objects.unscoped("test").count() == 3


def test_those_who_may_not_speak_are_told_why_and_spoil_nothing(resident: Resident) -> None:
    fenced, ended, gone, good = (install(resident) for _ in range(4))
    senders = [held(fenced), held(ended), publisher(gone), publisher(good), Publisher("nobody")]
    held(fenced)
    for board in (ended, gone):
        unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    verdicts = flushing.store([arrival(sender, 1) for sender in senders])
    nothing = type(None)
    assert kinds(verdicts) == [SessionFenced, DeviceUnpaired, nothing, Acknowledgement, nothing]
    assert StoredReading.objects.unscoped("test").count() == 1


def test_readings_are_the_present_owners_whoever_it_was_when_the_session_began(
    resident: Resident,
) -> None:
    board = provision()
    sender = held(board, None)
    assert kinds(flushing.store([arrival(sender, 1)])) == [Acknowledgement]
    assert owners() == {None}
    claiming.claim_device(code=board.claim_code, actor=resident.actor, now=timezone.now())
    assert kinds(flushing.store([arrival(sender, 2)])) == [Acknowledgement]
    assert owners() == {resident.tenant_id}


def test_the_questions_do_not_grow_with_the_sockets(resident: Resident) -> None:
    senders = [held(install(resident)) for _ in range(10)]
    counts = []
    for some in (senders[:2], senders[2:]):
        with CaptureQueriesContext(connection) as asked:
            verdicts = flushing.store([arrival(sender, 1) for sender in some])
        assert kinds(verdicts) == [Acknowledgement] * len(some)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_flushes_of_mixed_senders_never_wait_for_each_other_in_a_circle(
    resident: Resident,
) -> None:
    boards = [install(resident) for _ in range(9)]
    ways = (caller, held, publisher)
    one = [ways[number % 3](board) for number, board in enumerate(boards)]
    # The same devices by other wires, and in the other order; those with sessions keep theirs.
    other = [
        sender if number % 3 == 1 else ways[2 - number % 3](board)
        for number, (board, sender) in enumerate(zip(boards, one, strict=True))
    ][::-1]
    found: list[Verdict] = []

    def flush(senders: list[Sender], first: int) -> None:
        try:
            for turn in range(15):
                found.extend(flushing.store([arrival(s, first + turn) for s in senders]))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=flush, args=(one, 0)),
        threading.Thread(target=flush, args=(other, 100)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2 * 15 * 9
    assert set(kinds(found)) == {Acknowledgement}
    assert StoredReading.objects.unscoped("test").count() == 2 * 15 * 9
