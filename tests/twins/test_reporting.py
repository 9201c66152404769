"""What devices report: order, fences, what they have taken over, and drift."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from devices.errors import DeviceUnpaired, SessionFenced
from devices.services import claiming, unpairing
from edge.protocol.messages import TwinAck, TwinDesired, TwinReported
from kernel.actors import Actor
from kernel.errors import NotFound, ValidationFailed
from tests.factories.devices import Board, connected_device, provision, reconnected
from tests.twins.test_desiring import desire, put, revisions
from twins import selectors
from twins.errors import RevisionGone
from twins.models import Twin, TwinRevision
from twins.services import keeping, reporting, retention

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"


def report(
    board: Board, patch: Any = None, *, now: datetime | None = None, **more: Any
) -> TwinAck | None:
    epoch = more.pop("epoch", board.epoch)
    message = TwinReported(patch=patch, **more)
    return reporting.record_report(
        device_id=board.device_id, epoch=epoch, report=message, now=now or timezone.now()
    )


def twin(board: Board) -> Twin:
    found: Twin = Twin.objects.unscoped(WHY).get(device_id=board.device_id)
    return found


def test_a_report_is_kept_and_acknowledged_if_it_asks(board: Board) -> None:
    assert report(board, {"a": 1}) is None
    ack = report(board, document={"a": 1, "b": None}, report_id="r1")
    assert ack == TwinAck(report_id="r1", reported_version=2)
    assert twin(board).reported == {"a": 1, "b": None}
    report(board, {"a": 1.0})
    assert twin(board).reported_version == 2
    assert [row.section for row in revisions(board)] == ["reported", "reported"]


def test_reports_are_believed_in_the_order_of_their_numbers(board: Board) -> None:
    report(board, {"a": 1}, seq=5)
    ack = report(board, {"a": 0}, seq=5, report_id="again")
    report(board, {"a": 0}, seq=4)
    report(board, document={"a": 0}, seq=3)
    assert ack == TwinAck(report_id="again", reported_version=1)
    assert twin(board).reported == {"a": 1}
    report(board, {"b": 1}, seq=6)
    assert twin(board).reported == {"a": 1, "b": 1}
    # It has lost its count: a new session begins it anew with everything.
    later = reconnected(board)
    report(later, {"a": 7}, seq=1)
    assert twin(board).reported == {"a": 1, "b": 1}
    report(later, document={"c": 1}, seq=1)
    report(later, {"d": 1}, seq=2)
    assert twin(board).reported == {"c": 1, "d": 1}


def test_a_session_that_was_replaced_and_a_life_that_ended_report_nothing(
    owner: Actor, board: Board
) -> None:
    later = reconnected(board)
    with pytest.raises(SessionFenced):
        report(board, {"a": 1})
    report(later, {"a": 1}, epoch=None)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    for epoch in (later.epoch, None):
        with pytest.raises(DeviceUnpaired):
            report(later, {"a": 2}, epoch=epoch)
    assert twin(board).reported == {"a": 1}


def test_what_would_be_no_document_is_refused(board: Board) -> None:
    report(board, {"a": "x" * 60_000})
    with pytest.raises(ValidationFailed):
        report(board, {"b": "x" * 10_000})
    assert twin(board).reported_version == 1


def test_what_the_device_has_taken_over_is_not_told_again(board: Board) -> None:
    desire(board, {"a": 1})
    desire(board, {"a": 2})
    ids = [board.device_id]
    report(board, {"a": 1}, desired_version=1)
    assert selectors.desired_versions(ids) == {board.device_id: (2, 1)}
    assert selectors.unapplied_desired(ids)[board.device_id].version == 2
    report(board, {"a": 2}, desired_version=2)
    assert selectors.unapplied_desired(ids) == {}
    # A device that was reset is told once more.
    report(board, {}, desired_version=0)
    assert selectors.unapplied_desired(ids)[board.device_id].version == 2


def test_a_version_that_we_do_not_know_is_outbid(owner: Actor, board: Board) -> None:
    """Of before a restored backup, or of a former owner of the hardware."""
    for number in (1, 2, 3):
        desire(board, {"a": number})
    report(board, document={"a": 9}, desired_version=3)
    for strange in (7, 63, 63, 70):
        report(board, {}, desired_version=strange)
    wanted = selectors.unapplied_desired([board.device_id])[board.device_id]
    assert (wanted.version, wanted.desired) == (71, {"a": 3})
    assert selectors.desired_versions([board.device_id]) == {board.device_id: (71, 0)}
    report(board, {"a": 3}, desired_version=71)
    assert selectors.unapplied_desired([board.device_id]) == {}
    assert not twin(board).is_drifting
    # One line however often it was said, and every version is still what it was.
    desire(board, {"a": 72})
    made = [row for row in revisions(board) if row.section == "desired"]
    assert [row.version for row in made] == [1, 2, 3, 71, 72]
    assert (made[3].origin, made[3].restored, made[3].by) == ("restore", 3, board.uid)
    for version, document in ((0, {}), (1, {"a": 1}), (3, {"a": 3}), (71, {"a": 3})):
        view = selectors.twin_at(actor=owner, device_uid=board.uid, at=version)
        assert (view.desired_version, view.desired) == (version, document)
    with pytest.raises(RevisionGone):
        selectors.twin_at(actor=owner, device_uid=board.uid, at=40)


@pytest.mark.parametrize("version", [2**53, 2**63 - 1])
def test_no_device_drives_the_count_to_its_end(board: Board, version: int) -> None:
    desire(board, {"a": 1})
    report(board, {}, desired_version=version)
    assert selectors.desired_versions([board.device_id]) == {board.device_id: (1, 0)}


def test_what_a_former_owner_wished_for_is_taken_back(board: Board) -> None:
    report(board, document={"a": 1}, desired_version=4)
    assert selectors.unapplied_desired([board.device_id])[board.device_id] == TwinDesired(5, {})


def test_drift_has_a_beginning_and_an_end(owner: Actor, board: Board) -> None:
    start = timezone.now()
    report(board, {"own": 1}, now=start)
    assert selectors.drift_of([board.device_id])[board.device_id] == (False, None)
    desire(board, {"a": 1}, now=start + timedelta(seconds=10))
    desire(board, {"a": 2}, now=start + timedelta(seconds=20))
    since = start + timedelta(seconds=10)
    assert selectors.drift_of([board.device_id])[board.device_id] == (True, since)
    report(board, {"a": 1}, now=start + timedelta(seconds=30))
    assert twin(board).drift_since == since
    report(board, {"a": 2}, now=start + timedelta(seconds=40))
    view = selectors.twin_of(actor=owner, device_uid=board.uid)
    assert (view.sync, view.in_sync, view.drift_since) == ("in_sync", True, None)
    # It changes again by itself.
    report(board, {"a": 3}, now=start + timedelta(seconds=50))
    assert twin(board).drift_since == start + timedelta(seconds=50)


def test_the_delta_tells_values_times_and_ages(owner: Actor, board: Board) -> None:
    start = timezone.now()
    at = [start + timedelta(seconds=10 * step) for step in range(10)]
    put(board, {"gone": 1, "same": 1, "other": 1, "new": {"x": [1]}}, now=at[0])
    report(board, {"gone": 1, "same": 1.0, "other": 2, "own": 9}, desired_version=1, now=at[1])
    desire(board, {"gone": None}, now=at[2])
    desire(board, {"same": 1}, now=at[3])
    found = selectors.delta_of(actor=owner, device_uid=board.uid, now=at[5])
    told = {
        entry.path: (entry.verdict.value, entry.desired_at, entry.reported_at, entry.age_s)
        for entry in found.entries
    }
    assert told == {
        "/new/x": ("added", at[0], None, 50.0),
        "/gone": ("removed", at[2], at[1], 30.0),
        "/other": ("changed", at[0], at[1], 40.0),
        "/same": ("unchanged", at[0], at[1], 40.0),
    }
    assert (found.desired_version, found.reported_version, found.sync) == (2, 1, "drift")
    # The device gives it up, and knows why: if it has it again, that is its own matter.
    report(board, {"gone": None, "other": 1, "new": {"x": [1]}}, desired_version=2, now=at[6])
    assert twin(board).tombstones == {}
    report(board, {"gone": 1}, now=at[7])
    assert not twin(board).is_drifting


def test_only_the_device_itself_reports_over_http(owner: Actor, board: Board) -> None:
    now = timezone.now()
    desire(board, {"a": 1})
    actor = Actor.device(device_id=board.device_id, uid=board.uid, tenant_id=None)
    other = connected_device(owner)
    for uid, caller in ((other.uid, actor), (board.uid, owner)):
        with pytest.raises(NotFound):
            reporting.patch_reported(device_uid=uid, patch={"a": 1}, actor=caller, now=now)
    received = reporting.patch_reported(
        device_uid=board.uid, patch={"a": 1}, desired_version=1, actor=actor, now=now
    )
    assert (received.is_changed, received.applied_version) == (True, 1)


def test_what_was_reported_before_the_claim_becomes_the_owners(owner: Actor) -> None:
    made = provision()
    unclaimed = Board(made.device_id, made.device_uid, made.device_token, made.claim_code)
    report(unclaimed, {"a": 1}, epoch=None)
    assert twin(unclaimed).tenant_id is None
    claiming.claim_device(code=made.claim_code, actor=owner, now=timezone.now())
    assert twin(unclaimed).tenant_id in owner.tenant_ids
    assert {row.tenant_id for row in revisions(unclaimed)} == {twin(unclaimed).tenant_id}


def test_a_device_that_reports_all_the_time_does_not_fill_the_table(
    owner: Actor, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_REPORTED", 3)
    monkeypatch.setattr(keeping, "_LOOKED_AT_EVERY", 2)
    for number in range(6):
        report(board, {"a": number})
        desire(board, {"a": number})
    kept = [row.version for row in revisions(board) if row.section == "reported"]
    assert kept == [4, 5, 6]
    _, document = selectors.revision_of(
        actor=owner, device_uid=board.uid, section="reported", version=4
    )
    assert document == {"a": 3}
    assert len(revisions(board)) == 3 + 6


def test_old_reports_are_forgotten_but_not_how_the_device_was_then(
    owner: Actor, board: Board
) -> None:
    start = timezone.now() - timedelta(days=100)
    for day in (0, 10, 65, 69, 95):
        report(board, {"day": day}, now=start + timedelta(days=day))
    desire(board, {"a": 1}, now=start)
    # Three of the five were replaced more than 30 days ago.
    assert retention.forget_old_reports(timezone.now(), chunk=1) == 3
    rows = TwinRevision.objects.unscoped(WHY).filter(section="reported").order_by("version")
    assert [row.version for row in rows] == [4, 5]
    for days, version in ((75, 4), (96, 5)):
        view = selectors.twin_at(actor=owner, device_uid=board.uid, at=start + timedelta(days=days))
        assert view.reported_version == version
    view = selectors.twin_at(actor=owner, device_uid=board.uid, at=start + timedelta(days=20))
    assert (view.reported, view.reported_version) == (None, None)
    assert view.desired == {"a": 1}
