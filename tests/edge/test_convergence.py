"""How a device comes to agree with its server, decided without clock, file or socket."""

from typing import Any

from edge.protocol.convergence import RESEND_AFTER_S, Held, TwinReporter, reported_state
from edge.protocol.limits import MAX_DOCUMENT_BYTES
from edge.protocol.messages import TwinAck, TwinReported


def report(
    reporter: TwinReporter, document: dict[str, Any], *, version: int = 0, seq: int = 0, at: float
) -> TwinReported | None:
    return reporter.next_report(document, desired_version=version, seq=seq, monotonic=at)


def test_only_a_newer_document_is_taken_over() -> None:
    held = Held().taking(3, {"a": 1})
    assert held == Held(3, {"a": 1})
    assert held.taking(3, {"a": 2}) is None
    assert held.taking(2, {"a": 2}) is None
    assert held.taking(4, {}) == Held(4, {})


def test_what_is_held_survives_being_written_down_and_nonsense_is_nothing_held() -> None:
    held = Held(9, {"a": [1, None]})
    assert Held.from_plain(held.to_plain()) == held
    for nonsense in (None, [], {}, {"version": True, "document": {}}, {"version": 1}):
        assert Held.from_plain(nonsense) == Held()


def test_own_facts_are_not_overruled_and_go_first_when_there_is_no_room() -> None:
    assert reported_state({"firmware": "1"}, {"firmware": "2", "a": 1}) == {"firmware": "1", "a": 1}
    large = {"a": "x" * (MAX_DOCUMENT_BYTES - 8)}
    assert reported_state({"firmware": "1"}, large) == large


def test_the_first_report_is_whole_and_the_next_tells_only_what_changed() -> None:
    reporter = TwinReporter()
    first = report(reporter, {"a": 1, "b": 2}, seq=4, at=0)
    assert first is not None
    assert (first.document, first.patch, first.seq) == ({"a": 1, "b": 2}, None, 4)
    assert report(reporter, {"a": 5}, seq=5, at=1) is None, "one at a time"
    reporter.acknowledged(TwinAck("twin.3", 1))
    assert report(reporter, {"a": 5}, seq=5, at=1) is None, "that was another report"
    reporter.acknowledged(TwinAck(first.report_id or "", 1))
    second = report(reporter, {"a": 5}, seq=5, at=1)
    assert second is not None
    assert (second.document, second.patch) == (None, {"a": 5, "b": None})


def test_nothing_new_is_not_said_and_a_desired_version_taken_over_is_news() -> None:
    reporter = TwinReporter()
    report(reporter, {"a": 1}, at=0)
    reporter.acknowledged(TwinAck("twin.0", 1))
    assert report(reporter, {"a": 1.0}, seq=1, at=1) is None
    again = report(reporter, {"a": 1}, version=7, seq=1, at=1)
    assert again is not None
    assert (again.patch, again.desired_version) == ({}, 7)


def test_what_is_not_acknowledged_in_time_is_sent_again_as_a_whole() -> None:
    reporter = TwinReporter()
    report(reporter, {"a": 1}, at=0)
    reporter.acknowledged(TwinAck("twin.0", 1))
    assert report(reporter, {"a": 2}, seq=1, at=1) is not None
    assert report(reporter, {"a": 2}, seq=2, at=0.9 + RESEND_AFTER_S) is None
    again = report(reporter, {"a": 2}, seq=2, at=1 + RESEND_AFTER_S)
    assert again is not None
    assert (again.document, again.seq) == ({"a": 2}, 2)


def test_a_null_that_no_patch_can_say_is_told_by_the_whole_document() -> None:
    reporter = TwinReporter()
    report(reporter, {"a": 1}, at=0)
    reporter.acknowledged(TwinAck("twin.0", 1))
    whole = report(reporter, {"a": None}, seq=1, at=1)
    assert whole is not None
    assert whole.document == {"a": None}
