"""The parts of the agent on their own: queue, jitter, boards and figures."""

import os
import random
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.agent import durable_file
from edge.agent.drivers.file_board import FileBoard
from edge.agent.drivers.gpio import GpioBoard
from edge.agent.errors import ConfigurationInvalid, StateUnreadable
from edge.agent.metrics import MetricsSampler
from edge.agent.telemetry_store import TelemetryStore, count_pending, forget_readings
from edge.protocol.backoff import Backoff
from edge.protocol.duties import CommandRing
from edge.protocol.fields import is_metric_name
from edge.protocol.messages import Ack, AckStatus

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
DONE = CommandRing([Ack("c1", AckStatus.SUCCEEDED)])


def filled_store(path: Path, *, boot_id: str, count: int, capacity: int = 100) -> TelemetryStore:
    store = TelemetryStore(path, boot_id=boot_id, capacity=capacity)
    for number in range(count):
        store.append({"n": float(number)}, at=NOW)
    return store


def sequence_numbers(store: TelemetryStore) -> list[int]:
    batch = store.oldest_batch()
    return [] if batch is None else [reading.seq for reading in batch.readings]


def test_an_acknowledgement_forgets_what_it_covers_and_nothing_else(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "queue", boot_id="b1", count=5)
    assert store.acknowledge(boot_id="b1", acked_seq=2) == 0, "none was sent yet"
    store.oldest_batch(limit=3)
    assert store.acknowledge(boot_id="b1", acked_seq=1) == 2
    assert store.acknowledge(boot_id="b1", acked_seq=99) == 1, "the others were not sent"
    assert store.acknowledge(boot_id="other", acked_seq=99) == 0
    assert sequence_numbers(store) == [3, 4]
    assert len(store) == count_pending(tmp_path / "queue") == 2
    store.close()


def test_a_store_that_was_begun_this_moment_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "queue").touch()
    assert count_pending(tmp_path / "queue") == count_pending(tmp_path / "none") == 0


def test_a_full_queue_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "queue", boot_id="b1", count=7, capacity=3)
    assert sequence_numbers(store) == [4, 5, 6]
    assert store.dropped == 4
    store.close()


def test_an_earlier_boot_is_sent_first_and_alone(tmp_path: Path) -> None:
    filled_store(tmp_path / "queue", boot_id="b1", count=2).close()
    store = filled_store(tmp_path / "queue", boot_id="b2", count=2)
    batch = store.oldest_batch()
    assert batch is not None
    assert (batch.boot_id, len(batch.readings), len(store)) == ("b1", 2, 4)
    assert batch.readings[0].at == NOW
    store.acknowledge(boot_id="b1", acked_seq=1)
    second = store.oldest_batch()
    assert second is not None
    assert second.boot_id == "b2"
    store.close()


def test_forgotten_readings_leave_nothing_behind(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "queue", boot_id="b1", count=3)
    store.close()
    (tmp_path / "queue-wal").touch()
    forget_readings(tmp_path / "queue")
    forget_readings(tmp_path / "queue")
    assert list(tmp_path.iterdir()) == []


def test_files_that_root_writes_belong_to_whom_the_directory_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, uid, gid: given.append((uid, gid)))
    durable_file.write(tmp_path / "key", "secret")
    owner = tmp_path.stat()
    assert given == [(owner.st_uid, owner.st_gid)]


def test_a_damaged_queue_is_named_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "queue").write_text("no database" * 100)
    with pytest.raises(StateUnreadable, match="remove it"):
        TelemetryStore(tmp_path / "queue", boot_id="b1")


def test_a_queue_that_fails_at_run_time_costs_figures_and_nothing_else(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "queue", boot_id="b1", count=2)
    with closing(sqlite3.connect(tmp_path / "queue")) as intruder:
        intruder.execute("DROP TABLE readings")
    store.append({"n": 1.0}, at=NOW)
    assert store.acknowledge(boot_id="b1", acked_seq=9) == 0
    assert store.oldest_batch() is None
    assert store.dropped == 1
    store.close()


def test_the_wait_is_jittered_under_a_ceiling_that_doubles() -> None:
    delays = {Backoff(source=random.Random(seed)).next_delay() for seed in range(50)}
    assert all(1 <= delay <= 2 for delay in delays)
    assert len(delays) == 50
    backoff = Backoff(source=random.Random(1))
    later = [backoff.next_delay() for _ in range(200)]
    assert max(later) <= 120
    assert max(later) > 100
    assert min(later) >= 1


def test_only_a_stable_connection_resets_the_wait() -> None:
    backoff = Backoff(source=random.Random(1))
    for _ in range(20):
        backoff.next_delay()
    backoff.connection_lasted(59)
    assert max(backoff.next_delay() for _ in range(50)) > 100
    backoff.connection_lasted(60)
    assert backoff.next_delay() <= 2


def test_the_server_is_never_asked_sooner_than_it_wants() -> None:
    backoff = Backoff(source=random.Random(1))
    delays = [backoff.next_delay(retry_after=300) for _ in range(20)]
    assert min(delays) > 300
    assert len(set(delays)) == 20


def test_a_board_keeps_positions_and_memory_together(tmp_path: Path) -> None:
    FileBoard(tmp_path / "board", relay_count=2).commit((True, False), DONE)
    board = FileBoard(tmp_path / "board", relay_count=2)
    assert board.relays == (True, False)
    assert board.ring.recall("c1") == Ack("c1", AckStatus.SUCCEEDED)


def test_a_board_may_grow_and_shrink(tmp_path: Path) -> None:
    FileBoard(tmp_path / "board", relay_count=2).commit((True, True), DONE)
    assert FileBoard(tmp_path / "board", relay_count=3).relays == (True, True, False)
    assert FileBoard(tmp_path / "board", relay_count=1).relays == (True,)


@pytest.mark.parametrize("damage", ["", "{}", '{"relays":[1],"commands":[]}', "[]", '{"relays":7}'])
def test_a_damaged_board_is_never_taken_for_an_empty_one(damage: str, tmp_path: Path) -> None:
    (tmp_path / "board").write_text(damage)
    with pytest.raises(StateUnreadable, match="damaged"):
        FileBoard(tmp_path / "board", relay_count=2)


class Pin:
    """An output pin that remembers what it was told."""

    def __init__(self, number: int, is_on: bool) -> None:
        self.number = number
        self.is_on = is_on
        self.is_broken = False
        self.is_closed = False

    def on(self) -> None:
        self._set(True)

    def off(self) -> None:
        self._set(False)

    def _set(self, is_on: bool) -> None:
        if self.is_broken:
            raise RuntimeError("no such line")
        self.is_on = is_on

    def close(self) -> None:
        self.is_closed = True


def gpio_board(path: Path) -> tuple[GpioBoard, list[Pin]]:
    pins: list[Pin] = []

    def opener(number: int, is_on: bool) -> Any:
        pins.append(Pin(number, is_on))
        return pins[-1]

    return GpioBoard(path, pins=(17, 27), open_pin=opener), pins


def test_gpio_pins_follow_the_board_and_are_restored_at_start(tmp_path: Path) -> None:
    board, pins = gpio_board(tmp_path / "board")
    board.commit((False, True), DONE)
    assert [pin.is_on for pin in pins] == [False, True]
    board.close()
    assert all(pin.is_closed for pin in pins)
    board, pins = gpio_board(tmp_path / "board")
    assert [(pin.number, pin.is_on) for pin in pins] == [(17, False), (27, True)]
    assert board.ring.recall("c1") is not None


def test_a_pin_that_fails_leaves_no_memory_of_success(tmp_path: Path) -> None:
    board, pins = gpio_board(tmp_path / "board")
    pins[1].is_broken = True
    with pytest.raises(OSError, match="no such line"):
        board.commit((True, True), DONE)
    assert board.relays == (False, False)
    assert pins[0].is_on is False, "the pin that had moved went back"
    assert board.ring.recall("c1") is None


def test_a_missing_gpio_library_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(ConfigurationInvalid, match=r"homepot-agent\[gpio\]"):
        GpioBoard(tmp_path / "board", pins=(17,))


def test_the_figures_are_real_and_speakable() -> None:
    sampler = MetricsSampler()
    first, second = sampler.sample(monotonic=10.0), sampler.sample(monotonic=20.0)
    assert 0 <= second["cpu_percent"] <= 100
    assert 0 < second["memory_used_bytes"] <= second["memory_total_bytes"]
    assert second["uptime_s"] > 0
    assert "net_sent_bytes_per_s" not in first, "a rate needs two samples"
    assert second["net_sent_bytes_per_s"] >= 0
    assert all(is_metric_name(name) for name in second)
