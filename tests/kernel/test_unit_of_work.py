"""One transaction per service call, with the work that must come last in it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from django.db import connection

from kernel import events
from kernel.locking import lock_rows
from kernel.models import Heartbeat
from kernel.unit_of_work import before_commit, require_unit_of_work, unit_of_work

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class LampLit(events.DomainEvent):
    """A lamp of the tests was lit."""

    name: ClassVar[str] = "tests.lamp.lit.v1"
    lamp: int


@pytest.fixture
def lit() -> list[int]:
    """Lamps that a subscriber was told of."""
    told: list[int] = []

    def tell(event: LampLit) -> None:
        told.append(event.lamp)

    events.subscribe(LampLit)(tell)
    return told


def beat(name: str) -> None:
    Heartbeat.objects.create(name=name, beat_at=NOW)


def beats() -> set[str]:
    return set(Heartbeat.objects.values_list("name", flat=True))


def test_everything_in_a_unit_is_committed_together() -> None:
    with unit_of_work():
        beat("one")
        assert connection.in_atomic_block
        beat("two")
    assert beats() == {"one", "two"}


def test_an_inner_unit_joins_the_outer_one() -> None:
    with pytest.raises(LookupError), unit_of_work():
        with unit_of_work():
            beat("inner")
        beat("outer")
        raise LookupError
    assert beats() == set()


def test_it_works_as_a_decorator_called_again_and_again() -> None:
    @unit_of_work()
    def work(name: str) -> str:
        require_unit_of_work()
        beat(name)
        return name

    assert [work("one"), work("two")] == ["one", "two"]
    assert beats() == {"one", "two"}


def test_a_failed_unit_leaves_the_thread_ready_for_the_next() -> None:
    with pytest.raises(LookupError), unit_of_work():
        raise LookupError
    with pytest.raises(RuntimeError):
        require_unit_of_work()
    with unit_of_work():
        beat("after")
    assert beats() == {"after"}


def test_work_before_the_commit_runs_once_with_all_items_at_the_outermost_end() -> None:
    calls: list[list[Any]] = []
    with unit_of_work():
        with unit_of_work():
            before_commit(calls.append, "inner")
        assert calls == []
        before_commit(calls.append, "outer")
    assert calls == [["inner", "outer"]]


def _flush_a(items: list[list[str]]) -> None:
    items[0].append("a")


def _flush_b(items: list[list[str]]) -> None:
    items[0].append("b")


@pytest.mark.parametrize("order", [(_flush_a, _flush_b), (_flush_b, _flush_a)])
def test_flushes_run_in_one_order_whatever_was_asked_for_first(order: tuple[Any, Any]) -> None:
    ran: list[str] = []
    with unit_of_work():
        for flush in order:
            before_commit(flush, ran)
    assert ran == ["a", "b"]


def test_a_flush_may_ask_for_more_work_and_fails_the_whole_unit() -> None:
    def failing(items: list[Any]) -> None:
        raise LookupError

    def first(items: list[Any]) -> None:
        before_commit(failing, "more")

    with pytest.raises(LookupError), unit_of_work():
        beat("lost")
        before_commit(first, "item")
    assert beats() == set()


def test_a_rollback_drops_work_before_the_commit() -> None:
    calls: list[list[Any]] = []
    with pytest.raises(LookupError), unit_of_work():
        before_commit(calls.append, "lost")
        raise LookupError
    with unit_of_work():
        pass
    assert calls == []


def test_work_before_a_commit_needs_a_unit() -> None:
    with pytest.raises(RuntimeError):
        before_commit(print, "item")


def test_an_event_is_delivered_on_commit_and_not_before(lit: list[int]) -> None:
    with unit_of_work():
        events.publish(LampLit(occurred_at=NOW, lamp=1))
        assert lit == []
    assert lit == [1]


def test_an_event_of_a_rolled_back_unit_is_never_delivered(lit: list[int]) -> None:
    with pytest.raises(LookupError), unit_of_work():
        events.publish(LampLit(occurred_at=NOW, lamp=1))
        raise LookupError
    with unit_of_work():
        beat("next")
    assert lit == []


def test_an_event_needs_a_unit_of_work() -> None:
    with pytest.raises(RuntimeError):
        events.publish(LampLit(occurred_at=NOW, lamp=1))


def test_a_failing_subscriber_stops_neither_the_others_nor_the_caller(
    lit: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    @dataclass(frozen=True, kw_only=True)
    class LampBroke(events.DomainEvent):
        name: ClassVar[str] = "tests.lamp.broke.v1"

    told: list[str] = []

    @events.subscribe(LampBroke)
    def fail(event: LampBroke) -> None:
        raise LookupError("broken subscriber")

    @events.subscribe(LampBroke)
    def tell(event: LampBroke) -> None:
        told.append(event.name)

    with caplog.at_level(logging.ERROR), unit_of_work():
        beat("kept")
        events.publish(LampBroke(occurred_at=NOW))
    assert told == ["tests.lamp.broke.v1"]
    assert beats() == {"kept"}
    assert "A subscriber failed" in caplog.text


def test_a_subscriber_may_open_a_unit_of_its_own() -> None:
    @dataclass(frozen=True, kw_only=True)
    class LampSold(events.DomainEvent):
        name: ClassVar[str] = "tests.lamp.sold.v1"

    @events.subscribe(LampSold)
    def note(event: LampSold) -> None:
        with unit_of_work():
            beat("by the subscriber")

    with unit_of_work():
        events.publish(LampSold(occurred_at=NOW))
    assert beats() == {"by the subscriber"}


def test_rows_are_locked_in_order_of_their_key_and_only_inside_a_unit() -> None:
    for name in ("b", "a"):
        beat(name)
    with pytest.raises(RuntimeError):
        lock_rows(Heartbeat.objects.all())
    with unit_of_work():
        assert [row.name for row in lock_rows(Heartbeat.objects.all())] == ["a", "b"]
