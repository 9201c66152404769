"""The same seed, the same fate; and no device's fate hangs on another's."""

from statistics import fmean, pstdev

import pytest

from edge.protocol.messages import Telemetry, TelemetryAck
from edge.simulator.chaos import BatchFate
from edge.simulator.dice import Stream
from edge.simulator.outages import OutagePlan
from edge.simulator.readings import Spans, digest
from tests.simulator.cores import Bench, bench, said

pytestmark = pytest.mark.core


def test_a_stream_is_fair_and_the_same_for_its_name_alone() -> None:
    dice = Stream("a")
    drawn = [dice.random() for _ in range(20_000)]
    again = Stream("a")
    assert drawn[:50] == [again.random() for _ in range(50)]
    assert drawn[0] != Stream("b").random()
    assert 0.49 < fmean(drawn) < 0.51 and min(drawn) >= 0 and max(drawn) < 1
    bell = [dice.gauss(5, 2) for _ in range(20_000)]
    assert abs(fmean(bell) - 5) < 0.1 and abs(pstdev(bell) - 2) < 0.1
    assert {dice.randint(1, 3) for _ in range(200)} == {1, 2, 3}


def test_a_device_meets_the_same_fate_alone_and_among_others() -> None:
    alone = _faults(bench(probability=0.5, fault_every_s=1))
    neighbours = [bench(index=index, probability=0.5, fault_every_s=1) for index in range(3)]
    for one in reversed(neighbours):
        one.wait(50)
    assert _faults(neighbours[0]) == alone
    assert _faults(neighbours[1]) != alone


def _faults(of: Bench) -> list[dict[str, object]]:
    of.wait(60 - of.now)
    return [record for record in of.records("chaos") if "telemetry" not in record["fault"]]


def test_a_site_goes_away_as_one_and_only_that_site() -> None:
    plan = OutagePlan(seed=3, every_s=100, share=0.25, away_s=(10, 20))
    assert plan.sites == 4
    first = {index: plan.next_of(index, after=0) for index in range(40)}
    for index, outage in first.items():
        assert outage == first[index % 4]
    starts = {outage.starts_at for outage in first.values() if outage is not None}
    assert len(starts) == 4, "each site has an outage of its own"
    later = plan.next_of(0, after=first[0].starts_at)
    assert later is not None and later.starts_at > first[0].starts_at
    assert OutagePlan(seed=3).next_of(0, after=0) is None


@pytest.mark.parametrize("fate", [fate for fate in BatchFate if fate is not BatchFate.NORMAL])
def test_whatever_becomes_of_batches_no_reading_is_forgotten_before_its_ack(fate) -> None:
    one = bench(probability=1.0, batch_fates=(fate,), fault_every_s=1e9, late_ack_s=(1, 2))
    stored: set[tuple[str, int]] = set()
    acked = Spans()
    for _ in range(40):
        one.wait(10)
        for batch in said(one.fresh_since_last(), Telemetry):
            stored |= {(batch.boot_id, reading.seq) for reading in batch.readings}
            one.say(TelemetryAck(batch.boot_id, batch.readings[-1].seq))
    for record in one.records("acked"):
        acked.add(record["first"], record["last"])
    numbers = {seq for _, seq in stored}
    assert len(acked) <= len(numbers)
    waiting = {item.seq for item in one.core.flash.telemetry}
    highest = max(waiting | numbers)
    assert waiting | {seq for seq in range(highest + 1) if seq in acked} == set(range(highest + 1))
    assert bool(numbers) is (fate is not BatchFate.LOST)


def test_spans_hold_what_was_added_in_any_order() -> None:
    spans = Spans()
    for first, last in ((5, 9), (0, 2), (10, 12), (1, 6), (20, 20)):
        spans.add(first, last)
    assert spans.pairs == [[0, 12], [20, 20]]
    assert (len(spans), 12 in spans, 13 in spans) == (14, True, False)


def test_a_digest_stands_for_the_content_and_not_for_how_it_is_written() -> None:
    assert digest(1, {"a": 2.0, "b": 1.5}) == digest(1, {"b": 1.5, "a": 2})
    assert digest(1, {"a": 2.0}) != digest(1, {"a": 2.1}) != digest(2, {"a": 2.1})
