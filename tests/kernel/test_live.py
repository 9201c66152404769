"""The live stream: numbers follow commits, and readers resume or are told to fetch afresh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.services import recording
from kernel import live, realtime
from kernel.actors import Actor
from kernel.models import LiveEvent
from kernel.unit_of_work import unit_of_work
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
WRITERS = 20


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was published to the bus."""
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(realtime, "publish", lambda topic, message: sent.append((topic, message)))
    return sent


def append(number: int, *, tenant_id: int | None = 1) -> None:
    with unit_of_work():
        live.append(tenant_id=tenant_id, kind="test", payload={"number": number}, now=NOW)


def read(seq: int, **more: int) -> list[int] | None:
    found = live.read_since(tenant_id=1, seq=seq, **more)
    return None if found is None else [item.payload["number"] for item in found]


def test_events_are_numbered_from_one_per_tenant(hints: list[Any]) -> None:
    append(1)
    append(2)
    append(3, tenant_id=2)
    assert live.last_seqs([1, 2, 3]) == {1: 2, 2: 1, 3: 0}
    assert hints == [
        ("tenant.1", {"seq": 1, "kind": "test", "payload": {"number": 1}}),
        ("tenant.1", {"seq": 2, "kind": "test", "payload": {"number": 2}}),
        ("tenant.2", {"seq": 1, "kind": "test", "payload": {"number": 3}}),
    ]


def test_one_unit_of_work_keeps_the_order_of_its_events() -> None:
    with unit_of_work():
        for number in range(5):
            live.append(tenant_id=1, kind="test", payload={"number": number}, now=NOW)
    assert read(0) == [0, 1, 2, 3, 4]


def test_an_event_without_a_tenant_goes_nowhere(hints: list[Any]) -> None:
    append(1, tenant_id=None)
    assert hints == []
    assert not LiveEvent.objects.exists()


def test_a_rollback_takes_no_number_and_gives_no_hint(hints: list[Any]) -> None:
    with pytest.raises(LookupError), unit_of_work():
        live.append(tenant_id=1, kind="test", payload={}, now=NOW)
        raise LookupError
    append(7)
    assert [message["seq"] for _, message in hints] == [1]


def test_numbers_follow_commits_under_parallel_writers() -> None:
    """Whoever reads up to the last number never misses one that commits later."""
    seen: list[int] = []

    def work(number: int) -> None:
        append(number)
        items = live.read_since(tenant_id=1, seq=0)
        assert items is not None, "a number was visible before a lower one"
        seen.append(len(items))

    outcomes = run_at_once(WRITERS, work)
    assert outcomes == [None] * WRITERS
    assert live.last_seqs([1]) == {1: WRITERS}
    assert sorted(read(0) or []) == list(range(WRITERS))


def test_audit_and_live_in_either_order_never_wait_for_each_other() -> None:
    actor = Actor.system("test")

    def note(number: int) -> None:
        recording.record(
            tenant_id=1,
            action="test.done",
            actor=actor,
            target_type="test",
            target_id=str(number),
            before=None,
            after=None,
            now=NOW,
        )

    def work(number: int) -> None:
        with unit_of_work():
            if number % 2:
                note(number)
            live.append(tenant_id=1, kind="test", payload={"number": number}, now=NOW)
            if not number % 2:
                note(number)

    assert run_at_once(WRITERS, work) == [None] * WRITERS


def test_a_reader_resumes_after_what_it_has() -> None:
    for number in range(1, 6):
        append(number)
    assert read(3) == [4, 5]
    assert read(5) == []


def test_a_reader_that_is_too_far_behind_fetches_afresh() -> None:
    for number in range(1, 6):
        append(number)
    assert read(0, limit=4) is None


def test_a_reader_from_another_life_of_the_database_fetches_afresh() -> None:
    append(1)
    assert read(9) is None


def test_a_reader_that_comes_back_too_late_fetches_afresh() -> None:
    append(1)
    assert live.forget_old(NOW + live.KEPT_FOR + timedelta(seconds=1)) == 1
    append(2)
    assert read(0) is None
    assert read(1) == [2]
